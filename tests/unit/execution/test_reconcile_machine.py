"""What a snapshot proves, as a state machine: late, lost and reordered evidence never ends a living child."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hydra.domain.evidence import BrokerSnapshot, ExecutionReport, Report, StatusReport, WorkingOrder
from hydra.domain.order import ChildOrder, fold_child, started
from hydra.domain.quantity import Side
from hydra.execution.evidence import SeenSnapshot, TerminalHint, judge_snapshot
from hydra.execution.reconcile import ChildIndex, facts_of, verdict_on
from tests.unit.execution.test_machines import (
    AT,
    DAY,
    LATE_S,
    LIFE,
    MARGINS,
    OFTEN,
    PARENT,
    PERM_ID,
    POLICY,
    REF,
    SIZE,
    promise,
)


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


TestReconcile = ReconcileMachine.TestCase
TestReconcile.settings = OFTEN
