"""The plan of a parent: slices at absolute times, a pure function of its id, quantity and market facts.

A slice runs one ladder of three steps in the ratio of the policy's ladder (4 : 2 : 1). Small orders are
worked by whole ladders, one round after another, each for what is left; large ones by TWAP slices
(algorithms: integer schedule by cumulative floor, anchored times with seeded jitter).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hydra.domain.events import Algo, PlannedSlice
from hydra.execution.policy import ExecutionPolicy


class LadderStep(StrEnum):
    """Mid, one tick inside the far touch, the far touch."""

    MID = "MID"
    INSIDE = "INSIDE"
    FAR = "FAR"


@dataclass(frozen=True, slots=True)
class Slot:
    """The step of the plan that an instant falls into."""

    slice: PlannedSlice
    step: LadderStep
    start_at: datetime
    end_at: datetime


def choose_algo(order_qty: int, adv_lots: int, policy: ExecutionPolicy) -> Algo:
    """TWAP above a share of average daily volume, else the ladder alone."""
    return Algo.TWAP if order_qty > policy.twap_above_adv_fraction * adv_lots else Algo.LADDER


def plan_slices(
    parent_id: str, algo: Algo, order_qty: int, start_at: datetime, last_at: datetime, policy: ExecutionPolicy
) -> tuple[PlannedSlice, ...]:
    """The slices from `start_at` to `last_at`, after which no child may be alive; empty = no time left."""
    room = min(timedelta(seconds=policy.horizon_s), last_at - start_at)
    if order_qty <= 0 or room <= timedelta(0):
        return ()
    if algo is Algo.LADDER:
        return _ladder_rounds(order_qty, start_at, room, policy)
    return _twap(parent_id, order_qty, start_at, room, policy)


def integer_schedule(order_qty: int, slices: int) -> tuple[int, ...]:
    """Lots per slice by cumulative floor: (7, 5) -> 1, 1, 2, 1, 2."""
    return tuple((i + 1) * order_qty // slices - i * order_qty // slices for i in range(slices))


def slot_at(slices: tuple[PlannedSlice, ...], at: datetime, policy: ExecutionPolicy) -> Slot | None:
    """The step that holds this instant; None between slices and outside the plan."""
    for planned in slices:
        if planned.start_at <= at < planned.end_at:
            return next(slot for slot in slots_of(planned, policy) if at < slot.end_at)
    return None


def slots_of(planned: PlannedSlice, policy: ExecutionPolicy) -> tuple[Slot, ...]:
    """The three steps of a slice, their ends in the ratio of the policy's ladder."""
    length = planned.end_at - planned.start_at
    ends, total = [], 0.0
    for seconds in policy.ladder_s[:-1]:
        total += seconds
        ends.append(planned.start_at + length * (total / policy.ladder_total_s))
    ends.append(planned.end_at)
    starts = [planned.start_at, *ends[:-1]]
    return tuple(
        Slot(planned, step, start, end) for step, start, end in zip(LadderStep, starts, ends, strict=True)
    )


def next_start(slices: tuple[PlannedSlice, ...], at: datetime) -> datetime | None:
    """The start of the first slice after this instant."""
    return next((planned.start_at for planned in slices if planned.start_at > at), None)


def _ladder_rounds(
    order_qty: int, start_at: datetime, room: timedelta, policy: ExecutionPolicy
) -> tuple[PlannedSlice, ...]:
    whole = timedelta(seconds=policy.ladder_total_s)
    rounds = max(1, min(policy.ladder_rounds_max, room // whole))
    length = min(whole, room)
    return tuple(
        PlannedSlice(no + 1, start_at + no * length, start_at + (no + 1) * length, order_qty)
        for no in range(rounds)
    )


def _twap(
    parent_id: str, order_qty: int, start_at: datetime, room: timedelta, policy: ExecutionPolicy
) -> tuple[PlannedSlice, ...]:
    count = policy.twap_slices
    interval = room / count
    starts = [start_at] + [
        start_at + interval * (i + policy.twap_jitter * (2 * _uniform(parent_id, i) - 1))
        for i in range(1, count)
    ]
    kept: list[tuple[datetime, int]] = []
    cum = 0
    for start, qty in zip(starts, integer_schedule(order_qty, count), strict=True):
        cum += qty
        if qty > 0:
            kept.append((start, cum))
    ends = [start for start, _ in kept[1:]] + [start_at + room]
    return tuple(
        PlannedSlice(no, start, end, target)
        for no, ((start, target), end) in enumerate(zip(kept, ends, strict=True), start=1)
    )


def _uniform(parent_id: str, i: int) -> float:
    """A number in [0, 1) drawn from the parent's id, the same on every rerun and machine."""
    digest = hashlib.sha256(f"{parent_id}/{i}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
