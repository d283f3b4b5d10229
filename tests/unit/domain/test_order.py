"""The child's and the parent's state machines hold for any order and repetition of events."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    Algo,
    ChildAcknowledged,
    ChildCancelled,
    ChildCancelRequested,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildNotSent,
    ChildRejected,
    ChildResolved,
    ChildSending,
    ParentClosed,
    ParentOpened,
    PlannedSlice,
    SessionPlanned,
)
from hydra.domain.order import LIVE, TERMINAL, TRANSITIONS, ChildState, fold_child, started
from hydra.domain.parent import ParentStatus, fold_parent
from hydra.domain.quantity import Side

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
REF = "H-20261123-ZO-1-C01"


def sending(qty: int = 5, ref: str = REF) -> ChildSending:
    return ChildSending(
        order_ref=ref,
        parent="20261123-ZO-1",
        con_id=1,
        side=Side.BUY,
        qty=qty,
        limit_px=Decimal("380.25"),
        good_till=AT + timedelta(minutes=5),
        client_id=1,
        ib_order_id=int(ref[-2:]),
        lease_epoch=1,
        verdict=f"{ref}@x",
        champion_id="c",
        config_hash="h",
        build_id="b",
        approver="tester",
    )


def fill(root: str, qty: int, revision: int = 1, ref: str = REF) -> ChildFilled:
    return ChildFilled(ref, f"{root}.{revision:02d}", root, revision, 1, Side.BUY, qty, Decimal(380), AT)


ENDINGS = [
    ChildCancelled(REF, "e"),
    ChildExpired(REF, "e"),
    ChildRejected(REF, 201, "no"),
    ChildLapsed(REF, "e"),
    ChildNotSent(REF, "r"),
]


def test_every_live_state_can_be_ended_and_every_ended_state_is_final() -> None:
    for state in LIVE:
        endings = {TRANSITIONS.get((state, type(event))) for event in ENDINGS}
        assert endings - {None} <= TERMINAL
        assert ChildState.CANCELLED in endings
    moves_out = {(state, kind) for state, kind in TRANSITIONS if state in TERMINAL}
    assert moves_out == {(ChildState.RESOLVED, ChildResolved)}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda event: type(event).__name__)
def test_a_fill_after_the_end_is_booked_and_keeps_the_end(ending: object) -> None:
    child = fold_child(started(sending(), AT, None), ending)  # type: ignore[arg-type]
    assert child.is_terminal
    late = fold_child(child, fill("a", 2))
    assert late.state is child.state
    assert late.cum_qty == 2
    assert late.reserved_qty == 0


def test_a_correction_replaces_its_execution_and_a_bust_is_never_free_again() -> None:
    child = fold_child(started(sending(), AT, None), fill("a", 4))
    corrected = fold_child(child, fill("a", 3, revision=2))
    assert (corrected.cum_qty, corrected.gross_qty) == (3, 4)
    busted = fold_child(corrected, fill("a", 0, revision=3))
    assert (busted.cum_qty, busted.gross_qty) == (0, 4)
    assert fold_child(busted, fill("a", 4, revision=1)) == busted


def test_two_perm_ids_for_one_child_are_a_broken_law() -> None:
    child = fold_child(started(sending(), AT, None), ChildAcknowledged(REF, 77))
    with pytest.raises(BrokenLaw, match="two permIds"):
        fold_child(child, ChildAcknowledged(REF, 78))


def test_a_move_the_table_does_not_know_is_a_broken_law() -> None:
    child = fold_child(started(sending(), AT, None), ChildNotSent(REF, "never written"))
    with pytest.raises(BrokenLaw):
        fold_child(child, ChildAcknowledged(REF, 77))


@given(
    st.permutations(
        [
            fill("a", 2),
            fill("b", 1),
            fill("a", 1, 2),
            ChildAcknowledged(REF, 7),
            ChildCancelRequested(REF, "x"),
        ]
    ),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_reports_in_any_order_and_repeated_end_in_the_same_books(
    events: list[object], again: list[int]
) -> None:
    sequence = [*events, *(events[i] for i in again)]
    child = started(sending(), AT, None)
    for event in sequence:
        child = fold_child(child, event)  # type: ignore[arg-type]
    assert child.cum_qty == 2
    assert child.perm_id == 7
    assert child.state is ChildState.PENDING_CANCEL
    assert child.reserved_qty == 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(1, 3)), max_size=12))
def test_lots_are_never_counted_twice_and_gross_never_falls(fills: list[tuple[str, int, int]]) -> None:
    child = started(sending(50), AT, None)
    gross, newest = 0, {}
    for root, qty, revision in fills:
        child = fold_child(child, fill(root, qty, revision))
        if revision > newest.get(root, (0, 0))[0]:
            newest[root] = (revision, qty)
        assert child.cum_qty == sum(lots for _, lots in newest.values())
        assert child.gross_qty >= max(gross, child.cum_qty)
        gross = child.gross_qty
        assert child.cum_qty + child.reserved_qty <= max(child.sending.qty, child.cum_qty)


def test_a_person_may_name_another_verdict_and_the_latest_stands() -> None:
    child = fold_child(started(sending(), AT, None), ChildResolved(REF, 3, Decimal(380), "ann", "statement"))
    assert (child.state, child.cum_qty, child.reserved_qty) == (ChildState.RESOLVED, 3, 0)
    again = fold_child(child, ChildResolved(REF, 0, None, "ann", "misread"))
    assert again.cum_qty == 0
    assert again.gross_qty == 3


def planned(target: int = 5, position: int = 0) -> SessionPlanned:
    return SessionPlanned(
        "20261123-ZO-1", date(2026, 11, 23), "ZO", 1, target, position, Decimal(1), "b", "c", "h", "t"
    )


def opened(qty: int = 5) -> ParentOpened:
    end = AT + timedelta(minutes=40)
    return ParentOpened(
        parent_id="20261123-ZO-1",
        con_id=1,
        side=Side.BUY,
        order_qty=qty,
        algo=Algo.LADDER,
        start_at=AT,
        deadline_at=end,
        slices=(PlannedSlice(1, AT, end, qty),),
        arrival_px=Decimal(380),
        spread_px=Decimal(1),
        adv_lots=300,
        sigma_day=Decimal("0.017"),
        tick=Decimal("0.25"),
        usd_per_point=Decimal(50),
    )


def test_a_parent_counts_what_is_done_and_what_is_in_doubt() -> None:
    events = [planned(), opened(), sending(3), fill("a", 1)]
    parent = fold_parent((seq, AT, event) for seq, event in enumerate(events, start=1))
    assert parent is not None
    assert (parent.cum_qty, parent.reserved_qty, parent.leaves_qty) == (1, 2, 4)
    assert parent.status is ParentStatus.WORKING
    assert not parent.is_closed


def test_a_fill_after_the_close_is_booked_and_the_parent_may_be_closed_again() -> None:
    events = [planned(), opened(), sending(3), ParentClosed("20261123-ZO-1", "IN_DOUBT", "x"), fill("a", 3)]
    parent = fold_parent((seq, AT, event) for seq, event in enumerate(events, start=1))
    assert parent is not None
    assert parent.cum_qty == 3
    assert not parent.is_closed
    last = ParentClosed("20261123-ZO-1", "REMAINDER", "y")
    closed = fold_parent([(6, AT, last)], onto=parent)
    assert closed is not None
    assert closed.is_closed


@pytest.mark.parametrize(
    "events",
    [
        [opened()],
        [planned(), planned()],
        [planned(), sending()],
        [planned(), opened(), fill("a", 1)],
        [planned(), opened(), sending(), sending()],
    ],
    ids=["no plan", "planned twice", "sent unopened", "fill of nobody", "sent twice"],
)
def test_a_stream_that_breaks_the_parents_order_is_a_broken_law(events: list[object]) -> None:
    with pytest.raises(BrokenLaw):
        fold_parent((seq, AT, event) for seq, event in enumerate(events, start=1))  # type: ignore[misc]


def test_a_gap_in_the_sequence_is_a_broken_law() -> None:
    parent = fold_parent([(1, AT, planned())])
    with pytest.raises(BrokenLaw, match="event 3 follows 1"):
        fold_parent([(3, AT, opened())], onto=parent)


def test_a_flat_plan_is_closed_from_the_start() -> None:
    parent = fold_parent([(1, AT, replace(planned(), target=0))])
    assert parent is not None
    assert parent.is_closed
