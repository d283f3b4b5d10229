"""The facts the ledger keeps: frozen, named in the past tense, folded by `hydra.domain.order`.

`ChildSending` is the one exception to the tense: it is the promise made before the act.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hydra.domain.quantity import Side


class Algo(StrEnum):
    """How a parent is worked: one patient ladder after another, or TWAP slices of ladders."""

    LADDER = "LADDER"
    TWAP = "TWAP"


class TradingState(StrEnum):
    """What may be sent: everything, only what provably shrinks exposure, or nothing but cancels."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True)
class PlannedSlice:
    """One slice of a parent's plan: by its end `cum_target` lots of the parent should be done."""

    no: int
    start_at: datetime
    end_at: datetime
    cum_target: int


# --- planning: written once for a (session, symbol) -------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionPlanned:
    """The size decision of one symbol in one session; a rerun reads it and never sizes again."""

    parent_id: str
    session_on: date
    symbol: str
    con_id: int
    target: int
    position: int
    equity_usd: Decimal
    bars_hash: str
    champion_id: str
    config_hash: str
    by: str


@dataclass(frozen=True, slots=True)
class IntentDenied:
    """The risk gate refused the whole intent; nothing of this parent was or will be sent."""

    parent_id: str
    side: Side
    order_qty: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParentOpened:
    """The approved order as a whole, with its absolute times and the market it was decided in."""

    parent_id: str
    con_id: int
    side: Side
    order_qty: int
    algo: Algo
    start_at: datetime
    deadline_at: datetime
    slices: tuple[PlannedSlice, ...]
    arrival_px: Decimal
    spread_px: Decimal
    adv_lots: int
    sigma_day: Decimal
    tick: Decimal
    usd_per_point: Decimal


@dataclass(frozen=True, slots=True)
class ParentClosed:
    """The end of a parent's session: FILLED, REMAINDER with its reason, or IN_DOUBT."""

    parent_id: str
    status: str
    reason: str


# --- a child's life ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChildPriced:
    """The market a child was priced in, committed together with its `ChildSending`."""

    order_ref: str
    slice_no: int
    step: str
    bid_px: Decimal | None
    ask_px: Decimal | None
    mid_px: Decimal
    predicted_slippage_bps: Decimal


@dataclass(frozen=True, slots=True)
class ChildSending:
    """The promise to send one immutable child; it commits before the socket is touched (law 1)."""

    order_ref: str
    parent: str
    con_id: int
    side: Side
    qty: int
    limit_px: Decimal
    good_till: datetime
    client_id: int
    ib_order_id: int
    lease_epoch: int
    verdict: str
    champion_id: str
    config_hash: str
    build_id: str
    approver: str


@dataclass(frozen=True, slots=True)
class ChildNotSent:
    """The process that never called write, under the same lease, says so: terminal, nothing executed."""

    order_ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChildAcknowledged:
    """The broker named the child: it has a permId."""

    order_ref: str
    perm_id: int


@dataclass(frozen=True, slots=True)
class ChildCancelRequested:
    """A cancel is about to be sent; the child keeps its whole reservation until its end is proven."""

    order_ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChildFilled:
    """One execution; a higher revision of the same root replaces the lower (law 5)."""

    order_ref: str
    exec_id: str
    exec_root: str
    revision: int
    con_id: int
    side: Side
    last_qty: int
    last_px: Decimal
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class ChildCommissioned:
    """The commission of one execution, reported after it."""

    order_ref: str
    exec_id: str
    exec_root: str
    commission_usd: Decimal


@dataclass(frozen=True, slots=True)
class ChildCancelled:
    """A cancel is proven: terminal status, a complete snapshot after it, and the settle time."""

    order_ref: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ChildExpired:
    """A child that was live is proven gone after its good_till."""

    order_ref: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ChildRejected:
    """The broker refused the child and a complete snapshot agrees that it does not exist."""

    order_ref: str
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class ChildLapsed:
    """Proven never live: two complete snapshots after good_till + settle lack it (law 3)."""

    order_ref: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ChildResolved:
    """A named person settled a doubt: never live, or filled so many lots at a price."""

    order_ref: str
    filled_qty: int
    avg_px: Decimal | None
    by: str
    reason: str


# --- what the broker does by itself, and what people decide -----------------------------------------


@dataclass(frozen=True, slots=True)
class ForeignExecutionBooked:
    """An execution that no child of ours made: liquidation, manual trade, bust, another client."""

    exec_id: str
    exec_root: str
    revision: int
    con_id: int
    symbol: str
    side: Side
    last_qty: int
    last_px: Decimal
    executed_at: datetime
    client_id: int
    order_ref: str


@dataclass(frozen=True, slots=True)
class PositionAdopted:
    """A named person takes a position difference into the books; negative lots shrink it."""

    con_id: int
    symbol: str
    lots: int
    avg_px: Decimal
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class TradingStateChanged:
    """Trading is narrowed (by anyone) or widened (by a named person) within a scope: ALL, or one symbol."""

    scope: str
    state: TradingState
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """A circuit breaker changed its state: ACTIVE, TRIGGERED, COOLDOWN(n)."""

    breaker: str
    state: str
    cooldown_left: int
    value: Decimal
    threshold: Decimal
    period: str
    by: str


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """Account equity at an instant: the session's opening value and the persisted peak come from these."""

    session_on: date
    equity_usd: Decimal
    kind: str


@dataclass(frozen=True, slots=True)
class PaperSessionCounted:
    """What one session on a paper account showed: the paper gate's evidence; its latest count stands.

    `connections` are those the process had by then, `findings` what it could not explain; `unequal_positions`
    are the contracts in which ledger and broker differed at the end.
    """

    session_on: date
    build_id: str
    parents: int
    orders: int
    executions: int
    connections: int
    in_doubt: int
    findings: int
    unequal_positions: int


@dataclass(frozen=True, slots=True)
class PaperGateJudged:
    """The paper gate's verdict over the counted sessions; the latest one decides whether live may begin."""

    account: str
    sessions: int
    reasons: tuple[str, ...]
    build_id: str
    by: str

    @property
    def is_passed(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class ReconciliationFound:
    """One difference between our books and the broker's, named and explained."""

    kind: str
    con_id: int
    symbol: str
    ours: str
    theirs: str
    explanation: str


ParentEvent = (
    SessionPlanned
    | IntentDenied
    | ParentOpened
    | ParentClosed
    | ChildPriced
    | ChildSending
    | ChildNotSent
    | ChildAcknowledged
    | ChildCancelRequested
    | ChildFilled
    | ChildCommissioned
    | ChildCancelled
    | ChildExpired
    | ChildRejected
    | ChildLapsed
    | ChildResolved
)
