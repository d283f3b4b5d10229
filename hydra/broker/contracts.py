"""A symbol made a contract: one con_id, its grid, its hours, or a refusal that says why not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from ib_async import contract as ib_contract
from ib_async.objects import PriceIncrement

from hydra.broker.connection import Connection
from hydra.broker.intake import Books
from hydra.broker.trading_hours import parse_hours, session_dates
from hydra.broker.translate import day_of, decimal_of, zone_of
from hydra.domain.contract import Contract, PriceBand
from hydra.ports import Refused, Unknown

NO_DEFINITION = 200


# Where configuration names no other: the days to its last trade that the expiry traded must have left.
FRONT_DAYS_MIN = 20


async def qualify(
    books: Books, connection: Connection, next_id: Callable[[], int], symbol: str, month: str | None
) -> Contract | Refused | Unknown:
    """The contract of a month (`YYYYMM`), or else the nearest expiry with enough days left."""
    wanted = ib_contract.Contract(
        secType="FUT",
        symbol=symbol,
        exchange=books.options.exchanges.get(symbol, ""),
        currency="USD",
        lastTradeDateOrContractMonth=month or "",
    )
    details = await _details(books, connection, next_id, wanted)
    if not isinstance(details, list):
        return details
    today = books.clock.now().date()
    chosen = choose(details, symbol, month, today, books.options.front_days_min.get(symbol, FRONT_DAYS_MIN))
    if isinstance(chosen, Refused):
        return chosen
    return await _read(books, connection, chosen)


async def qualify_id(
    books: Books, connection: Connection, next_id: Callable[[], int], con_id: int
) -> Contract | Refused | Unknown:
    """The contract of an IB contract id: what is held is named by nothing else."""
    details = await _details(books, connection, next_id, ib_contract.Contract(conId=con_id))
    if not isinstance(details, list):
        return details
    if len(details) != 1:
        return Refused(NO_DEFINITION, f"contract id {con_id}: {len(details)} definitions")
    return await _read(books, connection, details[0])


async def _details(
    books: Books, connection: Connection, next_id: Callable[[], int], wanted: ib_contract.Contract
) -> list[ib_contract.ContractDetails] | Refused | Unknown:
    req_id = next_id()
    rows = await connection.requests.ask(
        req_id,
        lambda: connection.client.reqContractDetails(req_id, wanted),
        books.options.request_timeout_s,
    )
    return cast(list[ib_contract.ContractDetails], rows) if isinstance(rows, list) else rows


async def _read(
    books: Books, connection: Connection, details: ib_contract.ContractDetails
) -> Contract | Refused | Unknown:
    try:
        contract = contract_of(details)
    except (ValueError, KeyError, IndexError) as problem:
        return Refused(NO_DEFINITION, f"{_own(details).symbol}: contract details cannot be read: {problem}")
    return await _with_bands(books, connection, contract, details)


def choose(
    details: list[ib_contract.ContractDetails], symbol: str, month: str | None, today: date, days_min: int
) -> ib_contract.ContractDetails | Refused:
    """The one that is meant; what remains ambiguous is refused, never guessed."""
    own = [one for one in details if _own(one).symbol == symbol and _own(one).secType == "FUT"]
    if month is not None:
        own = [one for one in own if month in (one.contractMonth, _expiry(one).strftime("%Y%m%d"))]
        what = f"{symbol} {month}"
    else:
        own = [one for one in own if _expiry(one) >= today + timedelta(days=days_min)]
        what = f"{symbol} with at least {days_min} days to its last trade"
    if not own:
        return Refused(NO_DEFINITION, f"no contract {what}")
    first = min(_expiry(one) for one in own)
    nearest = {_own(one).conId: one for one in own if _expiry(one) == first}
    if len(nearest) > 1:
        named = ", ".join(
            f"{_own(one).localSymbol}@{_own(one).exchange} ({con_id})" for con_id, one in nearest.items()
        )
        return Refused(NO_DEFINITION, f"{what} is ambiguous: {named}")
    return next(iter(nearest.values()))


def contract_of(details: ib_contract.ContractDetails) -> Contract:
    """The details in the domain's words; ValueError or KeyError where a needed fact is missing."""
    own = _own(details)
    min_tick, multiplier = decimal_of(details.minTick), decimal_of(own.multiplier)
    if min_tick is None or min_tick <= 0 or multiplier is None or multiplier <= 0:
        raise ValueError(f"minTick {details.minTick!r}, multiplier {own.multiplier!r}")
    zone = zone_of(details.timeZoneId)
    hours = parse_hours(details.tradingHours, zone)
    return Contract(
        con_id=own.conId,
        symbol=own.symbol,
        exchange=own.exchange,
        currency=own.currency,
        local_symbol=own.localSymbol,
        contract_month=details.contractMonth,
        last_trade_on=_expiry(details),
        multiplier=multiplier,
        price_magnifier=max(details.priceMagnifier, 1),
        min_tick=min_tick,
        order_types=frozenset(details.orderTypes.split(",")),
        time_zone=details.timeZoneId,
        hours=hours,
        sessions_on=session_dates(hours, zone),
    )


async def _with_bands(
    books: Books, connection: Connection, contract: Contract, details: ib_contract.ContractDetails
) -> Contract | Refused | Unknown:
    """The contract with its market rule; a rule that is named but not told leaves the grid unknown."""
    rule_id = _rule_id(details)
    if rule_id is None:
        return contract
    rows = await connection.requests.ask_fixed(
        f"marketRule-{rule_id}",
        lambda: connection.client.reqMarketRule(rule_id),
        books.options.request_timeout_s,
        is_required=False,
    )
    if not isinstance(rows, list):
        return rows
    increments = cast(list[PriceIncrement], rows)
    try:
        return replace(contract, bands=bands_of(increments, contract))
    except ValueError as problem:
        return Refused(NO_DEFINITION, f"{contract.local_symbol}: market rule {rule_id}: {problem}")


def _rule_id(details: ib_contract.ContractDetails) -> int | None:
    """The rule of the contract's own exchange; rules and valid exchanges are told in parallel lists."""
    rules = [rule for rule in details.marketRuleIds.split(",") if rule]
    exchanges = details.validExchanges.split(",")
    if _own(details).exchange in exchanges:
        at = exchanges.index(_own(details).exchange)
        return int(rules[at]) if at < len(rules) else None
    return int(rules[0]) if len(rules) == 1 else None


def bands_of(increments: list[PriceIncrement], contract: Contract) -> tuple[PriceBand, ...]:
    """The rule in quoted points, whether IB told it in those or, like minTick, before the magnifier."""
    pairs = sorted(
        (Decimal(str(one.lowEdge)), Decimal(str(one.increment))) for one in increments if one.increment > 0
    )
    if not pairs:
        return ()
    finest = min(increment for _, increment in pairs)
    if finest % contract.tick == 0:
        return tuple(PriceBand(low, increment) for low, increment in pairs)
    if finest % contract.min_tick == 0:
        magnifier = contract.price_magnifier
        return tuple(PriceBand(low * magnifier, increment * magnifier) for low, increment in pairs)
    raise ValueError(f"increment {finest} is no multiple of minTick {contract.min_tick}")


def _expiry(details: ib_contract.ContractDetails) -> date:
    return day_of(details.realExpirationDate or _own(details).lastTradeDateOrContractMonth)


def _own(details: ib_contract.ContractDetails) -> ib_contract.Contract:
    if details.contract is None:
        raise ValueError("contract details without a contract")
    return details.contract
