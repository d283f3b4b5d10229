"""What runs beside every session for as long as a process holds the desk: tend, renew, value, notice.

The worker's life and the command line's share it, so reports are journalled while no flow runs, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from hydra.domain.errors import BrokenLaw, Unavailable
from hydra.ports import Unknown
from hydra.usecases.alerts import LinkReporter, deliver
from hydra.usecases.breakers import measure
from hydra.usecases.chase import chase_overdue
from hydra.usecases.desk import Desk
from hydra.usecases.forks import chase_forks
from hydra.usecases.halt import EVERYTHING, halt, obey_latch
from hydra.usecases.recover import tend
from hydra.usecases.session import watch_held
from hydra.usecases.withdraw import obey_rivals

RENEW_WALL_S = 2.0
EQUITY_WALL_S = 60.0
CHASE_WALL_S = 5.0
FORKS_WALL_S = 1.0
MAINTENANCE_WALL_S = 5.0
RIVALS_WALL_S = 2.0
LATCH_WALL_S = 0.5
ALERTS_WALL_S = 1.0


def supervision(desk: Desk) -> tuple[asyncio.Task[None], ...]:
    """Start the desk's background tasks; cancel them to end it."""
    jobs: list[Callable[[Desk], Awaitable[None]]] = [tend, _renew_lease, _value_account, _watch_latch]
    jobs += [_chase, _chase_forks, _tell_alerts, _maintain]
    if desk.duty.shards > 0:
        jobs.append(_watch_rivals)
    return tuple(asyncio.ensure_future(_guarded(desk, job)) for job in jobs)


async def _guarded(desk: Desk, job: Callable[[Desk], Awaitable[None]]) -> None:
    """A defect in supervision ends the session's work instead of leaving it unwatched."""
    try:
        await job(desk)
    except Exception as error:  # whatever it is, trading must not go on without its supervision
        desk.failure = error
        desk.stop_reason = f"supervision failed: {error}"
        desk.log("hydra.supervision.failed", job=getattr(job, "__name__", ""), problem=repr(error))
        if isinstance(error, BrokenLaw):
            halt(desk, EVERYTHING, str(error))
        desk.changed.notify()
        raise


async def _renew_lease(desk: Desk) -> None:
    """Renew while it is ours; once lost nothing more is sent, children die by themselves."""
    while not desk.lease_lost:
        await desk.clock.sleep_wall(RENEW_WALL_S)
        try:
            is_ours = desk.ledger.renew(desk.lease)
        except Unavailable as problem:  # every sending asks for the lease in its own transaction
            desk.log("hydra.ledger.away", problem=str(problem))
            continue
        if not is_ours:
            desk.lease_lost = True
            desk.log("hydra.lease.lost", client_id=desk.lease.client_id, epoch=desk.lease.epoch)
            desk.changed.notify()


async def _chase(desk: Desk) -> None:
    """Look for children that outlived their death."""
    while True:
        await desk.clock.sleep_wall(CHASE_WALL_S)
        chase_overdue(desk)


async def _chase_forks(desk: Desk) -> None:
    """Look for two orders under one reference."""
    while True:
        await desk.clock.sleep_wall(FORKS_WALL_S)
        await chase_forks(desk)


async def _watch_rivals(desk: Desk) -> None:
    """Other shards trade beside us: limits need a price for what they come to hold, their halts hold here."""
    while True:
        await desk.clock.sleep_wall(RIVALS_WALL_S)
        try:
            await obey_rivals(desk, RIVALS_WALL_S)
            await watch_held(desk)
        except Unavailable as problem:  # nothing is sent meanwhile: every sending asks the same ledger
            desk.log("hydra.ledger.away", problem=str(problem))


async def _maintain(desk: Desk) -> None:
    """Once in each maintenance window, when nothing is open: the ledger's log file is folded into it."""
    tidied: datetime | None = None
    while True:
        await desk.clock.sleep_wall(MAINTENANCE_WALL_S)
        start = desk.next_maintenance(desk.clock.now())
        if not _in_maintenance(desk) or start == tidied or desk.live_children():
            continue
        try:
            tidied = start if desk.ledger.checkpoint() else tidied
            desk.log("hydra.ledger.tidied", done=tidied == start)
        except Unavailable as problem:
            desk.log("hydra.ledger.away", problem=str(problem))


async def _watch_latch(desk: Desk) -> None:
    """A kill that let this process live still ends its work: what is live is cancelled, nothing follows."""
    while desk.latch_path is not None:
        try:
            obey_latch(desk)
        except Unavailable as problem:  # the latch itself blocks every sending meanwhile
            desk.log("hydra.ledger.away", problem=str(problem))
        await desk.clock.sleep_wall(LATCH_WALL_S)


async def _tell_alerts(desk: Desk) -> None:
    """What happened, and breaks of the link, to every sink; a sink that is down gets it later."""
    link = LinkReporter(desk.broker.client_id, desk.clock)
    while desk.sinks:
        try:
            link.look(desk.broker.link, desk.ledger.outbox, is_expected=_in_maintenance(desk))
            deliver(desk.ledger.outbox, desk.sinks, desk.log)
        except Unavailable as problem:
            desk.log("hydra.ledger.away", problem=str(problem))
        await desk.clock.sleep_wall(ALERTS_WALL_S)


def _in_maintenance(desk: Desk) -> bool:
    """Whether the gateway may be away now without anybody's fault."""
    now = desk.clock.now()
    start = desk.next_maintenance(now)
    return start is not None and start <= now


async def _value_account(desk: Desk) -> None:
    """Keep the equity that limits are measured by current."""
    while True:
        await desk.clock.sleep_wall(EQUITY_WALL_S)
        account = await desk.broker.account_state()
        if not isinstance(account, Unknown):
            desk.account = account
            measure(desk)
