"""placeOrder as it arrives, openOrder and completedOrder as they leave: three layouts of one order.

The names are those of IB's API, so that a field an order brought is given back under the same name.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hydra.simgateway.tables import Below, Layout, Names, Repeat, Since, Table, Values, When, names, read
from hydra.simgateway.wire import Cursor, decimal_or_none, frame

OPEN_ORDER_ID: Final = "5"
COMPLETED_ORDER_ID: Final = "101"

_ZERO: Final = names(
    "outsideRth hidden discretionaryAmt origin shortSaleSlot auctionStrategy displaySize "
    "blockOrder sweepToFill allOrNone ocaType eTradeOnly firmQuoteOnly parentId triggerMethod "
    "continuousUpdate optOutSmartRouting notHeld dncPresent solicited whatIf randomizeSize "
    "randomizePrice dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice "
    "usePriceMgmtAlgo autoCancelParent refFuturesConId imbalanceOnly routeMarketableToBbo "
    "parentPermId adjustableTrailingUnit"
)
# What an unset field is sent as where empty text would not parse or would change the meaning.
DEFAULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_ZERO.names, "0"),
    "exemptCode": "-1",
    "openClose": "O",
}


def _has(name: str) -> "_Has":
    return _Has(name)


class _Has:
    """Is the field non-empty? (A class, so that tables stay hashable and print readably.)"""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, fields: Mapping[str, str]) -> bool:
        return bool(fields.get(self.name))


def _is_combo(fields: Mapping[str, str]) -> bool:
    return fields.get("secType") == "BAG"


def _scales(fields: Mapping[str, str]) -> bool:
    increment = decimal_or_none(fields.get("scalePriceIncrement", ""), "scalePriceIncrement")
    return increment is not None and increment > 0


def _delta_neutral_contract(fields: Mapping[str, str]) -> bool:
    return fields.get("dncPresent") not in (None, "", "0")


def _order_type(*wanted: str) -> "_OrderType":
    return _OrderType(frozenset(wanted))


class _OrderType:
    __slots__ = ("wanted",)

    def __init__(self, wanted: frozenset[str]) -> None:
        self.wanted = wanted

    def __call__(self, fields: Mapping[str, str]) -> bool:
        return fields.get("orderType") in self.wanted


def _at_ibkr_ats(fields: Mapping[str, str]) -> bool:
    return fields.get("exchange") == "IBKRATS"


def _competes_without_limit(fields: Mapping[str, str]) -> bool:
    return fields.get("competeAgainstBestOffset", "").lower() in ("infinite", "inf", "infinity")


_LEGS: Final = Repeat("comboLegs", width=8)
_LEG_PRICES: Final = Repeat("orderComboLegs", width=1)
_ROUTING: Final = Repeat("smartComboRoutingParams", width=2)
_ALGO: Final = When(_has("algoStrategy"), (Repeat("algoParams", width=2),))
_HEDGE: Final = When(_has("hedgeType"), (names("hedgeParam"),))
_SCALE: Final = When(
    _scales,
    (
        names(
            "scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset "
            "scaleInitPosition scaleInitFillQty scaleRandomPercent"
        ),
    ),
)
_DELTA_NEUTRAL: Final = When(
    _has("deltaNeutralOrderType"),
    (
        names(
            "deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount "
            "deltaNeutralClearingIntent deltaNeutralOpenClose deltaNeutralShortSale "
            "deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation"
        ),
    ),
)
_UNDER: Final = When(_delta_neutral_contract, (names("dncConId dncDelta dncPrice"),))
_PEG_BENCH: Final = When(
    _order_type("PEG BENCH", "PEGBENCH"),
    (
        names(
            "referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount "
            "referenceExchangeId"
        ),
    ),
)
_CONDITIONS: Final = Repeat(
    "conditions",
    width_by_first=(("1", 7), ("3", 4), ("4", 4), ("5", 5), ("6", 6), ("7", 6)),
    tail=("conditionsIgnoreRth", "conditionsCancelOrder"),
)
_PEGS: Final = Since(
    170, ("minTradeQty", "minCompeteSize", "competeAgainstBestOffset", "midOffsetAtWhole", "midOffsetAtHalf")
)

PLACE_ORDER: Final[Table] = (
    names(
        "orderId conId symbol secType lastTradeDateOrContractMonth strike right multiplier exchange "
        "primaryExchange currency localSymbol tradingClass secIdType secId action totalQuantity orderType "
        "lmtPrice auxPrice tif ocaGroup account openClose origin orderRef transmit parentId blockOrder "
        "sweepToFill displaySize triggerMethod outsideRth hidden"
    ),
    When(_is_combo, (_LEGS, _LEG_PRICES, _ROUTING)),
    names("obsolete discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage"),
    Below(177, ("faProfile",)),
    names(
        "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone "
        "minQty percentOffset eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice "
        "stockRefPrice delta stockRangeLower stockRangeUpper overridePercentageConstraints volatility "
        "volatilityType deltaNeutralOrderType deltaNeutralAuxPrice"
    ),
    _DELTA_NEUTRAL,
    names(
        "continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize "
        "scaleSubsLevelSize scalePriceIncrement"
    ),
    _SCALE,
    names("scaleTable activeStartTime activeStopTime hedgeType"),
    _HEDGE,
    names("optOutSmartRouting clearingAccount clearingIntent notHeld dncPresent"),
    _UNDER,
    names("algoStrategy"),
    _ALGO,
    names("algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice"),
    _PEG_BENCH,
    _CONDITIONS,
    names(
        "adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice "
        "adjustedTrailingAmount adjustableTrailingUnit extOperator softDollarName softDollarValue cashQty "
        "mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo "
        "dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo"
    ),
    Since(158, ("duration",)),
    Since(160, ("postToAts",)),
    Since(162, ("autoCancelParent",)),
    Since(166, ("advancedErrorOverride",)),
    Since(169, ("manualOrderTime",)),
)
# Since 170, after everything else; kept apart because the gate holds a group.
_PLACE_ORDER_PEGS: Final[Table] = (
    When(_at_ibkr_ats, (names("minTradeQty"),)),
    When(
        _order_type("PEG BEST", "PEGBEST"),
        (
            names("minCompeteSize competeAgainstBestOffset"),
            When(_competes_without_limit, (names("midOffsetAtWhole midOffsetAtHalf"),)),
        ),
    ),
    When(_order_type("PEG MID", "PEGMID"), (names("midOffsetAtWhole midOffsetAtHalf"),)),
)

OPEN_ORDER: Final[Table] = (
    names(
        "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
        "clientId permId outsideRth hidden discretionaryAmt goodAfterTime obsolete faGroup faMethod "
        "faPercentage"
    ),
    Below(177, ("faProfile",)),
    names(
        "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation "
        "exemptCode auctionStrategy startingPrice stockRefPrice delta stockRangeLower stockRangeUpper "
        "displaySize blockOrder sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly "
        "nbboPriceCap parentId triggerMethod volatility volatilityType deltaNeutralOrderType "
        "deltaNeutralAuxPrice"
    ),
    _DELTA_NEUTRAL,
    names(
        "continuousUpdate referencePriceType trailStopPrice trailingPercent basisPoints basisPointsType "
        "comboLegsDescrip"
    ),
    _LEGS,
    _LEG_PRICES,
    _ROUTING,
    names("scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement"),
    _SCALE,
    names("hedgeType"),
    _HEDGE,
    names("optOutSmartRouting clearingAccount clearingIntent notHeld dncPresent"),
    _UNDER,
    names("algoStrategy"),
    _ALGO,
    names(
        "solicited whatIf status initMarginBefore maintMarginBefore equityWithLoanBefore initMarginChange "
        "maintMarginChange equityWithLoanChange initMarginAfter maintMarginAfter equityWithLoanAfter "
        "commission minCommission maxCommission commissionCurrency warningText randomizeSize "
        "randomizePrice"
    ),
    _PEG_BENCH,
    _CONDITIONS,
    names(
        "adjustedOrderType triggerPrice trailStopPrice lmtPriceOffset adjustedStopPrice "
        "adjustedStopLimitPrice adjustedTrailingAmount adjustableTrailingUnit softDollarName "
        "softDollarValue softDollarDisplayName cashQty dontUseAutoPriceForHedge isOmsContainer "
        "discretionaryUpToLimitPrice usePriceMgmtAlgo"
    ),
    Since(158, ("duration",)),
    Since(160, ("postToAts",)),
    Since(162, ("autoCancelParent",)),
    _PEGS,
)

COMPLETED_ORDER: Final[Table] = (
    names(
        "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
        "permId outsideRth hidden discretionaryAmt goodAfterTime faGroup faMethod faPercentage"
    ),
    Below(177, ("faProfile",)),
    names(
        "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation "
        "exemptCode startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize "
        "sweepToFill allOrNone minQty ocaType triggerMethod volatility volatilityType "
        "deltaNeutralOrderType deltaNeutralAuxPrice"
    ),
    When(
        _has("deltaNeutralOrderType"),
        (
            names(
                "deltaNeutralConId deltaNeutralShortSale deltaNeutralShortSaleSlot "
                "deltaNeutralDesignatedLocation"
            ),
        ),
    ),
    names("continuousUpdate referencePriceType trailStopPrice trailingPercent comboLegsDescrip"),
    _LEGS,
    _LEG_PRICES,
    _ROUTING,
    names("scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement"),
    _SCALE,
    names("hedgeType"),
    _HEDGE,
    names("clearingAccount clearingIntent notHeld dncPresent"),
    _UNDER,
    names("algoStrategy"),
    _ALGO,
    names("solicited status randomizeSize randomizePrice"),
    _PEG_BENCH,
    _CONDITIONS,
    names(
        "trailStopPrice lmtPriceOffset cashQty dontUseAutoPriceForHedge isOmsContainer autoCancelDate "
        "filledQuantity refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketableToBbo "
        "parentPermId completedTime completedStatus"
    ),
    _PEGS,
)


_PLACE_LAYOUT: Final = Layout(PLACE_ORDER)
_OPEN_LAYOUT: Final = Layout(OPEN_ORDER, DEFAULTS)
_COMPLETED_LAYOUT: Final = Layout(COMPLETED_ORDER, DEFAULTS)


def read_place_order(fields: list[str], version: int) -> Values:
    """A placeOrder message (fields[0] is its id) as named values; WireError if it is no whole order."""
    cursor, values = Cursor(fields), Values()
    _PLACE_LAYOUT.at(version).read(fields, 1, cursor, values)
    if version >= 170:
        read(_PLACE_ORDER_PEGS, cursor, values)
    return values


def write_open_order(order_id: int, contract: Sequence[str], values: Values, version: int) -> bytes:
    """openOrder as a frame; `contract` is the block of 11 fields."""
    out = [OPEN_ORDER_ID, str(order_id), *contract]
    _OPEN_LAYOUT.at(version).write(values, out)
    return frame(out)


def write_completed_order(contract: Sequence[str], values: Values, version: int) -> bytes:
    """completedOrder as a frame: no order id and no client id, the protocol has none here."""
    out = [COMPLETED_ORDER_ID, *contract]
    _COMPLETED_LAYOUT.at(version).write(values, out)
    return frame(out)


def echoed(values: Values) -> dict[str, str]:
    """The fields of a placed order that openOrder must give back and that differ from unset."""
    return {
        name: value
        for name, value in values.fields.items()
        if value and value != DEFAULTS.get(name, "") and name in _ECHOED and decimal_safe(value)
    }


def decimal_safe(value: str) -> bool:
    """False for the raw spellings of *unset*, which are sent back as empty."""
    return value not in ("2147483647", "9223372036854775807") and not value.startswith("1.797693134862315")


_ECHOED: Final = frozenset(
    name
    for table in (OPEN_ORDER, COMPLETED_ORDER)
    for part in table
    if isinstance(part, Names)
    for name in part.names
) & frozenset(name for part in PLACE_ORDER if isinstance(part, Names) for name in part.names)
