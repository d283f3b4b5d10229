"""The plan is a pure function of the parent's id and the market's facts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import Algo
from hydra.execution.plan import (
    LadderStep,
    choose_algo,
    integer_schedule,
    next_start,
    plan_slices,
    slot_at,
    slots_of,
)
from hydra.execution.policy import ExecutionPolicy

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
POLICY = ExecutionPolicy()


@pytest.mark.parametrize(
    ("qty", "slices", "expected"), [(7, 5, (1, 1, 2, 1, 2)), (3, 5, (0, 1, 0, 1, 1)), (10, 5, (2,) * 5)]
)
def test_lots_are_spread_by_cumulative_floor(qty: int, slices: int, expected: tuple[int, ...]) -> None:
    assert integer_schedule(qty, slices) == expected


def test_an_order_above_one_percent_of_daily_volume_is_sliced() -> None:
    assert choose_algo(3, 300, POLICY) is Algo.LADDER
    assert choose_algo(4, 300, POLICY) is Algo.TWAP


@given(st.integers(1, 400), st.integers(1, 60))
def test_slices_are_ordered_anchored_and_reach_the_whole_quantity(qty: int, minutes: int) -> None:
    last = AT + timedelta(minutes=minutes)
    slices = plan_slices("20261123-ZO-1", Algo.TWAP, qty, AT, last, POLICY)
    assert slices[-1].cum_target == qty
    assert slices[0].start_at >= AT
    assert slices[-1].end_at <= last
    for earlier, later in pairwise(slices):
        assert earlier.end_at == later.start_at
        assert earlier.cum_target < later.cum_target
        assert earlier.start_at < later.start_at
    assert slices == plan_slices("20261123-ZO-1", Algo.TWAP, qty, AT, last, POLICY)


def test_jitter_differs_by_parent_and_stays_within_its_share() -> None:
    last = AT + timedelta(minutes=45)
    plans = [
        plan_slices(f"202611{day}-ZO-1", Algo.TWAP, 10, AT, last, POLICY) for day in ("23", "24", "25", "27")
    ]
    starts = {plan[1].start_at for plan in plans}
    assert len(starts) == len(plans)
    for plan in plans:
        for i, planned in enumerate(plan):
            assert abs(planned.start_at - (AT + i * timedelta(minutes=9))) <= timedelta(minutes=9) * 0.2


def test_a_small_order_runs_whole_ladders_until_the_horizon() -> None:
    slices = plan_slices("20261123-HE-1", Algo.LADDER, 2, AT, AT + timedelta(hours=3), POLICY)
    assert len(slices) == POLICY.ladder_rounds_max
    assert [slot.end_at - slot.start_at for slot in slots_of(slices[0], POLICY)] == [
        timedelta(seconds=300),
        timedelta(seconds=150),
        timedelta(seconds=75),
    ]


def test_no_time_left_gives_no_plan() -> None:
    assert plan_slices("20261123-HE-1", Algo.LADDER, 2, AT, AT, POLICY) == ()
    assert plan_slices("20261123-HE-1", Algo.TWAP, 9, AT, AT - timedelta(seconds=1), POLICY) == ()


@given(st.floats(0, 0.999999))
def test_every_instant_of_a_slice_falls_into_exactly_one_step(share: float) -> None:
    slices = plan_slices("20261123-ZO-1", Algo.TWAP, 10, AT, AT + timedelta(minutes=45), POLICY)
    whole = slices[-1].end_at - slices[0].start_at
    at = slices[0].start_at + whole * share
    slot = slot_at(slices, at, POLICY)
    assert slot is not None
    assert slot.start_at <= at < slot.end_at
    assert slot.step in LadderStep


def test_outside_the_plan_there_is_no_step_and_the_next_start_is_known() -> None:
    slices = plan_slices("20261123-ZO-1", Algo.TWAP, 3, AT, AT + timedelta(minutes=45), POLICY)
    assert slot_at(slices, AT, POLICY) is None
    assert next_start(slices, AT) == slices[0].start_at
    assert slot_at(slices, slices[-1].end_at, POLICY) is None
    assert next_start(slices, slices[-1].end_at) is None
