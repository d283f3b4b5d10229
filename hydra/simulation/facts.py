"""What the oracle knows: folds of its own over the gateway's records and over the ledger's committed rows.

Nothing of the product's state machines is used here; a child's state is read off the kinds of its events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hydra.simgateway.records import (
    Executed,
    ExecutionRevised,
    FrameTaken,
    OrderAccepted,
    OrderEnded,
    OrderModified,
    Record,
)
from hydra.simulation.disk import Row

OWN: Final = "H-"
LIVE: Final = frozenset({"PENDING_NEW", "WORKING", "PARTIALLY_FILLED", "PENDING_CANCEL"})
ENDS: Final = {
    "ChildNotSent": "NOT_SENT",
    "ChildCancelled": "CANCELLED",
    "ChildExpired": "EXPIRED",
    "ChildRejected": "REJECTED",
    "ChildLapsed": "LAPSED",
    "ChildResolved": "RESOLVED",
}


def root_of(exec_id: str) -> tuple[str, int]:
    """The root of an execution id and its revision: all but the last dotted group, and that group."""
    root, _, last = exec_id.rpartition(".")
    return root, int(last)


@dataclass(slots=True)
class Deal:
    """One execution at its highest revision, as one side has it."""

    exec_id: str
    revision: int
    order_ref: str
    con_id: int
    side: str
    qty: int
    px: Decimal
    gross: int = 0

    @property
    def signed(self) -> int:
        return self.qty if self.side == "BUY" else -self.qty

    @property
    def told(self) -> tuple[object, ...]:
        return (self.revision, self.order_ref, self.con_id, self.side, self.qty, self.px)


# --- the gateway's books ------------------------------------------------------------------------------


@dataclass(slots=True)
class GatewayOrder:
    """An order as the gateway's journal has it; `gross` are lots ever executed, busted ones included."""

    accepted: OrderAccepted
    accepted_s: float
    qty: int
    gross: int = 0
    is_working: bool = True

    @property
    def committed(self) -> int:
        return max(self.qty, self.gross) if self.is_working else self.gross


class GatewayFacts:
    """The fold of the gateway's records."""

    def __init__(self) -> None:
        self.orders: dict[int, GatewayOrder] = {}
        self.perm_ids: dict[str, list[int]] = {}
        self.frames: dict[str, set[int]] = {}
        self.deals: dict[str, Deal] = {}

    def apply(self, record: Record, now_s: float) -> None:
        match record:
            case OrderAccepted():
                self.orders[record.perm_id] = GatewayOrder(record, now_s, record.qty)
                if record.order_ref:
                    self.perm_ids.setdefault(record.order_ref, []).append(record.perm_id)
                    self.frames.setdefault(record.order_ref, set()).add(record.frame)
            case OrderModified():
                self.orders[record.perm_id].qty = record.qty
                self.frames.setdefault(record.order_ref, set()).add(record.frame)
            case FrameTaken() if record.kind == "placeOrder" and record.order_ref:
                self.frames.setdefault(record.order_ref, set()).add(record.frame)
            case OrderEnded():
                self.orders[record.perm_id].is_working = False
            case Executed():
                self._execute(record)
            case ExecutionRevised():
                root, revision = root_of(record.exec_id)
                deal = self.deals[root]
                deal.exec_id, deal.revision, deal.qty, deal.px = (
                    record.exec_id,
                    revision,
                    record.qty,
                    record.price,
                )
            case _:
                pass

    def _execute(self, record: Executed) -> None:
        order = self.orders[record.perm_id]
        order.gross += record.qty
        order.is_working = order.is_working and order.gross < order.qty
        root, revision = root_of(record.exec_id)
        made = order.accepted
        self.deals[root] = Deal(
            record.exec_id, revision, made.order_ref, made.con_id, made.side, record.qty, record.price
        )

    def committed_of(self, parent_id: str) -> int:
        """Filled and working lots of a parent's orders."""
        prefix = f"{OWN}{parent_id}-C"
        return sum(
            self.orders[perm_id].committed
            for ref, perm_ids in self.perm_ids.items()
            if ref.startswith(prefix)
            for perm_id in perm_ids
        )

    def positions(self) -> dict[int, int]:
        return positions_of(self.deals)


# --- the ledger ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class ChildFacts:
    """A child as the ledger's rows have it."""

    order_ref: str
    sending: Mapping[str, Any]
    sent_s: float
    pid: int
    state: str = "PENDING_NEW"
    gross: int = 0

    @property
    def qty(self) -> int:
        return int(self.sending["qty"])

    @property
    def reserved(self) -> int:
        return max(self.qty - self.gross, 0) if self.state in LIVE else 0


@dataclass(slots=True)
class ParentFacts:
    """A parent as the ledger's rows have it."""

    plan: Mapping[str, Any]
    opened: Mapping[str, Any] | None = None
    status: str = "PLANNED"
    reason: str = ""

    @property
    def order_qty(self) -> int:
        return int(self.opened["order_qty"]) if self.opened else 0

    @property
    def is_done(self) -> bool:
        """Ended, whatever the end: traded, refused, in doubt, or nothing to do."""
        if self.status == "PLANNED":
            return bool(self.plan["target"] == self.plan["position"])
        return self.status != "WORKING"


