"""Taking working children back when a person, or the end of this process, says so: cancel and prove.

The parents stay open: a rerun finishes what is missing inside their original deadline.
"""

from collections.abc import Collection

from hydra.domain.order import ChildOrder
from hydra.execution.decide import CancelChild
from hydra.usecases.desk import Desk
from hydra.usecases.trade import cancel_child

LOOK_AGAIN_WALL_S = 0.1


async def withdraw_children(
    desk: Desk, parents: Collection[str], why: str, patience_wall_s: float
) -> tuple[list[str], list[str]]:
    """Cancel every live child of these parents that is ours to cancel, until each end is proven.

    Returns the references asked to end, and of these the ones unproven when the patience ended: they stay
    in the care of supervision, which goes on proving. A cancel that could not leave is tried again.
    """
    until = desk.clock.wall_s() + patience_wall_s
    asked: dict[str, float] = {}
    while True:
        live = _live(desk, parents)
        wall_s = desk.clock.wall_s()
        for child in live:
            if asked.get(child.order_ref, float("-inf")) <= wall_s - desk.policy.cancel_retry_wall_s:
                parent = desk.parents[child.sending.parent]
                if cancel_child(desk, parent, CancelChild(child.order_ref, why)):
                    asked[child.order_ref] = wall_s
                else:
                    asked.setdefault(child.order_ref, float("-inf"))
        if not live or wall_s >= until or desk.lease_lost or desk.failure is not None:
            return sorted(asked), [child.order_ref for child in live]
        await desk.changed.wait(LOOK_AGAIN_WALL_S)


def _live(desk: Desk, parents: Collection[str]) -> list[ChildOrder]:
    return [child for child in desk.live_children() if child.sending.parent in parents]
