"""Child, parent and reconcile as state machines: any order, any repetition, nothing believed too early."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from hydra.domain.evidence import BrokerSnapshot, ExecutionReport, Report, StatusReport, WorkingOrder
from hydra.domain.ids import order_ref
from hydra.domain.order import ChildOrder, fold_child, started
from hydra.domain.parent import ParentOrder, ParentStatus, fold_parent
from hydra.domain.quantity import Side
from hydra.execution.evidence import SeenSnapshot, TerminalHint, judge_snapshot
from hydra.execution.policy import ExecutionPolicy, Margins
from hydra.execution.reconcile import ChildIndex, facts_of, verdict_on

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


class ReconcileMachine(RuleBasedStateMachine):
    """A broker with the truth, a wire that delays and repeats, and our books: never ahead of the truth.

    Reports arrive in any order and more than once, at most `LATE_S` late; a late execution is in no snapshot
    and no status before it is reported. The frame itself may lie on the wire until just before good_till.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.child: ChildOrder = started(promise(1, SIZE), AT, None)
        self.reaches_s: float | None = None
        self.is_there = False
        self.is_over = False
        self.hidden: set[str] = set()
        self.executions: list[ExecutionReport] = []
        self.on_the_wire: list[tuple[float, Report]] = []
        self.heard: list[Report] = []
        self.hints: dict[str, TerminalHint] = {}
        self.snapshots: list[SeenSnapshot] = []

    @property
    def now(self) -> datetime:
        return AT + timedelta(seconds=self.now_s)

    @property
    def done(self) -> int:
        return sum(one.qty for one in self.executions)

    @property
    def seen(self) -> list[ExecutionReport]:
        return [one for one in self.executions if one.exec_id not in self.hidden]

    def tells(self, report: Report) -> None:
        self.on_the_wire.append((self.now_s, report))

    def status(self, text: str) -> None:
        lots = sum(one.qty for one in self.seen)
        self.tells(StatusReport(1, 17, PERM_ID, text, lots, SIZE - lots, 0.0))

    # --- the broker ---

    @initialize(reaches_s=st.sampled_from([0.0, 0.0, 0.0, 3.0, 40.0, 55.0, 59.9, None]))
    def is_sent(self, reaches_s: float | None) -> None:
        self.reaches_s = reaches_s
        if reaches_s == 0.0:
            self.arrives()

    def arrives(self) -> None:
        self.is_there, self.reaches_s = True, None
        self.status("Submitted")

    @precondition(lambda self: self.is_there and not self.is_over and self.now < AT + LIFE)
    @rule(qty=st.integers(1, SIZE), is_late=st.booleans())
    def trades(self, qty: int, is_late: bool) -> None:
        lots = min(qty, SIZE - self.done)
        number = len(self.executions)
        report = ExecutionReport(
            *(f"e{number}.01", 1, 17, PERM_ID, REF, 1, "ZO", Side.BUY, lots, Decimal(380), self.now),
            *(False, 0.0),
        )
        self.executions.append(report)
        self.tells(report)
        self.is_over = self.done == SIZE
        if is_late:
            self.hidden.add(report.exec_id)
        else:
            self.status("Filled" if self.is_over else "Submitted")

    @precondition(lambda self: self.is_there and not self.is_over)
    @rule(is_told=st.booleans())
    def ends_unfilled(self, is_told: bool) -> None:
        """If we are told at once, we look at once: a late execution is then still to come."""
        self.is_over = True
        self.status("Cancelled")
        if is_told:
            self.hears(self.on_the_wire.pop()[1])
            self.waits(0.1)
            self.looks()

    # --- the wire ---

    @precondition(lambda self: self.on_the_wire)
    @rule(data=st.data())
    def delivers_any(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.on_the_wire) - 1))
        self.hears(self.on_the_wire.pop(at)[1])

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def repeats_any(self, data: st.DataObject) -> None:
        """Executions may be told again at any time; an old status comes with the time it first came at."""
        self.hears(data.draw(st.sampled_from(self.heard)), is_repeat=True)

    def hears(self, report: Report, is_repeat: bool = False) -> None:
        if not is_repeat:
            report = replace(report, received_wall_s=self.now_s)
            self.hidden.discard(getattr(report, "exec_id", ""))
            self.heard.append(report)
        self.books([report])

    def books(self, reports: list[Report]) -> None:
        facts = facts_of(reports, ChildIndex([(PARENT, self.child)]), 1)
        for event in facts.events.get(PARENT, []):
            self.child = fold_child(self.child, event)
        self.hints.update(facts.hints)
        assert facts.discrepancies == []
        assert facts.foreign == []

    # --- we ---

    @rule()
    def looks(self) -> None:
        """A whole snapshot of the truth; it books what it holds before it is judged."""
        listed = self.is_there and not self.is_over
        order = WorkingOrder(1, 17, PERM_ID, REF, 1, Side.BUY, SIZE, Decimal(380), "Submitted", self.now_s)
        snapshot = BrokerSnapshot(
            *(1, 1, self.now, self.now, self.now_s, self.now_s, True, DAY),
            positions={1: sum(one.qty for one in self.seen)} if self.seen else {},
            working=(order,) if listed else (),
            executions=tuple(self.seen),
            commissions=(),
            completed=None,
        )
        self.books([*snapshot.working, *snapshot.executions])
        judged = judge_snapshot(
            snapshot,
            client_id=1,
            known_executions={},
            live_children=[] if self.child.is_terminal else [self.child],
            hinted=frozenset(self.hints),
            ledger_positions={1: self.child.cum_qty} if self.child.cum_qty else {},
        )
        if isinstance(judged, SeenSnapshot):
            self.snapshots.append(judged)
        self.proves()

    @rule(seconds=st.sampled_from([0.1, 0.4, 0.9]))
    def waits_a_little(self, seconds: float) -> None:
        self.waits(seconds)

    @rule(seconds=st.sampled_from([2.0, 11.0, 20.0, 41.0]))
    def waits(self, seconds: float) -> None:
        """Time passes; what is on the wire comes before it is too late, and the broker kills at good_till."""
        until_s = self.now_s + seconds
        if self.reaches_s is not None and until_s >= self.reaches_s:
            self.now_s = self.reaches_s
            self.arrives()
        if self.is_there and not self.is_over and AT + timedelta(seconds=until_s) >= AT + LIFE:
            self.now_s = max(self.now_s, LIFE.total_seconds())
            self.ends_unfilled(False)
        for sent_s, report in sorted(self.on_the_wire, key=lambda one: one[0]):
            if sent_s + LATE_S <= until_s:
                self.now_s = max(self.now_s, sent_s + LATE_S)
                self.on_the_wire.remove((sent_s, report))
                self.hears(report)
        self.now_s = until_s
        self.proves()

    def proves(self) -> None:
        event = verdict_on(
            *(self.child, self.hints.get(REF), self.snapshots),
            now=self.now,
            wall_s=self.now_s,
            died_on=DAY,
            policy=POLICY,
            margins=MARGINS,
        )
        if event is None:
            return
        assert self.is_over or not self.is_there, f"{event} while it works"
        assert self.is_over or self.now > AT + LIFE, f"{event} while it may still arrive"
        assert not self.hidden, f"{event} before {self.hidden} were told"
        assert self.child.cum_qty == self.done, f"{event} with {self.done} lots done"
        self.child = fold_child(self.child, event)

    @invariant()
    def books_no_lot_that_was_not_done(self) -> None:
        assert self.child.cum_qty <= self.done
        assert self.child.cum_qty + self.child.reserved_qty >= self.done

    def teardown(self) -> None:
        """Whatever happened: time, and two looks a settle apart, end every child with the truth."""
        self.waits(60.0)
        for _ in range(3):
            self.waits(11.0)
            self.looks()
        assert self.child.is_terminal
        assert self.child.cum_qty == self.done


_OFTEN = settings(max_examples=300, stateful_step_count=25, deadline=None)
TestChild = ChildMachine.TestCase
TestChild.settings = _OFTEN
TestParent = ParentMachine.TestCase
TestParent.settings = _OFTEN
TestReconcile = ReconcileMachine.TestCase
TestReconcile.settings = _OFTEN
