"""Between IB's wire and the domain: raw fields to evidence, children to orders. Pure, exact, no float kept.

Execution times come in three shapes: with a zone name, with a dash (UTC), and bare (the gateway's own zone);
the client library reads the dashed one as local, so the text is read here.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from ib_async import contract as ib_contract
from ib_async import order as ib_order

from hydra.domain.contract import Contract
from hydra.domain.events import ChildSending
from hydra.domain.evidence import (
    CommissionReport,
    CompletedOrder,
    ExecutionReport,
    StatusReport,
    WorkingOrder,
)
from hydra.domain.quantity import Side

_UNSET_FLOAT_MIN = Decimal("1e300")
_UNSET_INT = 2147483647
_ABBREVIATED_ZONES = {
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "PST": "America/Los_Angeles",
    "GMT": "Europe/London",
    "BST": "Europe/London",
    "MET": "Europe/Berlin",
    "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin",
    "JST": "Asia/Tokyo",
}
_SIDES = {"BOT": Side.BUY, "SLD": Side.SELL, "BUY": Side.BUY, "SELL": Side.SELL}


def decimal_of(text: object) -> Decimal | None:
    """A finite number of the wire; None where it is empty, unset, infinite or no number."""
    try:
        number = Decimal(str(text).strip() or "NaN")
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= _UNSET_FLOAT_MIN:
        return None
    return number


def lots_of(text: object) -> int:
    """Whole lots; ValueError for anything else, so that a fraction never rounds into a fill."""
    number = decimal_of(text)
    if number is None or number != number.to_integral_value():
        raise ValueError(f"not whole lots: {text!r}")
    return int(number)


def int_of(text: str) -> int:
    """An id of the wire; empty and unset are 0."""
    number = int(text or 0)
    return 0 if number == _UNSET_INT else number


def zone_of(name: str) -> ZoneInfo:
    """The time zone IB names; KeyError for one nobody knows."""
    short = name.split(" ")[0].strip()
    return ZoneInfo(_ABBREVIATED_ZONES.get(short, short))


def instant_of(text: str, own_zone: ZoneInfo) -> datetime:
    """An execution's time as an instant in UTC; ValueError or KeyError when it cannot be read."""
    parts = text.split()
    if len(parts) == 1 and parts[0].isdigit() and len(parts[0]) > 8:
        return datetime.fromtimestamp(int(parts[0]), UTC)
    if len(parts) == 1:
        return datetime.strptime(parts[0], "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    zone = zone_of(parts[2]) if len(parts) > 2 else own_zone
    local = datetime.strptime(f"{parts[0]} {parts[1]}", "%Y%m%d %H:%M:%S").replace(tzinfo=zone)
    return local.astimezone(UTC)


def day_of(text: str) -> date:
    """A `YYYYMMDD` date, whatever follows it."""
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


# --- evidence -----------------------------------------------------------------------------------------


def status_of(fields: Sequence[str], wall_s: float) -> StatusReport:
    """orderStatus (3)."""
    return StatusReport(
        client_id=int_of(fields[9]),
        ib_order_id=int_of(fields[1]),
        perm_id=int_of(fields[6]),
        status=fields[2],
        filled=lots_of(fields[3] or 0),
        remaining=lots_of(fields[4] or 0),
        received_wall_s=wall_s,
    )


def execution_of(fields: Sequence[str], own_zone: ZoneInfo, wall_s: float) -> ExecutionReport:
    """execDetails (11)."""
    px = decimal_of(fields[20])
    if px is None or not fields[14]:
        raise ValueError(f"an execution without id or price: {fields[14]!r} {fields[20]!r}")
    return ExecutionReport(
        exec_id=fields[14],
        client_id=int_of(fields[22]),
        ib_order_id=int_of(fields[2]),
        perm_id=int_of(fields[21]),
        order_ref=fields[26],
        con_id=int_of(fields[3]),
        symbol=fields[4],
        side=_SIDES[fields[18]],
        qty=lots_of(fields[19]),
        px=px,
        executed_at=instant_of(fields[15], own_zone),
        is_liquidation=int_of(fields[23]) != 0,
        received_wall_s=wall_s,
    )


def commission_of(fields: Sequence[str], wall_s: float) -> CommissionReport | None:
    """commissionReport (59); None while the amount is not set."""
    amount = decimal_of(fields[3])
    return None if amount is None else CommissionReport(fields[2], amount, wall_s)


def working_of(
    contract: ib_contract.Contract, order: ib_order.Order, state: ib_order.OrderState, wall_s: float
) -> WorkingOrder:
    """openOrder (5), decoded by the client library."""
    return WorkingOrder(
        client_id=order.clientId,
        ib_order_id=order.orderId,
        perm_id=order.permId,
        order_ref=order.orderRef,
        con_id=contract.conId,
        side=_SIDES[order.action],
        qty=lots_of(order.totalQuantity),
        limit_px=decimal_of(order.lmtPrice) if order.orderType == "LMT" else None,
        status=state.status,
        received_wall_s=wall_s,
    )


def completed_of(
    contract: ib_contract.Contract, order: ib_order.Order, state: ib_order.OrderState
) -> CompletedOrder:
    """completedOrder (101): neither order id nor client id is on the wire."""
    filled = decimal_of(order.filledQuantity)
    return CompletedOrder(
        perm_id=order.permId,
        order_ref=order.orderRef,
        con_id=contract.conId,
        status=state.status,
        filled=0 if filled is None else lots_of(filled),
    )


# --- commands -----------------------------------------------------------------------------------------


def good_till_text(good_till: datetime) -> str:
    """GTD on the wire, in UTC: a time without a zone would be read in the gateway's."""
    return f"{good_till.astimezone(UTC):%Y%m%d-%H:%M:%S}"


def ib_contract_of(contract: Contract) -> ib_contract.Contract:
    """The contract as a request or an order names it: by its con_id."""
    return ib_contract.Contract(
        secType="FUT",
        conId=contract.con_id,
        symbol=contract.symbol,
        lastTradeDateOrContractMonth=f"{contract.last_trade_on:%Y%m%d}",
        multiplier=f"{contract.multiplier:f}",
        exchange=contract.exchange,
        currency=contract.currency,
        localSymbol=contract.local_symbol,
    )


def limit_order_of(sending: ChildSending, account: str) -> ib_order.Order:
    """A fresh limit order of one child; tif and outsideRth explicit, so that no preset fills them in."""
    return ib_order.Order(
        orderId=sending.ib_order_id,
        clientId=sending.client_id,
        action=sending.side.value,
        totalQuantity=sending.qty,
        orderType="LMT",
        lmtPrice=Decimal(f"{sending.limit_px:f}"),
        tif="GTD",
        goodTillDate=good_till_text(sending.good_till),
        outsideRth=False,
        account=account,
        orderRef=sending.order_ref,
        transmit=True,
    )
