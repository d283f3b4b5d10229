"""What every ledger must keep, whatever it is stored in."""

from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    BreakerMoved,
    ChildAcknowledged,
    ChildCancelRequested,
    ChildLapsed,
    ChildNotSent,
    EquityMarked,
    ParentClosed,
    TradingState,
)
from hydra.domain.exposure import Exposure
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.ports import Conflict, RecordedSending
from hydra.risk.view import BreakerStatus, ControlState, Denied, MessageCounts
from tests.contract.ledger_facts import ON, Desk, Hands, halted, planned, sending
from tests.contract.ledger_stores import Store


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def desk(store: Store, hands: Hands) -> Desk:
    return Desk(store.open(hands), hands)


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
        ([halted("102")], TradingState.ACTIVE),
        ([halted("101")], TradingState.HALTED),  # a contract whose symbol nobody knew
        ([halted("ALL", TradingState.REDUCING)], TradingState.REDUCING),
        ([halted("ALL", TradingState.REDUCING), halted("ZO")], TradingState.HALTED),
        ([halted("ALL"), halted("ZO", TradingState.ACTIVE)], TradingState.HALTED),
        ([halted("ZO"), halted("ZO", TradingState.ACTIVE)], TradingState.ACTIVE),
    ],
)
def test_the_strictest_state_in_force_holds(desk: Desk, states: list[object], expected: TradingState) -> None:
    desk.ledger.record(states)  # type: ignore[arg-type]
    assert desk.ledger.control(101, "ZO").trading_state is expected


def test_a_halt_of_one_parent_stops_it_and_no_other(desk: Desk) -> None:
    """The scope of `hydra kill --parent`: read with the parent, and again in the sending's transaction."""
    parent = desk.opened()
    desk.ledger.record([halted(parent.parent_id)])
    assert desk.ledger.control(101, "ZO").trading_state is TradingState.ACTIVE
    assert desk.ledger.control(101, "ZO", "20260821-ZO-9").trading_state is TradingState.ACTIVE
    assert desk.ledger.control(101, "ZO", parent.parent_id).trading_state is TradingState.HALTED
    seen: list[TradingState] = []

    def check(control: ControlState) -> Denied | None:
        seen.append(control.trading_state)
        return Denied(("halted",))

    refused = desk.ledger.commit_sending(desk.lease, parent.seq, sending(parent, 1, desk.lease, 9), check)
    assert isinstance(refused, Conflict)
    assert seen == [TradingState.HALTED]


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
