"""Taking working children back when a person, or the end of this process, says so: cancel and prove.

The parents stay open: a rerun finishes what is missing inside their original deadline.
"""

from collections.abc import Collection

from hydra.domain.events import TradingState
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


async def await_rivals(desk: Desk, patience_wall_s: float) -> tuple[list[str], list[str]]:
    """Wait until no child of another shard lives; only whoever sent it cancels it, and a halt makes it do so.

    Returns the references that lived at first and are proven gone, and those unproven after the patience.
    """
    until = desk.clock.wall_s() + patience_wall_s
    at_first = live = _of_rivals(desk)
    while live and desk.clock.wall_s() < until:
        await desk.clock.sleep_wall(LOOK_AGAIN_WALL_S * 5)
        live = _of_rivals(desk)
    return sorted(at_first - live), sorted(live)


def _of_rivals(desk: Desk) -> set[str]:
    own = desk.broker.client_id
    return {
        child.order_ref
        for parent in desk.ledger.unfinished()
        for child in parent.live_children
        if child.sending.client_id != own
    }


async def obey_rivals(desk: Desk, patience_wall_s: float) -> None:
    """Take back what works here and was halted elsewhere: by another shard's emergency stop, by a person."""
    halted = {}
    for child in desk.live_children():
        parent = desk.parents[child.sending.parent]
        control = desk.ledger.control(child.sending.con_id, parent.plan.symbol, parent.parent_id)
        if control.trading_state is TradingState.HALTED:
            halted[parent.parent_id] = f"halted: {control.trading_reason}"
    if halted:
        await withdraw_children(desk, halted, next(iter(halted.values())), patience_wall_s)


def _live(desk: Desk, parents: Collection[str]) -> list[ChildOrder]:
    return [child for child in desk.live_children() if child.sending.parent in parents]
