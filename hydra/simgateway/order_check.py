"""May this order exist? Pure checks of a placeOrder message against contract, calendar and clock."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from hydra.simgateway.calendar import segments, session_close
from hydra.simgateway.contract_messages import ContractQuery, Listing, NoDefinition
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.tables import Values
from hydra.simgateway.wire import WireError, decimal_or_none, number_text, parse_time

QTY_MAX: Final = 1_000_000
_ORDER_TYPES: Final = {"LMT": "LMT", "LIMIT": "LMT", "MKT": "MKT", "MARKET": "MKT"}
_TIFS: Final = frozenset({"DAY", "GTC", "GTD", "IOC"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """IB's answer to an order that never exists."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sound order, not yet on the books; `good_till` is also set for DAY orders (their session's end)."""

    contract: SimContract
    side: str
    qty: int
    order_type: str
    limit: Decimal | None
    tif: str
    good_till: datetime | None
    order_ref: str


def check_order(
    values: Values, listing: Listing, settings: GatewaySettings, at: datetime, on: date
) -> Ticket | Refusal:
    """The ticket of a placeOrder message, or the first reason against it; `on` is the broker's day.

    Raises WireError for malformed fields.
    """
    fields = values.fields
    if fields["secType"] == "BAG" or values.rows.get("conditions"):
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    found = listing.find_one(_query(fields), on, needs_exchange=True)
    if isinstance(found, NoDefinition):
        code = 321 if not fields["exchange"] else 200
        return Refusal(code, found.text)
    if fields["account"] not in ("", settings.account):
        return Refusal(
            321, f"Error validating request.-'bW' : cause - Invalid account code '{fields['account']}'."
        )
    problem = _side(fields) or _quantity(fields) or _type(fields) or _price(fields, found)
    if problem is not None:
        return problem
    good_till = _good_till(fields, found, settings, at)
    if isinstance(good_till, Refusal):
        return good_till
    order_type = _ORDER_TYPES[fields["orderType"]]
    return Ticket(
        contract=found,
        side=fields["action"],
        qty=int(decimal_or_none(fields["totalQuantity"], "totalQuantity") or 0),
        order_type=order_type,
        limit=decimal_or_none(fields["lmtPrice"], "lmtPrice") if order_type == "LMT" else None,
        tif=fields["tif"] or "DAY",
        good_till=good_till,
        order_ref=fields["orderRef"],
    )


def _query(fields: dict[str, str]) -> ContractQuery:
    con_id = decimal_or_none(fields["conId"], "conId")
    return ContractQuery(
        int(con_id or 0),
        fields["symbol"],
        fields["secType"],
        fields["lastTradeDateOrContractMonth"],
        fields["multiplier"],
        fields["exchange"],
        fields["primaryExchange"],
        fields["currency"],
        fields["localSymbol"],
        fields["tradingClass"],
    )


def _side(fields: dict[str, str]) -> Refusal | None:
    if fields["action"] in ("BUY", "SELL"):
        return None
    return Refusal(
        321, f"Error validating request.-'bW' : cause - Invalid order action '{fields['action'][:20]}'."
    )


def _quantity(fields: dict[str, str]) -> Refusal | None:
    qty = decimal_or_none(fields["totalQuantity"], "totalQuantity")
    if qty is None or qty == 0:
        return Refusal(434, "The order size cannot be zero.")
    if qty < 0 or qty > QTY_MAX:
        return Refusal(
            321, f"Error validating request.-'bW' : cause - Order size {number_text(qty)} is not valid."
        )
    if qty != qty.to_integral_value():
        return Refusal(
            10243, "Fractional-sized order cannot be placed via API. Please use desktop version instead."
        )
    return None


def _type(fields: dict[str, str]) -> Refusal | None:
    if fields["orderType"] not in _ORDER_TYPES:
        return Refusal(387, "Unsupported order type for this exchange and security type.")
    if (fields["tif"] or "DAY") not in _TIFS:
        return Refusal(201, f"Order rejected - reason:Invalid time in force: {fields['tif'][:20]}")
    return None


def _price(fields: dict[str, str], contract: SimContract) -> Refusal | None:
    if _ORDER_TYPES[fields["orderType"]] != "LMT":
        return None
    limit = decimal_or_none(fields["lmtPrice"], "lmtPrice")
    if limit is None:
        return Refusal(321, "Error validating request.-'bW' : cause - Please enter a valid limit price.")
    if limit % contract.tick != 0:
        return Refusal(110, "The price does not conform to the minimum price variation for this contract.")
    return None


def _good_till(
    fields: dict[str, str], contract: SimContract, settings: GatewaySettings, at: datetime
) -> datetime | Refusal | None:
    """The moment the venue itself ends the order; no order outlives its contract's last session."""
    last_session = segments(contract, contract.last_trade_on)[-1][1]
    tif = fields["tif"] or "DAY"
    if tif in ("GTC", "IOC"):
        return last_session
    if tif == "DAY":
        return min(session_close(contract, at), last_session)
    try:
        good_till = parse_time(fields["goodTillDate"], settings.iana_zone)
    except WireError:
        return Refusal(334, "Invalid Good Till Date order")
    if good_till <= at:
        return Refusal(201, "Order rejected - reason:The order's good-till date and time have passed")
    return min(good_till, last_session)