@dataclass(slots=True)
class LedgerFacts:
    """The fold of the committed rows; `written` counts how often each execution was booked."""

    parents: dict[str, ParentFacts] = field(default_factory=dict)
    children: dict[str, ChildFacts] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    written: Counter[tuple[str, int]] = field(default_factory=Counter)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    breakers: dict[str, str] = field(default_factory=dict)
    halts: list[tuple[str, str]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    adopted: Counter[int] = field(default_factory=Counter)
    newest: str = ""
    forgotten: dict[str, str] = field(default_factory=dict)

    @classmethod
    def after_loss(cls, before: "LedgerFacts", rows: Iterable[Row], now_s: float) -> "LedgerFacts":
        """The fold of what damage has left; of a child that is gone, only what it was is remembered."""
        left = cls()
        for row in rows:
            left.apply(row, now_s, 0)
        known = {**before.forgotten, **{ref: child.state for ref, child in before.children.items()}}
        left.forgotten = {ref: state for ref, state in known.items() if ref not in left.children}
        left.newest = before.newest
        return left

    def apply(self, row: Row, now_s: float, pid: int) -> None:
        said = row.payload
        match row.kind:
            case "SessionPlanned":
                self.parents[row.stream] = ParentFacts(said)
            case "IntentDenied":
                parent = self.parents[row.stream]
                parent.status, parent.reason = "DENIED", "; ".join(said["reasons"])
            case "ParentOpened":
                parent = self.parents[row.stream]
                parent.opened, parent.status, parent.reason = said, "WORKING", ""
            case "ParentClosed":
                parent = self.parents[row.stream]
                parent.status, parent.reason = said["status"], said["reason"]
            case "ChildSending":
                self.newest = said["order_ref"]
                self.children[self.newest] = ChildFacts(self.newest, said, now_s, pid)
            case "ChildFilled" | "ForeignExecutionBooked":
                self._book(said)
            case "TradingStateChanged":
                self.states[said["scope"]] = (said["state"], said["reason"])
                if said["state"] == "HALTED":
                    self.halts.append((said["scope"], said["reason"]))
            case "BreakerMoved":
                self.breakers[said["breaker"]] = said["state"]
            case "ReconciliationFound":
                self.found.append(said["kind"])
            case "PositionAdopted":
                self.adopted[said["con_id"]] += said["lots"]
            case _:
                self._move(row.kind, said)

    def _move(self, kind: str, said: Mapping[str, Any]) -> None:
        child = self.children.get(said.get("order_ref", ""))
        if child is None:
            return
        if kind in ENDS:
            child.state = ENDS[kind]
        elif kind == "ChildAcknowledged" and child.state == "PENDING_NEW":
            child.state = "WORKING"
        elif kind == "ChildCancelRequested" and child.state in LIVE:
            child.state = "PENDING_CANCEL"

    def _book(self, said: Mapping[str, Any]) -> None:
        root, revision = said["exec_root"], int(said["revision"])
        self.written[root, revision] += 1
        known = self.deals.get(root)
        if known is not None and known.revision >= revision:
            return
        qty = int(said["last_qty"])
        order_ref = str(said["order_ref"])
        gross = known.gross if known else 0
        self.deals[root] = Deal(
            *(said["exec_id"], revision, order_ref, said["con_id"], said["side"], qty),
            *(Decimal(said["last_px"]), max(gross, qty)),
        )
        child = self.children.get(order_ref)
        if child is None or "client_id" in said:
            return
        child.gross += max(qty - gross, 0)
        if child.state in LIVE:
            if child.gross >= child.qty:
                child.state = "FILLED"
            elif child.state != "PENDING_CANCEL":
                child.state = "PARTIALLY_FILLED"

    def state_of_child(self, order_ref: str) -> str:
        """The state of a child, the last known one where a damaged ledger forgot it; NONE without a child."""
        child = self.children.get(order_ref)
        return child.state if child is not None else self.forgotten.get(order_ref, "NONE")

    def positions(self) -> dict[int, int]:
        held = Counter(positions_of(self.deals))
        held.update(self.adopted)
        return {con_id: lots for con_id, lots in held.items() if lots}

    def exposure(self, con_id: int) -> tuple[int, int]:
        """The lowest and highest position possible: every live sell fills, or every live buy."""
        low = high = self.positions().get(con_id, 0)
        for child in self.children.values():
            if child.sending["con_id"] == con_id and child.state in LIVE:
                if child.sending["side"] == "BUY":
                    high += child.reserved
                else:
                    low -= child.reserved
        return low, high

    def state_of(self, symbol: str) -> str:
        """The strictest trading state in force for a symbol."""
        states = {state for scope, (state, _) in self.states.items() if scope in ("ALL", symbol)}
        return "HALTED" if "HALTED" in states else "REDUCING" if "REDUCING" in states else "ACTIVE"


def positions_of(deals: Mapping[str, Deal]) -> dict[int, int]:
    """Lots by contract, flat ones left out."""
    held: Counter[int] = Counter()
    for deal in deals.values():
        held[deal.con_id] += deal.signed
    return {con_id: lots for con_id, lots in held.items() if lots}
