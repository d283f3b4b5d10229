"""Two live orders under one reference (law 2): both are ended as far as the wire allows, and a person told.

IB cancels by order id only, which reaches one of them. What still works five seconds later is beyond us:
reqGlobalCancel ends it where the configuration allows that, else its permId is told, to cancel by hand.
"""

from dataclasses import dataclass

from hydra.domain.alerts import Alert, Weight
from hydra.domain.events import ChildSending
from hydra.usecases.desk import Desk, Fork, OnFork
from hydra.usecases.recover import take_snapshot

PATIENCE_WALL_S = 5.0
EACH_WALL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the newest snapshot since the fork was found says of it."""

    is_known: bool
    working: tuple[int, ...]


async def chase_forks(desk: Desk) -> None:
    """Call it every second: cancel by order id, read again, and after five seconds do the last thing."""
    for order_ref, fork in list(desk.forks.items()):
        sending = _sending(desk, order_ref)
        if sending is None or sending.client_id != desk.broker.client_id:
            del desk.forks[order_ref]
            continue
        wall_s = desk.clock.wall_s()
        if wall_s - fork.cancelled_wall_s >= desk.policy.cancel_retry_wall_s and desk.broker.cancel(sending):
            fork.cancelled_wall_s = wall_s
        await take_snapshot(desk)
        seen = _seen(desk, fork)
        if seen.is_known and not seen.working:
            del desk.forks[order_ref]
        elif seen.is_known and wall_s - fork.since_wall_s >= PATIENCE_WALL_S and not fork.is_told:
            fork.is_told = True
            _last_thing(desk, order_ref, seen.working)


def _last_thing(desk: Desk, order_ref: str, working: tuple[int, ...]) -> None:
    did = "cancel it by hand in TWS: IB has no cancel by permId"
    if desk.on_fork is OnFork.GLOBAL_CANCEL and desk.broker.cancel_everything():
        did = "reqGlobalCancel was sent: it ends manual orders, too"
    perm_ids = ", ".join(map(str, working))
    facts = {"order_ref": order_ref, "perm_ids": perm_ids, "action": did}
    desk.ledger.outbox.add([Alert("hydra.order.forked", Weight.ERROR, f"hydra.child.{order_ref}", facts)])
    desk.log("hydra.order.forked", **facts)


def _sending(desk: Desk, order_ref: str) -> ChildSending | None:
    found = (child for parent in desk.parents.values() for child in parent.children)
    return next((child.sending for child in found if child.order_ref == order_ref), None)


def _seen(desk: Desk, fork: Fork) -> _Seen:
    """Only a snapshot begun after the cancel counts."""
    newest = desk.snapshots[-1] if desk.snapshots else None
    if newest is None or newest.begun_wall_s <= max(fork.since_wall_s, fork.cancelled_wall_s):
        return _Seen(False, ())
    return _Seen(True, tuple(sorted(fork.perm_ids & newest.working_perm_ids)))
