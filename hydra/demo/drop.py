"""The one dropped connection: at a moment when a child of a slice is alive at the gateway, and proven so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from hydra.domain.events import Algo
from hydra.domain.ids import is_own_ref, parent_of
from hydra.domain.parent import ParentOrder
from hydra.ports import Clock
from hydra.simgateway.books import read_books
from hydra.simgateway.control import call

ALIVE: Final = frozenset({"PreSubmitted", "Submitted"})
# Wall seconds that a child has lived before the drop, and has left after it.
LIVED_WALL_S, LEFT_WALL_S = 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the drop hit; `hit` is false when the child had ended before the connection did."""

    order_ref: str
    slice_no: int
    lots: int
    filled: int
    at: datetime
    hit: bool
    message: str


def drop_when_working(gateway: Path, parents: Iterable[ParentOrder], clock: Clock) -> Dropped | None:
    """Drop every API connection if a child of a TWAP slice works right now; None while none does."""
    sliced = {one.parent_id: one for one in parents if one.opened and one.opened.algo is Algo.TWAP}
    for order in read_books(gateway)["orders"]:
        ref = str(order["order_ref"])
        parent = sliced.get(parent_of(ref)) if is_own_ref(ref) else None
        child = parent.child(ref) if parent is not None else None
        if child is not None and child.priced is not None and _is_working(order, clock):
            return _drop(gateway, ref, child.priced.slice_no, clock)
    return None


def _drop(gateway: Path, ref: str, slice_no: int, clock: Clock) -> Dropped:
    at = clock.now()
    message = str(call(gateway, "fault", {"name": "drop"})["message"])
    order = next(one for one in read_books(gateway)["orders"] if one["order_ref"] == ref)
    ended_at = order["ended_at"]
    was_alive = ended_at is None or datetime.fromisoformat(str(ended_at)) >= at
    is_closed = not message.startswith("0 ")
    lots, filled = int(str(order["qty"])), int(str(order["filled"]))
    return Dropped(ref, slice_no, lots, filled, at, was_alive and is_closed, message)


def _is_working(order: Mapping[str, Any], clock: Clock) -> bool:
    now = clock.now()
    lived, left = (timedelta(seconds=wall_s * clock.speed) for wall_s in (LIVED_WALL_S, LEFT_WALL_S))
    is_old_enough = now - datetime.fromisoformat(order["accepted_at"]) >= lived
    has_time = order["good_till"] is not None and datetime.fromisoformat(order["good_till"]) - now >= left
    return order["status"] in ALIVE and is_old_enough and has_time
