"""Children that outlived their death: cancelled again each minute, the instrument halted, a person told."""

from hydra.domain.order import ChildOrder
from hydra.usecases.desk import Desk
from hydra.usecases.halt import halt
from hydra.usecases.recover import unproven_children

CHASE_EVERY_WALL_S = 60.0


def chase_overdue(desk: Desk) -> None:
    """Cancel what the broker still lists as working past good_till + settle; only who sent it may."""
    for child in unproven_children(desk):
        if not _is_listed(desk, child) or child.sending.client_id != desk.broker.client_id:
            continue
        last = desk.cancels_at_wall_s.get(child.order_ref, float("-inf"))
        if desk.clock.wall_s() - last < CHASE_EVERY_WALL_S:
            continue
        desk.cancels_at_wall_s[child.order_ref] = desk.clock.wall_s()
        desk.broker.cancel(child.sending)
        symbol = desk.symbol_of(child.sending.con_id)
        halt(desk, symbol, f"OVERDUE: {child.order_ref} (permId {child.perm_id}) lives past its good_till")


def _is_listed(desk: Desk, child: ChildOrder) -> bool:
    """Whether a complete snapshot begun after its death shows it working.

    An older one proves nothing: a process that was stopped wakes with what it saw before.
    """
    newest = desk.snapshots[-1] if desk.snapshots else None
    if newest is None or newest.begun_at <= child.sending.good_till + desk.margins.settle:
        return False
    return child.order_ref in newest.working_refs or child.perm_id in newest.working_perm_ids
