"""The child order's state machine: the table first, the fold below it.

A child never changes its price or quantity; only its state moves. Executions are kept by root with the
highest revision (law 5), so a repeated, reordered or corrected report never counts twice, and a fill that
arrives after a terminal state is still booked. Every state that is not terminal reserves the child's full
quantity (law 4).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    ChildAcknowledged,
    ChildCancelled,
    ChildCancelRequested,
    ChildCommissioned,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildNotSent,
    ChildPriced,
    ChildRejected,
    ChildResolved,
    ChildSending,
)


class ChildState(StrEnum):
    """FIX OrdStatus where FIX has the word; NOT_SENT, LAPSED and RESOLVED are ours alone."""

    PENDING_NEW = "PENDING_NEW"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    LAPSED = "LAPSED"
    NOT_SENT = "NOT_SENT"
    RESOLVED = "RESOLVED"


S = ChildState
LIVE = frozenset({S.PENDING_NEW, S.WORKING, S.PARTIALLY_FILLED, S.PENDING_CANCEL})
TERMINAL = frozenset(S) - LIVE

# (state, what happened) -> next state. What is absent is a broken law. Executions are not in the table:
# they are booked in every state, and only move a live child to PARTIALLY_FILLED or FILLED.
TRANSITIONS: dict[tuple[ChildState, type], ChildState] = {
    (S.PENDING_NEW, ChildNotSent): S.NOT_SENT,
    (S.PENDING_NEW, ChildAcknowledged): S.WORKING,
    (S.WORKING, ChildAcknowledged): S.WORKING,
    (S.PARTIALLY_FILLED, ChildAcknowledged): S.PARTIALLY_FILLED,
    (S.PENDING_CANCEL, ChildAcknowledged): S.PENDING_CANCEL,
    (S.PENDING_NEW, ChildCancelRequested): S.PENDING_CANCEL,
    (S.WORKING, ChildCancelRequested): S.PENDING_CANCEL,
    (S.PARTIALLY_FILLED, ChildCancelRequested): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, ChildCancelRequested): S.PENDING_CANCEL,
}
for _live in LIVE:
    TRANSITIONS[_live, ChildCancelled] = S.CANCELLED
    TRANSITIONS[_live, ChildExpired] = S.EXPIRED
    TRANSITIONS[_live, ChildRejected] = S.REJECTED
    TRANSITIONS[_live, ChildLapsed] = S.LAPSED
    TRANSITIONS[_live, ChildResolved] = S.RESOLVED
# A person may take a verdict back or correct it by naming another; the events stay both.
TRANSITIONS[S.RESOLVED, ChildResolved] = S.RESOLVED

ChildEvent = (
    ChildPriced
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


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution root at its highest revision; `gross_qty` is the most it ever was, before a bust."""

    exec_id: str
    exec_root: str
    revision: int
    qty: int
    px: Decimal
    executed_at: datetime
    gross_qty: int
    commission_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """The folded state of one child."""

    sending: ChildSending
    sent_at: datetime
    priced: ChildPriced | None = None
    state: ChildState = ChildState.PENDING_NEW
    perm_id: int | None = None
    executions: tuple[Execution, ...] = ()
    gross_qty: int = 0
    resolved_qty: int = 0
    cancel_reason: str = ""
    commissions: dict[str, Decimal] = field(default_factory=dict)

    @property
    def order_ref(self) -> str:
        return self.sending.order_ref

    @property
    def cum_qty(self) -> int:
        """Lots executed (FIX 14): by executions, or by a person's verdict where that is more."""
        return max(sum(execution.qty for execution in self.executions), self.resolved_qty)

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def reserved_qty(self) -> int:
        """Lots this child may still turn into executions: all it has not filled until its end is proven."""
        return 0 if self.is_terminal else max(self.sending.qty - self.cum_qty, 0)

    def has_filled(self, told: int) -> bool:
        """Whether the broker's count of filled lots is ours; a count may or may not leave out busted ones."""
        return told in (self.cum_qty, self.gross_qty)

    @property
    def avg_px(self) -> Decimal | None:
        lots = sum(execution.qty for execution in self.executions)
        if lots == 0:
            return None
        return sum((execution.px * execution.qty for execution in self.executions), Decimal(0)) / lots


def started(event: ChildSending, at: datetime, priced: ChildPriced | None) -> ChildOrder:
    """The child as its promise makes it: PENDING_NEW, everything reserved."""
    return ChildOrder(sending=event, sent_at=at, priced=priced)


def fold_child(child: ChildOrder, event: ChildEvent) -> ChildOrder:
    """The child after one more event; BrokenLaw when the table does not know the move."""
    if isinstance(event, ChildFilled):
        return _book(child, event)
    if isinstance(event, ChildCommissioned):
        return _charge(child, event)
    following = TRANSITIONS.get((child.state, type(event)))
    if following is None:
        raise _broken(f"{child.order_ref}: {type(event).__name__} in state {child.state}")
    if isinstance(event, ChildAcknowledged):
        if child.perm_id not in (None, event.perm_id):
            raise _broken(f"{child.order_ref}: two permIds, {child.perm_id} and {event.perm_id}")
        return replace(child, state=following, perm_id=event.perm_id)
    if isinstance(event, ChildCancelRequested):
        return replace(child, state=following, cancel_reason=event.reason)
    if isinstance(event, ChildResolved):
        resolved = replace(child, state=following, resolved_qty=event.filled_qty)
        return replace(resolved, gross_qty=max(child.gross_qty, resolved.cum_qty))
    return replace(child, state=following)


def _broken(detail: str) -> BrokenLaw:
    return BrokenLaw("HY-900", law="of the child's states", detail=detail)


def _book(child: ChildOrder, event: ChildFilled) -> ChildOrder:
    """The execution put in its root's place; lower and equal revisions change nothing."""
    known = {execution.exec_root: execution for execution in child.executions}
    earlier = known.get(event.exec_root)
    if earlier is not None and earlier.revision >= event.revision:
        return child
    known[event.exec_root] = Execution(
        exec_id=event.exec_id,
        exec_root=event.exec_root,
        revision=event.revision,
        qty=event.last_qty,
        px=event.last_px,
        executed_at=event.executed_at,
        gross_qty=max(event.last_qty, earlier.gross_qty if earlier else 0),
        commission_usd=child.commissions.get(event.exec_root),
    )
    executions = tuple(known.values())
    gross_qty = max(child.gross_qty, sum(one.gross_qty for one in executions))
    booked = replace(child, executions=executions, gross_qty=gross_qty)
    return replace(booked, state=_state_after_execution(booked))


def _state_after_execution(child: ChildOrder) -> ChildState:
    if child.is_terminal:
        return child.state
    if child.gross_qty >= child.sending.qty:
        return ChildState.FILLED
    if child.state is ChildState.PENDING_CANCEL:
        return child.state
    return ChildState.PARTIALLY_FILLED if child.cum_qty > 0 else child.state


def _charge(child: ChildOrder, event: ChildCommissioned) -> ChildOrder:
    commissions = {**child.commissions, event.exec_root: event.commission_usd}
    executions = tuple(
        replace(one, commission_usd=event.commission_usd) if one.exec_root == event.exec_root else one
        for one in child.executions
    )
    return replace(child, commissions=commissions, executions=executions)
