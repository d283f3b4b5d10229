"""Child, parent and reconcile as state machines: any order, any repetition, nothing believed too early."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    Algo,
    ChildAcknowledged,
    ChildCancelled,
    ChildCancelRequested,
    ChildCommissioned,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildNotSent,
    ChildRejected,
    ChildResolved,
    ChildSending,
    IntentDenied,
    ParentClosed,
    ParentOpened,
    PlannedSlice,
    SessionPlanned,
)
from hydra.domain.ids import order_ref
from hydra.domain.order import fold_child, started
from hydra.domain.parent import ParentOrder, ParentStatus, fold_parent
from hydra.domain.quantity import Side
from hydra.execution.policy import ExecutionPolicy, Margins

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
DAY = date(2026, 11, 23)
PARENT = "20261123-ZO-1"
REF = order_ref(PARENT, 1)
LIFE = timedelta(seconds=60)
POLICY = ExecutionPolicy()
MARGINS = Margins(timedelta(seconds=10), timedelta(seconds=2), timedelta(0), timedelta(seconds=30))
PERM_ID = 99
SIZE = 5
# How late a report may be at the most: below cancel_settle, as law 5 demands of the broker.
LATE_S = 1.9


def promise(number: int, qty: int) -> ChildSending:
    ref = order_ref(PARENT, number)
    return ChildSending(
        ref, PARENT, 1, Side.BUY, qty, Decimal(380), AT + LIFE, 1, 16 + number, 1, ref, "c", "h", "b", "t"
    )


def filled(ref: str, root: str, revision: int, qty: int) -> ChildFilled:
    return ChildFilled(ref, f"{root}.{revision:02d}", root, revision, 1, Side.BUY, qty, Decimal(380), AT)


ROOTS = st.sampled_from("abc")
LOTS = st.integers(0, SIZE)
REVISIONS = st.integers(1, 3)
ENDS = st.sampled_from([ChildCancelled(REF, "x"), ChildExpired(REF, "x"), ChildRejected(REF, 201, "x")])


class ChildMachine(RuleBasedStateMachine):
    """One child under events in any order; what the table refuses changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.child = started(promise(1, SIZE), AT, None)
        self.newest: dict[str, tuple[int, int]] = {}
        self.gross = 0
        self.end = ""

    def happens(self, event: Any) -> bool:
        before = self.child
        try:
            self.child = fold_child(before, event)
        except BrokenLaw:
            assert self.child is before
            return False
        return True

    @rule(root=ROOTS, revision=REVISIONS, qty=LOTS)
    def fills(self, root: str, revision: int, qty: int) -> None:
        assert self.happens(filled(REF, root, revision, qty))
        if revision > self.newest.get(root, (0, 0))[0]:
            self.newest[root] = (revision, qty)

    @rule(root=ROOTS, usd=st.integers(0, 3))
    def is_charged(self, root: str, usd: int) -> None:
        assert self.happens(ChildCommissioned(REF, f"{root}.01", root, Decimal(usd)))

    @rule(perm_id=st.sampled_from([7, 7, 8]))
    def is_acknowledged(self, perm_id: int) -> None:
        known = self.child.perm_id
        if self.happens(ChildAcknowledged(REF, perm_id)):
            assert known in (None, perm_id)

    @rule()
    def is_asked_to_end(self) -> None:
        assert self.happens(ChildCancelRequested(REF, "step")) or self.child.is_terminal

    @rule(event=st.one_of(ENDS, st.just(ChildLapsed(REF, "x")), st.just(ChildNotSent(REF, "x"))))
    def ends(self, event: Any) -> None:
        was_over = self.child.is_terminal
        if self.happens(event):
            assert not was_over
            self.end = self.child.state

    @rule(lots=LOTS)
    def is_resolved(self, lots: int) -> None:
        if self.happens(ChildResolved(REF, lots, Decimal(380), "ann", "statement")):
            self.end = self.child.state

    @invariant()
    def counts_every_execution_once(self) -> None:
        booked = sum(qty for _, qty in self.newest.values())
        assert self.child.cum_qty == max(booked, self.child.resolved_qty)
        assert self.child.gross_qty >= max(self.gross, self.child.cum_qty)
        self.gross = self.child.gross_qty

    @invariant()
    def reserves_all_it_may_still_fill_until_its_end(self) -> None:
        if self.child.is_terminal:
            assert self.child.reserved_qty == 0
        else:
            assert self.child.reserved_qty == SIZE - self.child.cum_qty > 0

    @invariant()
    def stays_ended_as_it_ended(self) -> None:
        assert not self.end or self.child.state == self.end


