"""Orders as the broker keeps them: who placed them, what is left, how they ended; ids per client."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hydra.simgateway.records import (
    Executed,
    FrameTaken,
    IdsRolledBack,
    OrderAccepted,
    OrderEnded,
    OrderModified,
)

# Not an id a client may use: what the broker itself places (liquidation) carries client 0 and this.
BROKER_CLIENT_ID: Final = 0
LIQUIDATION_ORDER_ID: Final = -1
MANUAL_ORDER_ID: Final = 0


class Status(StrEnum):
    """IB's words for an order's state, as orderStatus and openOrder carry them."""

    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"


# Outcomes of order messages whose order id counts as not yet used.
UNREAD: Final = frozenset({"held", "lost", "refused:100"})
DONE: Final = frozenset({Status.FILLED, Status.CANCELLED, Status.INACTIVE})


@dataclass(slots=True)
class SimOrder:
    """One order of any client; quantities in lots, prices as quoted."""

    perm_id: int
    client_id: int
    order_id: int
    con_id: int
    symbol: str
    side: str
    qty: int
    order_type: str
    limit: Decimal | None
    tif: str
    good_till: datetime | None
    order_ref: str
    accepted_at: datetime
    status: Status
    echo: dict[str, str] = field(default_factory=dict)
    cum_qty: int = 0
    notional: Decimal = Decimal(0)
    last_px: Decimal = Decimal(0)
    ended_at: datetime | None = None
    reason: str = ""

    @property
    def leaves_qty(self) -> int:
        return 0 if self.is_done else self.qty - self.cum_qty

    @property
    def avg_px(self) -> Decimal:
        return self.notional / self.cum_qty if self.cum_qty else Decimal(0)

    @property
    def is_done(self) -> bool:
        return self.status in DONE

    @property
    def is_foreign(self) -> bool:
        """Placed by no API client: the broker's own or a person's at the screen."""
        return self.order_id <= 0


@dataclass(slots=True)
class Frame:
    """One order message that reached the gateway, and what came of it."""

    frame: int
    at: datetime
    kind: str
    client_id: int
    order_id: int
    order_ref: str
    outcome: str


class Orders:
    """All orders ever accepted, the id high-water marks and the order messages received."""

    def __init__(self) -> None:
        self.by_perm: dict[int, SimOrder] = {}
        self.working: dict[int, SimOrder] = {}
        self.frames: dict[int, Frame] = {}
        self._by_client: dict[tuple[int, int], SimOrder] = {}
        self._highest_id: dict[int, int] = {}

    def find(self, client_id: int, order_id: int) -> SimOrder | None:
        """The order this client knows under this id."""
        return self._by_client.get((client_id, order_id))

    def highest_id(self, client_id: int) -> int:
        return self._highest_id.get(client_id, 0)

    def ended(self) -> Iterator[SimOrder]:
        return (order for order in self.by_perm.values() if order.is_done)

    # --- folds of records ---------------------------------------------------------------------------

    def accept(self, record: OrderAccepted) -> None:
        order = SimOrder(
            perm_id=record.perm_id,
            client_id=record.client_id,
            order_id=record.order_id,
            con_id=record.con_id,
            symbol=record.symbol,
            side=record.side,
            qty=record.qty,
            order_type=record.order_type,
            limit=record.limit,
            tif=record.tif,
            good_till=record.good_till,
            order_ref=record.order_ref,
            accepted_at=record.at,
            status=Status.SUBMITTED if record.is_working else Status.PRE_SUBMITTED,
            echo=record.echo,
        )
        self.by_perm[order.perm_id] = order
        self.working[order.perm_id] = order
        if record.frame:
            self._by_client[order.client_id, order.order_id] = order
            self._took(record.at, record.frame, "placeOrder", order, "accepted")

    def modify(self, record: OrderModified) -> None:
        order = self.by_perm[record.perm_id]
        order.qty, order.limit, order.tif = record.qty, record.limit, record.tif
        order.good_till, order.order_ref, order.echo = record.good_till, record.order_ref, record.echo
        self._took(record.at, record.frame, "placeOrder", order, "modified")

    def activate(self, perm_id: int) -> None:
        self.by_perm[perm_id].status = Status.SUBMITTED

    def execute(self, record: Executed) -> None:
        order = self.by_perm[record.perm_id]
        order.cum_qty += record.qty
        order.notional += record.qty * record.price
        order.last_px = record.price
        if order.cum_qty >= order.qty and not order.is_done:
            self._end(order, Status.FILLED, record.at, "")

    def end(self, record: OrderEnded) -> None:
        order = self.by_perm[record.perm_id]
        self._end(order, Status(record.status), record.at, record.reason)
        if record.frame:
            self._took(record.at, record.frame, "cancelOrder", order, "cancelled")

    def take_frame(self, record: FrameTaken) -> None:
        if record.kind == "placeOrder" and record.outcome not in UNREAD:
            self._raise_highest(record.client_id, record.order_id)
        known = self.frames.get(record.frame)
        if known is not None:
            known.outcome = record.outcome
            return
        self.frames[record.frame] = Frame(
            record.frame,
            record.at,
            record.kind,
            record.client_id,
            record.order_id,
            record.order_ref,
            record.outcome,
        )

    def roll_back(self, record: IdsRolledBack) -> None:
        self._highest_id[record.client_id] = record.highest_id
        forgotten = [
            key
            for key, order in self._by_client.items()
            if key[0] == record.client_id and key[1] > record.highest_id and order.is_done
        ]
        for key in forgotten:
            del self._by_client[key]

    def _end(self, order: SimOrder, status: Status, at: datetime, reason: str) -> None:
        order.status, order.ended_at, order.reason = status, at, reason
        self.working.pop(order.perm_id, None)

    def _took(self, at: datetime, frame: int, kind: str, order: SimOrder, outcome: str) -> None:
        self.take_frame(
            FrameTaken(at, frame, kind, order.client_id, order.order_id, order.order_ref, outcome)
        )

    def _raise_highest(self, client_id: int, order_id: int) -> None:
        if order_id > self._highest_id.get(client_id, 0):
            self._highest_id[client_id] = order_id
