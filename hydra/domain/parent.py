"""The parent order: planned once, opened once, worked by children, closed with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    ChildPriced,
    ChildSending,
    IntentDenied,
    ParentClosed,
    ParentEvent,
    ParentOpened,
    SessionPlanned,
)
from hydra.domain.order import ChildOrder, fold_child, started


class ParentStatus(StrEnum):
    """PLANNED and nothing to do, refused, being worked, or ended."""

    PLANNED = "PLANNED"
    DENIED = "DENIED"
    WORKING = "WORKING"
    FILLED = "FILLED"
    REMAINDER = "REMAINDER"
    IN_DOUBT = "IN_DOUBT"


# status -> the events that may come next; child events are legal once the parent is open, for ever
# (a fill after the close is real), so they are not in the table.
NEXT: dict[ParentStatus | None, dict[type, ParentStatus | None]] = {
    None: {SessionPlanned: ParentStatus.PLANNED},
    ParentStatus.PLANNED: {IntentDenied: ParentStatus.DENIED, ParentOpened: ParentStatus.WORKING},
    # a rerun judges the same plan again: a denial is a verdict of its moment, the size is not
    ParentStatus.DENIED: {IntentDenied: ParentStatus.DENIED, ParentOpened: ParentStatus.WORKING},
    ParentStatus.WORKING: {ParentClosed: None},
    ParentStatus.FILLED: {ParentClosed: None},
    ParentStatus.REMAINDER: {ParentClosed: None},
    ParentStatus.IN_DOUBT: {ParentClosed: None},
}


@dataclass(frozen=True, slots=True)
class ParentOrder:
    """The folded state of one stream."""

    plan: SessionPlanned
    seq: int
    status: ParentStatus = ParentStatus.PLANNED
    opened: ParentOpened | None = None
    denied: IntentDenied | None = None
    reason: str = ""
    children: tuple[ChildOrder, ...] = ()
    _priced: dict[str, ChildPriced] = field(default_factory=dict)

    @property
    def parent_id(self) -> str:
        return self.plan.parent_id

    @property
    def order_qty(self) -> int:
        return self.opened.order_qty if self.opened else 0

    @property
    def cum_qty(self) -> int:
        return sum(child.cum_qty for child in self.children)

    @property
    def gross_qty(self) -> int:
        """Lots ever executed, busted ones included: a bust is never traded again by itself."""
        return sum(child.gross_qty for child in self.children)

    @property
    def leaves_qty(self) -> int:
        return self.order_qty - self.cum_qty if self.opened else 0

    @property
    def reserved_qty(self) -> int:
        return sum(child.reserved_qty for child in self.children)

    @property
    def live_children(self) -> tuple[ChildOrder, ...]:
        return tuple(child for child in self.children if not child.is_terminal)

    @property
    def avg_px(self) -> Decimal | None:
        lots = sum(execution.qty for child in self.children for execution in child.executions)
        if lots == 0:
            return None
        value = sum(
            (execution.px * execution.qty for child in self.children for execution in child.executions),
            Decimal(0),
        )
        return value / lots

    @property
    def is_closed(self) -> bool:
        """Nothing more will be sent for it. PLANNED with nothing to trade counts as closed, too."""
        if self.status is ParentStatus.PLANNED:
            return self.plan.target == self.plan.position
        return self.status not in (ParentStatus.WORKING, ParentStatus.IN_DOUBT)

    def child(self, order_ref: str) -> ChildOrder | None:
        for child in self.children:
            if child.order_ref == order_ref:
                return child
        return None


def end_of_doubt(parent: ParentOrder, how: str) -> ParentClosed | None:
    """The close of a parent whose last doubt is settled, None while one is left or none was.

    A rerun may still work what is left inside its plan.
    """
    if parent.status is not ParentStatus.IN_DOUBT or parent.live_children:
        return None
    left = parent.order_qty - parent.gross_qty
    if left <= 0:
        return ParentClosed(parent.parent_id, ParentStatus.FILLED.value, "")
    reason = f"{left} of {parent.order_qty} lots left when the doubt was settled: {how}"
    return ParentClosed(parent.parent_id, ParentStatus.REMAINDER.value, reason)


def fold_parent(
    events: Iterable[tuple[int, datetime, ParentEvent]], onto: ParentOrder | None = None
) -> ParentOrder | None:
    """The parent that (seq, recorded_at, event) make in order, None for an empty stream."""
    parent = onto
    for seq, at, event in events:
        parent = _step(parent, seq, at, event)
    return parent


def _step(parent: ParentOrder | None, seq: int, at: datetime, event: ParentEvent) -> ParentOrder:
    if isinstance(event, SessionPlanned):
        if parent is not None:
            raise _broken(f"{event.parent_id}: planned twice")
        return ParentOrder(plan=event, seq=seq)
    if parent is None:
        raise _broken(f"stream begins with {type(event).__name__}, not with SessionPlanned")
    if seq != parent.seq + 1:
        raise _broken(f"{parent.parent_id}: event {seq} follows {parent.seq}")
    return _moved(parent, seq, at, event)


def _moved(parent: ParentOrder, seq: int, at: datetime, event: ParentEvent) -> ParentOrder:
    if isinstance(event, IntentDenied | ParentOpened | ParentClosed):
        return _moved_parent(parent, seq, event)
    if isinstance(event, SessionPlanned):
        raise _broken(f"{parent.parent_id}: planned twice")
    if isinstance(event, ChildPriced):
        return replace(parent, seq=seq, _priced={**parent._priced, event.order_ref: event})
    if isinstance(event, ChildSending):
        if parent.opened is None or parent.child(event.order_ref) is not None:
            raise _broken(f"{event.order_ref}: sent before its parent opened, or twice")
        child = started(event, at, parent._priced.get(event.order_ref))
        return replace(parent, seq=seq, children=(*parent.children, child))
    known = parent.child(event.order_ref)
    if known is None:
        raise _broken(f"{event.order_ref}: {type(event).__name__} without ChildSending")
    moved = fold_child(known, event)
    children = tuple(moved if child is known else child for child in parent.children)
    return replace(parent, seq=seq, children=children)


def _broken(detail: str) -> BrokenLaw:
    return BrokenLaw("HY-900", law="of the parent's states", detail=detail)


def _moved_parent(
    parent: ParentOrder, seq: int, event: IntentDenied | ParentOpened | ParentClosed
) -> ParentOrder:
    if type(event) not in NEXT[parent.status]:
        raise _broken(f"{parent.parent_id}: {type(event).__name__} in status {parent.status}")
    if isinstance(event, IntentDenied):
        return replace(
            parent, seq=seq, status=ParentStatus.DENIED, denied=event, reason="; ".join(event.reasons)
        )
    if isinstance(event, ParentOpened):
        return replace(parent, seq=seq, status=ParentStatus.WORKING, opened=event, denied=None, reason="")
    return replace(parent, seq=seq, status=ParentStatus(event.status), reason=event.reason)