class ParentMachine(RuleBasedStateMachine):
    """One stream under events in any order; the whole stream folds to what its events made one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.stream: list[tuple[int, datetime, Any]] = []
        self.parent: ParentOrder | None = None

    def happens(self, event: Any) -> bool:
        entry = (len(self.stream) + 1, AT, event)
        try:
            self.parent = fold_parent([entry], onto=self.parent)
        except BrokenLaw:
            return False
        self.stream.append(entry)
        return True

    @initialize(wanted=st.integers(1, 9))
    def is_planned(self, wanted: int) -> None:
        equity = Decimal(1_000_000)
        plan = SessionPlanned(PARENT, DAY, "ZO", 1, wanted, 0, equity, "b", "c", "h", "t")
        assert self.happens(plan)
        assert not self.happens(plan)

    @rule()
    def opens(self) -> None:
        assert self.parent is not None
        is_first = self.parent.opened is None
        slices = (PlannedSlice(1, AT, AT + LIFE, self.parent.plan.target),)
        opened = ParentOpened(
            *(PARENT, 1, Side.BUY, self.parent.plan.target, Algo.LADDER, AT, AT + 2 * LIFE, slices),
            *(Decimal(380), Decimal("0.5"), 300, Decimal("0.01"), Decimal("0.25"), Decimal(50)),
        )
        assert self.happens(opened) is is_first

    @rule()
    def is_denied(self) -> None:
        assert self.parent is not None
        is_open = self.parent.opened is not None
        assert self.happens(IntentDenied(PARENT, Side.BUY, 1, ("NO_LIMIT: x",))) is not is_open

    @rule(number=st.integers(1, 4), qty=st.integers(1, SIZE))
    def sends(self, number: int, qty: int) -> None:
        assert self.parent is not None
        may = self.parent.opened is not None and self.parent.child(order_ref(PARENT, number)) is None
        assert self.happens(promise(number, qty)) is may

    @rule(number=st.integers(1, 4), root=ROOTS, revision=REVISIONS, qty=LOTS)
    def fills(self, number: int, root: str, revision: int, qty: int) -> None:
        assert self.parent is not None
        ref = order_ref(PARENT, number)
        is_known = self.parent.child(ref) is not None
        assert self.happens(filled(ref, f"{number}{root}", revision, qty)) is is_known

    @rule(number=st.integers(1, 4))
    def ends_a_child(self, number: int) -> None:
        self.happens(ChildCancelled(order_ref(PARENT, number), "x"))

    @rule(status=st.sampled_from(["FILLED", "REMAINDER", "IN_DOUBT"]))
    def closes(self, status: str) -> None:
        assert self.parent is not None
        assert self.happens(ParentClosed(PARENT, status, "r")) is (self.parent.opened is not None)

    @invariant()
    def folds_to_the_same(self) -> None:
        assert fold_parent(self.stream) == self.parent

    @invariant()
    def counts_what_is_done_and_what_is_in_doubt(self) -> None:
        if self.parent is None:
            return
        children = self.parent.children
        assert self.parent.cum_qty == sum(child.cum_qty for child in children)
        assert self.parent.reserved_qty == sum(
            child.sending.qty - child.cum_qty for child in children if not child.is_terminal
        )
        assert self.parent.seq == len(self.stream)
        assert self.parent.status is not ParentStatus.DENIED or not children


OFTEN = settings(max_examples=300, stateful_step_count=25, deadline=None)
TestChild = ChildMachine.TestCase
TestChild.settings = OFTEN
TestParent = ParentMachine.TestCase
TestParent.settings = OFTEN
