"""What every ledger must keep, whatever it is stored in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    BreakerMoved,
    ChildAcknowledged,
    ChildCancelRequested,
    ChildCommissioned,
    ChildLapsed,
    ChildNotSent,
    ChildResolved,
    EquityMarked,
    ForeignExecutionBooked,
    ParentClosed,
    PositionAdopted,
    TradingState,
)
from hydra.domain.exposure import Exposure
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.domain.quantity import Side
from hydra.persistence.database import TransactionFailed
from hydra.ports import Conflict, Lease, RecordedSending
from hydra.risk.view import BreakerStatus, ControlState, Denied, MessageCounts
from tests.contract.ledger_facts import ON, START, Desk, Hands, filled, halted, planned, sending
from tests.contract.ledger_stores import Store


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def desk(store: Store, hands: Hands) -> Desk:
    return Desk(store.open(hands), hands)


def foreign(exec_id: str, qty: int, side: Side = Side.SELL) -> ForeignExecutionBooked:
    root, _, revision = exec_id.rpartition(".")
    px = Decimal("349.75")
    return ForeignExecutionBooked(exec_id, root, int(revision), 101, "ZO", side, qty, px, START, 0, "")


# --- streams -------------------------------------------------------------------------------------------


def test_a_stream_reads_back_as_the_same_parent_in_another_connection(store: Store, desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 3), 2)
    assert store.open(desk.hands).load(parent.parent_id) == parent
    assert desk.reload(parent) == parent


def test_a_parent_that_was_never_planned_is_none(desk: Desk) -> None:
    assert desk.ledger.load("20260821-ZO-1") is None


def test_the_second_plan_of_a_session_loses(store: Store, desk: Desk) -> None:
    """A rerun must find the first plan, never size again."""
    first = desk.opened(qty=10)
    other = store.open(desk.hands)
    refused = other.append(first.parent_id, 0, [planned(first.parent_id, 99)])
    assert isinstance(refused, Conflict)
    assert other.load(first.parent_id) == first


def test_of_two_writers_at_one_place_the_later_loses_and_reads_the_winner(store: Store, desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 3)
    ref = parent.children[0].order_ref
    other = store.open(desk.hands)
    known = other.load(parent.parent_id)
    assert known is not None
    won = desk.ledger.append(parent.parent_id, parent.seq, [ChildAcknowledged(ref, 77)])
    lost = other.append(parent.parent_id, known.seq, [ChildAcknowledged(ref, 78)])
    assert isinstance(won, ParentOrder)
    assert isinstance(lost, Conflict)
    assert other.load(parent.parent_id) == won


def test_an_event_that_the_state_machine_refuses_is_not_written(desk: Desk) -> None:
    parent = desk.opened()
    with pytest.raises(BrokenLaw):
        desk.ledger.append(parent.parent_id, parent.seq, [ChildAcknowledged("H-20260821-ZO-1-C01", 5)])
    assert desk.reload(parent) == parent
    assert sum(1 for _ in desk.ledger.export()) == parent.seq


def test_a_sending_cannot_be_appended_past_its_checks(desk: Desk) -> None:
    parent = desk.opened()
    with pytest.raises(BrokenLaw):
        desk.ledger.append(parent.parent_id, parent.seq, sending(parent, 1, desk.lease, 1))


def test_an_event_of_another_parent_is_refused(desk: Desk) -> None:
    parent, other = desk.opened(), desk.opened("HE")
    with pytest.raises(BrokenLaw):
        desk.ledger.append(other.parent_id, other.seq, sending(parent, 1, desk.lease, 1)[:1])


def test_unfinished_is_what_may_still_send_or_is_not_proven_ended(desk: Desk) -> None:
    idle = planned("20260821-LE-1", 5, position=5)
    desk.ledger.append("20260821-LE-1", 0, [idle])
    working = desk.sent(desk.opened(), 2)
    assert [one.parent_id for one in desk.ledger.unfinished()] == [working.parent_id]
    closed = desk.ledger.append(
        working.parent_id, working.seq, [ParentClosed(working.parent_id, "REMAINDER", "deadline")]
    )
    assert isinstance(closed, ParentOrder)
    assert [one.parent_id for one in desk.ledger.unfinished()] == [working.parent_id], "its child is live"
    ended = desk.ledger.append(
        working.parent_id, closed.seq, [ChildLapsed(closed.children[0].order_ref, "two snapshots")]
    )
    assert isinstance(ended, ParentOrder)
    assert list(desk.ledger.unfinished()) == []
    assert {one.parent_id for one in desk.ledger.session(ON)} == {"20260821-LE-1", working.parent_id}
    assert list(desk.ledger.session(ON + timedelta(days=1))) == []


# --- sending -------------------------------------------------------------------------------------------


def test_a_recorded_sending_is_what_was_promised(desk: Desk) -> None:
    parent = desk.opened()
    recorded = desk.send(parent, 4)
    assert isinstance(recorded, RecordedSending)
    (child,) = desk.reload(parent).children
    assert (child.sending, child.reserved_qty, child.sent_at) == (recorded.sending, 4, desk.hands.at)
    assert recorded.committed_wall_s == desk.hands.wall
    assert desk.ledger.knows_order_ref(child.order_ref)
    assert desk.ledger.parent_of_order(1, child.sending.ib_order_id) == parent.parent_id
    assert desk.ledger.largest_ib_order_id(1) == child.sending.ib_order_id


def test_what_was_never_sent_is_not_known(desk: Desk) -> None:
    assert not desk.ledger.knows_order_ref("H-20260821-ZO-1-C01")
    assert desk.ledger.parent_of_order(1, 5) is None
    assert desk.ledger.largest_ib_order_id(1) == 0


def test_a_denied_sending_leaves_nothing_behind(desk: Desk) -> None:
    parent = desk.opened()
    denied = desk.send(parent, 1, lambda control: Denied(("NO_LIMIT: ZO",)))
    assert isinstance(denied, Conflict)
    assert denied.denied == Denied(("NO_LIMIT: ZO",))
    assert desk.reload(parent) == parent
    assert not desk.ledger.knows_order_ref("H-20260821-ZO-1-C01")


def test_a_check_that_raises_leaves_nothing_behind(desk: Desk) -> None:
    def broken(control: ControlState) -> Denied | None:
        raise RuntimeError("a defect in the gate")

    parent = desk.opened()
    with pytest.raises(RuntimeError):
        desk.send(parent, 1, broken)
    assert desk.reload(parent) == parent
    assert isinstance(desk.send(parent, 1), RecordedSending)


def test_no_more_than_the_approved_quantity_is_ever_promised(desk: Desk) -> None:
    """Law 4 at the last place that sees all of it: done plus doubtful lots."""
    parent = desk.fill(desk.sent(desk.opened(qty=5), 3), 1)
    refused = desk.send(parent, 3)
    assert isinstance(refused, Conflict)
    assert refused.denied is not None
    assert isinstance(desk.send(parent, 2), RecordedSending)


def test_a_verdict_and_an_order_id_serve_once(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 1)
    first = parent.children[0].sending
    for repeated in ({"verdict": first.verdict}, {"ib_order_id": first.ib_order_id}):
        assert isinstance(desk.send(parent, 1, **repeated), Conflict), repeated
    assert isinstance(desk.send(parent, 1), RecordedSending)


def test_a_sending_under_a_raised_or_released_lease_is_refused(store: Store, desk: Desk) -> None:
    parent = desk.opened()
    old = desk.lease
    desk.lease = desk.take()
    stale = desk.ledger.commit_sending(old, parent.seq, sending(parent, 1, old, 9), lambda control: None)
    assert isinstance(stale, Conflict)
    assert "epoch 1" in stale.reason
    desk.ledger.release(desk.lease)
    assert isinstance(desk.send(parent, 1), Conflict)
    assert desk.reload(parent) == parent


def test_a_sending_that_names_another_lease_than_its_own_is_a_broken_law(desk: Desk) -> None:
    parent = desk.opened()
    for changes in ({"lease_epoch": 7}, {"client_id": 2}):
        with pytest.raises(BrokenLaw):
            desk.send(parent, 1, **changes)


# --- what the gate looks at ----------------------------------------------------------------------------


def test_the_check_sees_exposure_with_every_live_child_in_full(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(qty=10), 4), 1)
    seen: list[ControlState] = []
    desk.send(parent, 1, lambda control: seen.append(control))
    assert seen[0].exposure == Exposure(1, 4)
    assert desk.ledger.exposure(101) == Exposure(1, 5)
    assert desk.ledger.exposure(999) == Exposure(0, 0)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], TradingState.ACTIVE),
        ([halted("HE")], TradingState.ACTIVE),
        ([halted("ALL", TradingState.REDUCING)], TradingState.REDUCING),
        ([halted("ALL", TradingState.REDUCING), halted("ZO")], TradingState.HALTED),
        ([halted("ALL"), halted("ZO", TradingState.ACTIVE)], TradingState.HALTED),
        ([halted("ZO"), halted("ZO", TradingState.ACTIVE)], TradingState.ACTIVE),
    ],
)
def test_the_strictest_state_in_force_holds(desk: Desk, states: list[object], expected: TradingState) -> None:
    desk.ledger.record(states)  # type: ignore[arg-type]
    assert desk.ledger.control(101, "ZO").trading_state is expected


def test_a_child_past_its_death_and_settle_is_doubt(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 1)
    desk.hands.at = parent.children[0].sending.good_till + timedelta(seconds=10)
    assert not desk.ledger.control(101, "ZO").has_doubt
    desk.hands.pass_s(0.001)
    assert desk.ledger.control(101, "ZO").has_doubt
    assert not desk.ledger.control(102, "HE").has_doubt


def test_a_parent_in_doubt_is_doubt_until_it_is_closed_otherwise(desk: Desk) -> None:
    parent = desk.opened()
    closed = desk.ledger.append(
        parent.parent_id, parent.seq, [ParentClosed(parent.parent_id, "IN_DOUBT", "x")]
    )
    assert isinstance(closed, ParentOrder)
    assert closed.status is ParentStatus.IN_DOUBT
    assert desk.ledger.control(101, "ZO").has_doubt
    desk.ledger.append(parent.parent_id, closed.seq, [ParentClosed(parent.parent_id, "REMAINDER", "")])
    assert not desk.ledger.control(101, "ZO").has_doubt


def test_messages_count_orders_and_cancels_in_each_window(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 1)
    desk.hands.pass_s(30)
    asked = desk.ledger.append(
        parent.parent_id, parent.seq, [ChildCancelRequested(parent.children[0].order_ref, "step over")]
    )
    assert isinstance(asked, ParentOrder)
    assert desk.ledger.control(101, "ZO").messages == MessageCounts(1, 2, 2)
    desk.hands.pass_s(45)
    assert desk.ledger.control(101, "ZO").messages == MessageCounts(0, 1, 2)


def test_entries_and_dollars_sent_are_those_of_the_session(desk: Desk) -> None:
    parent = desk.sent(desk.opened(qty=10), 2)
    desk.opened("HE")
    desk.opened("ZO", n=2)
    control = desk.ledger.control(101, "ZO")
    assert (control.entries_session, control.sent_usd_session) == (2, Decimal(2 * 350 * 50))
    unsent = desk.ledger.append(
        parent.parent_id, parent.seq, [ChildNotSent(parent.children[0].order_ref, "queue not empty")]
    )
    assert isinstance(unsent, ParentOrder)
    assert desk.ledger.control(101, "ZO").sent_usd_session == 0


def test_breakers_and_equity_are_the_last_and_the_highest_seen(desk: Desk) -> None:
    desk.opened()
    desk.ledger.record(
        [
            EquityMarked(ON, Decimal("1000000.00"), "open"),
            EquityMarked(ON, Decimal("1000500.25"), "mark"),
            EquityMarked(ON, Decimal("990000.00"), "mark"),
            BreakerMoved("daily_loss", "TRIGGERED", 0, Decimal("-0.03"), Decimal("-0.02"), "2026-08-21", "x"),
            BreakerMoved("daily_loss", "COOLDOWN", 1, Decimal("-0.03"), Decimal("-0.02"), "2026-08-21", "x"),
        ]
    )
    control = desk.ledger.control(101, "ZO")
    assert (control.equity_open_usd, control.equity_peak_usd) == (Decimal(1000000), Decimal("1000500.25"))
    assert control.breakers == {"daily_loss": BreakerStatus("COOLDOWN", 1, "2026-08-21")}


# --- fills and positions -------------------------------------------------------------------------------


def test_a_fill_counts_once_whatever_its_revision_and_repetition(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 3, "0001.01")
    parent = desk.fill(parent, 3, "0001.01")
    assert desk.ledger.positions() == {101: 3}
    parent = desk.fill(parent, 2, "0001.02")
    assert desk.ledger.positions() == {101: 2}
    parent = desk.fill(parent, 0, "0001.03")
    assert desk.ledger.positions() == {}
    assert parent.cum_qty == 0


def test_a_fill_after_the_childs_end_moves_the_position(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    ended = desk.ledger.append(parent.parent_id, parent.seq, [ChildLapsed(parent.children[0].order_ref, "")])
    assert isinstance(ended, ParentOrder)
    desk.fill(ended, 2)
    assert desk.ledger.positions() == {101: 2}


def test_a_sell_makes_a_short_position(desk: Desk) -> None:
    desk.fill(desk.sent(desk.opened(qty=-4), 4), 4)
    assert desk.ledger.positions() == {101: -4}


def test_a_resolved_child_moves_the_position_and_can_be_corrected(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    ref = parent.children[0].order_ref
    for lots in (3, 0):
        verdict = ChildResolved(ref, lots, Decimal(350) if lots else None, "anna", "statement")
        moved = desk.ledger.append(parent.parent_id, desk.reload(parent).seq, [verdict])
        assert isinstance(moved, ParentOrder)
        assert desk.ledger.positions() == ({101: lots} if lots else {})


def test_foreign_executions_and_adoptions_move_positions_once(desk: Desk) -> None:
    desk.ledger.record([foreign("F1.01", 3)])
    assert list(desk.ledger.record([foreign("F1.01", 3)])) == []
    assert desk.ledger.positions() == {101: -3}
    desk.ledger.record(
        [foreign("F1.02", 1), PositionAdopted(101, "ZO", 5, Decimal(350), "anna", "statement")]
    )
    assert desk.ledger.positions() == {101: 4}
    desk.ledger.record([foreign("F1.01", 3)])
    assert desk.ledger.positions() == {101: 4}


def test_an_execution_booked_as_foreign_and_then_known_for_ours_counts_once(desk: Desk) -> None:
    parent = desk.sent(desk.opened(), 5)
    desk.ledger.record([foreign("X7.01", 2, Side.BUY)])
    assert desk.ledger.positions() == {101: 2}
    desk.fill(parent, 2, "X7.01")
    assert desk.ledger.positions() == {101: 2}
    assert list(desk.ledger.record([foreign("X7.01", 2, Side.BUY)])) == []
    (known,) = desk.ledger.known_executions(START).values()
    assert known.order_ref == parent.children[0].order_ref


def test_known_executions_are_those_since_an_instant_with_their_commission_apart(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 2)
    ref = parent.children[0].order_ref
    charged = ChildCommissioned(ref, "0001.01", "0001", Decimal("4.72"))
    assert isinstance(desk.ledger.append(parent.parent_id, parent.seq, [charged]), ParentOrder)
    at = filled(parent, 2).executed_at
    (found,) = desk.ledger.known_executions(at).values()
    assert (found.exec_id, found.qty, found.px, found.order_ref) == ("0001.01", 2, Decimal("350.50"), ref)
    assert desk.ledger.known_executions(at + timedelta(microseconds=1)) == {}


# --- leases --------------------------------------------------------------------------------------------


def test_each_acquire_raises_the_epoch_and_ends_the_one_before(desk: Desk) -> None:
    first = desk.lease
    second = desk.take()
    assert (first.epoch, second.epoch) == (1, 2)
    assert not desk.ledger.renew(first)
    assert desk.ledger.renew(second)


def test_client_ids_are_leased_apart(desk: Desk) -> None:
    assert desk.take(client_id=11).epoch == 1
    assert desk.ledger.renew(desk.lease)


def test_a_released_lease_is_free_for_anyone(store: Store, desk: Desk) -> None:
    desk.ledger.release(desk.lease)
    assert not desk.ledger.renew(desk.lease)
    taken = store.open(desk.hands).acquire(1, "otherhost/9/9", "build")
    assert isinstance(taken, Lease)
    assert taken.epoch == 2
    assert not desk.ledger.renew(desk.lease)


# --- append only ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE order_events SET payload = '{}'", "DELETE FROM order_events WHERE seq = 1"]
)
def test_the_database_itself_refuses_to_change_an_event(desk: Desk, statement: str) -> None:
    desk.opened()
    before = list(desk.ledger.export())
    with pytest.raises(TransactionFailed, match="append-only"), desk.ledger.database.transaction():
        desk.ledger.database.execute(statement)
    assert list(desk.ledger.export()) == before


def test_every_exported_event_about_a_child_names_it(desk: Desk) -> None:
    parent = desk.fill(desk.sent(desk.opened(), 5), 2)
    desk.ledger.record([halted("ZO"), foreign("F1.01", 1)])
    rows = list(desk.ledger.export())
    assert [set(row) for row in rows] == [{"stream", "seq", "kind", "payload", "recorded_at"}] * len(rows)
    children = [row for row in rows if str(row["kind"]).startswith("Child")]
    assert {row["payload"]["order_ref"] for row in children} == {parent.children[0].order_ref}  # type: ignore[index]
    assert len(children) == 3


def test_a_changed_promise_is_another_promise(desk: Desk) -> None:
    """The state table's sending is the event's: nothing is recomputed on the way."""
    parent = desk.sent(desk.opened(), 1)
    (child,) = parent.children
    assert replace(child.sending, qty=2) != child.sending
    (row,) = [row for row in desk.ledger.export() if row["kind"] == "ChildSending"]
    assert row["payload"]["limit_px"] == str(child.sending.limit_px)  # type: ignore[index]
