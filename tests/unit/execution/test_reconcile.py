"""Recovery books what is reported, believes nothing unproven, and never loses or repeats an execution."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import (
    ChildAcknowledged,
    ChildCancelled,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildRejected,
    ChildSending,
)
from hydra.domain.evidence import (
    BrokerSnapshot,
    CommissionReport,
    CompletedOrder,
    ErrorMeaning,
    ExecutionReport,
    OrderErrorReport,
    Report,
    StatusReport,
    WorkingOrder,
)
from hydra.domain.order import ChildOrder, ChildState, fold_child, started
from hydra.domain.quantity import Side
from hydra.execution.evidence import Incomplete, SeenSnapshot, TerminalHint, judge_snapshot
from hydra.execution.policy import ExecutionPolicy, Margins
from hydra.execution.reconcile import ChildIndex, facts_of, proof_due, verdict_on

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
DAY = date(2026, 11, 23)
PARENT, REF = "20261123-ZO-1", "H-20261123-ZO-1-C01"
GOOD_TILL = AT + timedelta(minutes=1)
POLICY = ExecutionPolicy()
MARGINS = Margins(
    settle=timedelta(seconds=10),
    cancel_settle=timedelta(seconds=2),
    child_life_min=timedelta(0),
    safety=timedelta(seconds=30),
)


def child(qty: int = 5, *events: object) -> ChildOrder:
    sending = ChildSending(
        REF, PARENT, 1, Side.BUY, qty, Decimal(380), GOOD_TILL, 1, 17, 1, "v", "c", "h", "b", "t"
    )
    order = started(sending, AT, None)
    for event in events:
        order = fold_child(order, event)  # type: ignore[arg-type]
    return order


def execution(root: str = "x", revision: int = 1, qty: int = 2, ref: str = REF) -> ExecutionReport:
    return ExecutionReport(
        exec_id=f"{root}.{revision:02d}",
        client_id=1,
        ib_order_id=17,
        perm_id=99,
        order_ref=ref,
        con_id=1,
        symbol="ZO",
        side=Side.BUY,
        qty=qty,
        px=Decimal("380.25"),
        executed_at=AT,
        is_liquidation=False,
        received_wall_s=5.0,
    )


def status(text: str = "Cancelled", filled: int = 0, perm_id: int = 99, wall_s: float = 5.0) -> StatusReport:
    return StatusReport(1, 17, perm_id, text, filled, 5 - filled, wall_s)


def working(ref: str = REF, perm_id: int = 99) -> WorkingOrder:
    return WorkingOrder(1, 17, perm_id, ref, 1, Side.BUY, 5, Decimal(380), "Submitted", 5.0)


def index(order: ChildOrder) -> ChildIndex:
    return ChildIndex([(PARENT, order)])


def test_a_status_acknowledges_by_order_id_and_a_second_perm_id_is_a_discrepancy() -> None:
    facts = facts_of([status("Submitted")], index(child()), 1)
    assert facts.events == {PARENT: [ChildAcknowledged(REF, 99)]}
    known = child(5, ChildAcknowledged(REF, 99))
    facts = facts_of([status("Submitted", perm_id=100)], index(known), 1)
    assert [one.kind for one in facts.discrepancies] == ["TWO_PERM_IDS"]
    facts = facts_of([status("Submitted"), status("Submitted", perm_id=100)], index(child()), 1)
    assert [one.kind for one in facts.discrepancies] == ["TWO_PERM_IDS"]


def test_an_execution_is_booked_once_within_a_batch_and_across_batches() -> None:
    facts = facts_of([execution(), execution()], index(child()), 1)
    assert [type(event) for event in facts.events[PARENT]] == [ChildFilled]
    again = child(5, *facts.events[PARENT])
    assert facts_of([execution()], index(again), 1).events == {}
    corrected = facts_of([execution(revision=2, qty=1), execution()], index(again), 1)
    assert [event.revision for event in corrected.events[PARENT] if isinstance(event, ChildFilled)] == [2]


def test_a_commission_finds_its_child_by_the_execution_and_is_booked_once() -> None:
    charge = CommissionReport("x.01", Decimal("1.5"), 6.0)
    facts = facts_of([execution(), charge, charge], index(child()), 1)
    assert len(facts.events[PARENT]) == 2
    assert facts_of([charge], index(child()), 1).events == {}


def test_an_execution_without_our_reference_is_foreign_and_an_unknown_one_of_ours_is_an_alarm() -> None:
    stranger = replace(execution(ref=""), client_id=0, ib_order_id=-1, perm_id=5)
    facts = facts_of([stranger], index(child()), 1)
    assert [one.exec_root for one in facts.foreign] == ["x"]
    lost = execution(ref="H-20261122-ZO-1-C01")
    facts = facts_of([lost, working("H-20261122-ZO-1-C01", 5)], index(child()), 1)
    assert [one.kind for one in facts.discrepancies] == ["UNKNOWN_OWN_REF", "UNKNOWN_OWN_REF"]
    assert facts.foreign == []


def test_a_completed_order_proves_that_a_child_nobody_acknowledged_came_to_life() -> None:
    """Its acknowledgement was lost with the connection; it expired before anybody was back."""
    told = CompletedOrder(99, REF, 1, "Cancelled", 0)
    order = child(5, *facts_of([told], index(child()), 1).events[PARENT])
    assert order.perm_id == 99
    after = [seen(80.0 + gap, GOOD_TILL + timedelta(seconds=11 + gap)) for gap in (0, 10)]
    now = GOOD_TILL + timedelta(seconds=25)
    assert isinstance(verdict(order, None, *after, wall_s=95.0, now=now), ChildExpired)
    assert facts_of([replace(told, order_ref="H-20261122-ZO-1-C01")], index(child()), 1).events == {}
    other = facts_of([replace(told, perm_id=98)], index(order), 1)
    assert [one.kind for one in other.discrepancies] == ["TWO_PERM_IDS"]


def test_a_fill_after_the_end_is_booked_and_reported_as_late() -> None:
    ended = child(5, ChildAcknowledged(REF, 99), ChildCancelled(REF, "e"))
    facts = facts_of([execution()], index(ended), 1)
    assert [one.kind for one in facts.discrepancies] == ["LATE_FILL"]
    assert len(facts.events[PARENT]) == 1


def seen(begun_wall_s: float, begun_at: datetime, *refs: str, day: date = DAY) -> SeenSnapshot:
    return SeenSnapshot(
        begun_wall_s, begun_at, begun_wall_s + 0.1, day, frozenset(refs), frozenset(), {}, frozenset()
    )


def verdict(
    order: ChildOrder, hint: TerminalHint | None, *snaps: SeenSnapshot, wall_s: float, now: datetime
) -> object:
    return verdict_on(order, hint, snaps, now=now, wall_s=wall_s, died_on=DAY, policy=POLICY, margins=MARGINS)


HINT = TerminalHint(ErrorMeaning.CANCELLED, 0, 0, "Cancelled", received_wall_s=100.0, from_status=True)


def test_a_cancelled_status_is_believed_only_after_a_later_snapshot_and_the_settle() -> None:
    order = child(5, ChildAcknowledged(REF, 99))
    later = seen(100.5, AT)
    assert verdict(order, HINT, wall_s=103.0, now=AT) is None
    assert verdict(order, HINT, seen(99.9, AT), wall_s=103.0, now=AT) is None
    assert verdict(order, HINT, later, wall_s=101.9, now=AT) is None
    assert verdict(order, HINT, seen(100.5, AT, REF), wall_s=103.0, now=AT) is None
    assert isinstance(verdict(order, HINT, later, wall_s=102.0, now=AT), ChildCancelled)


def test_a_status_that_counts_other_fills_than_ours_proves_nothing() -> None:
    order = child(5, ChildAcknowledged(REF, 99))
    partly = replace(HINT, filled=2)
    assert verdict(order, partly, seen(100.5, AT), wall_s=103.0, now=AT) is None
    filled = fold_child(order, ChildFilled(REF, "x.01", "x", 1, 1, Side.BUY, 2, Decimal(380), AT))
    assert isinstance(verdict(filled, partly, seen(100.5, AT), wall_s=103.0, now=AT), ChildCancelled)


def test_a_completed_order_that_counts_other_fills_contradicts_the_snapshot() -> None:
    order = child(5, ChildAcknowledged(REF, 99))
    contradicting = replace(seen(100.5, AT), completed_filled={REF: 3})
    assert verdict(order, HINT, contradicting, wall_s=103.0, now=AT) is None


def test_a_refusal_is_a_rejection_once_proven() -> None:
    report = OrderErrorReport(17, 201, "margin", ErrorMeaning.REJECTED, 100.0)
    hints = facts_of([report], index(child()), 1).hints
    assert isinstance(verdict(child(), hints[REF], seen(100.5, AT), wall_s=103.0, now=AT), ChildRejected)
    doubt = OrderErrorReport(17, 10148, "state: Filled", ErrorMeaning.DOUBT, 100.0)
    assert facts_of([doubt], index(child()), 1).hints == {}


DEAD = GOOD_TILL + timedelta(seconds=10)


def test_never_live_needs_two_complete_snapshots_after_death_a_settle_apart() -> None:
    order, now = child(), DEAD + timedelta(seconds=30)
    before = seen(50.0, DEAD - timedelta(seconds=1))
    first, soon = seen(71.0, DEAD + timedelta(seconds=1)), seen(80.9, DEAD + timedelta(seconds=10))
    second = seen(81.0, DEAD + timedelta(seconds=11))
    assert verdict(order, None, before, first, wall_s=90.0, now=now) is None
    assert verdict(order, None, first, soon, wall_s=90.0, now=now) is None
    assert (
        verdict(order, None, first, seen(81.0, DEAD + timedelta(seconds=11), REF), wall_s=90.0, now=now)
        is None
    )
    assert verdict(order, None, first, second, wall_s=90.0, now=DEAD) is None
    assert isinstance(verdict(order, None, first, second, wall_s=90.0, now=now), ChildLapsed)
    acked = child(5, ChildAcknowledged(REF, 99))
    assert isinstance(verdict(acked, None, first, second, wall_s=90.0, now=now), ChildExpired)


def test_the_books_of_another_broker_day_prove_nothing() -> None:
    tomorrow = date(2026, 11, 24)
    snaps = [
        seen(71.0, DEAD + timedelta(hours=12), day=tomorrow),
        seen(90.0, DEAD + timedelta(hours=13), day=tomorrow),
    ]
    assert verdict(child(), None, *snaps, wall_s=99.0, now=DEAD + timedelta(hours=14)) is None


def test_a_proof_is_asked_for_when_it_can_first_succeed() -> None:
    order = child(5, ChildAcknowledged(REF, 99))

    def due(
        hint: TerminalHint | None, *snaps: SeenSnapshot, now: datetime, is_day_over: bool = False
    ) -> float | None:
        return proof_due(
            *(order, hint, snaps),
            now=now,
            wall_s=200.0,
            is_day_over=is_day_over,
            policy=POLICY,
            margins=MARGINS,
        )

    assert due(None, now=AT) is None
    assert due(HINT, now=AT) == 102.0
    assert due(None, now=DEAD + timedelta(seconds=1)) == 200.0
    assert due(None, seen(190.0, DEAD + timedelta(seconds=1)), now=DEAD + timedelta(seconds=2)) == 200.0
    assert due(None, seen(195.0, DEAD + timedelta(seconds=1)), now=DEAD + timedelta(seconds=2)) == 205.0
    assert due(None, now=DEAD + timedelta(hours=12), is_day_over=True) is None
    assert due(HINT, now=DEAD + timedelta(hours=12), is_day_over=True) == 102.0


def snapshot(**changes: object) -> BrokerSnapshot:
    plain = BrokerSnapshot(
        client_id=1,
        connection_no=1,
        begun_at=AT,
        ended_at=AT,
        begun_wall_s=10.0,
        ended_wall_s=10.1,
        link_was_good=True,
        broker_day=DAY,
        positions={1: 2},
        working=(working(),),
        executions=(execution(),),
        commissions=(),
        completed=(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def judged(answer: BrokerSnapshot, order: ChildOrder, hinted: frozenset[str] = frozenset()) -> object:
    return judge_snapshot(
        answer,
        client_id=1,
        known_executions={"x": execution()},
        live_children=[order],
        hinted=hinted,
        ledger_positions={1: 2},
    )


LIVE = child(
    5, ChildAcknowledged(REF, 99), ChildFilled(REF, "x.01", "x", 1, 1, Side.BUY, 2, Decimal(380), AT)
)


@pytest.mark.parametrize(
    "changes",
    [{"link_was_good": False}, {"client_id": 2}, {"executions": ()}, {"working": ()}],
    ids=["bad link", "another client", "a known execution missing", "a known working order missing"],
)
def test_a_snapshot_that_misses_a_known_fact_is_no_answer(changes: dict[str, object]) -> None:
    assert isinstance(judged(snapshot(**changes), LIVE), Incomplete)


def test_a_whole_snapshot_counts_and_an_unequal_position_spoils_only_its_contract() -> None:
    whole = judged(snapshot(), LIVE)
    assert isinstance(whole, SeenSnapshot)
    assert not whole.lacks(LIVE)
    other = child(5)
    assert judged(snapshot(working=()), other, frozenset({REF})) is not None
    unequal = judged(snapshot(positions={1: 3}), LIVE)
    assert isinstance(unequal, SeenSnapshot)
    assert unequal.doubtful_con_ids == {1}
    gone = judged(snapshot(working=(), positions={}), LIVE, frozenset({REF}))
    assert isinstance(gone, SeenSnapshot)
    assert not gone.lacks(LIVE)


@given(
    st.lists(st.sampled_from(["fill", "fix", "status", "open", "charge", "error"]), max_size=12), st.data()
)
def test_any_order_and_repetition_of_reports_books_the_same_lots(
    kinds: list[str], data: st.DataObject
) -> None:
    made: dict[str, Report] = {
        "fill": execution(),
        "fix": execution(revision=2, qty=1),
        "status": status("Submitted"),
        "open": working(),
        "charge": CommissionReport("x.01", Decimal(1), 6.0),
        "error": OrderErrorReport(17, 399, "warning", ErrorMeaning.WARNING, 5.0),
    }
    order, cut = child(), data.draw(st.integers(0, len(kinds)))
    for batch in (kinds[:cut], kinds[cut:], kinds):
        facts = facts_of([made[kind] for kind in batch], index(order), 1)
        for event in facts.events.get(PARENT, []):
            order = fold_child(order, event)
    wanted = 1 if "fix" in kinds else 2 if "fill" in kinds else 0
    assert order.cum_qty == wanted
    assert order.state in (ChildState.PENDING_NEW, ChildState.WORKING, ChildState.PARTIALLY_FILLED)
