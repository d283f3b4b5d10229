"""The outbox's way to Prefect: each alert as an event of the same name, none lost while the server is away.

Prefect's own `emit_event` hands an event to a background queue and tells nobody when it is dropped, so the
same events are posted here and their receipt is waited for, on a thread: the `ib` loop never waits for a
server. An event's id is made from what it tells, so one that is posted twice is kept once.
"""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource
from prefect.settings import PREFECT_API_URL

from hydra.domain.errors import Unavailable
from hydra.ports import Clock, Log, Outbox, Told
from hydra.usecases.alerts import BATCH_MAX, plain
from hydra.usecases.desk import Desk

SINK: Final = "prefect"
LOOK_WALL_S: Final = 1.0
AGAIN_WALL_S: Final = 3.0
# A scaled clock's instants may lie days off; Prefect sorts by the wall's.
SKEW_MAX: Final = timedelta(hours=1)


@asynccontextmanager
async def telling_prefect(held: object) -> AsyncIterator[None]:
    """While it lasts, this desk's outbox is told to Prefect; a reading role has none."""
    if not isinstance(held, Desk) or not PREFECT_API_URL.value():
        yield
        return
    telling = asyncio.ensure_future(tell_prefect(held.ledger.outbox, held.clock, held.log))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def tell_prefect(outbox: Outbox, clock: Clock, log: Log) -> None:
    """Post what Prefect has not taken, in order, for ever; a server that is away gets it later."""
    while True:
        pause_s = LOOK_WALL_S
        try:
            alerts = outbox.untold(SINK, BATCH_MAX)
            if alerts:
                await _on_a_thread(lambda: post(alerts))  # noqa: B023 - awaited before the next turn
                outbox.took(SINK, alerts[-1].number)
                pause_s = 0.0 if len(alerts) == BATCH_MAX else LOOK_WALL_S
        except Unavailable as problem:
            log("hydra.ledger.away", problem=str(problem))
        except Exception as problem:  # noqa: BLE001 - whatever the server has, trading goes on without it
            log("hydra.sink.failed", "warning", sink=SINK, problem=str(problem) or type(problem).__name__)
            pause_s = AGAIN_WALL_S
        await clock.sleep_wall(pause_s)


def post(alerts: Sequence[Told]) -> None:
    """One batch; returns when the server has it, raises what the client raises when it has not."""
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event_of(one).model_dump(mode="json") for one in alerts])


def event_of(told: Told) -> Event:
    """The alert as Prefect's event: its name, what it is about, and every fact."""
    alert, now = told.alert, datetime.now(UTC)  # noqa: TID251 - Prefect's own time line is the wall's
    is_near = abs(told.at - now) <= SKEW_MAX
    identity = f"{told.number} {told.at.isoformat()} {alert.name} {alert.resource}"
    return Event(
        id=uuid5(NAMESPACE_URL, f"hydra:{identity}"),
        occurred=told.at if is_near else now,
        event=alert.name,
        resource=Resource(root={"prefect.resource.id": alert.resource, "hydra.weight": alert.weight.value}),
        payload=plain(told),
    )


async def _on_a_thread(work: Callable[[], None]) -> None:
    """Like `asyncio.to_thread`, but the process's end waits for no server that hangs."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    done: asyncio.Future[None] = loop.create_future()

    def settle(problem: BaseException | None) -> None:
        if not done.done():
            done.set_result(None) if problem is None else done.set_exception(problem)

    def run() -> None:
        problem: BaseException | None = None
        try:
            context.run(work)
        except Exception as error:  # noqa: BLE001 - raised again on the loop
            problem = error
        try:
            loop.call_soon_threadsafe(settle, problem)
        except RuntimeError:
            pass  # the loop has ended meanwhile

    threading.Thread(target=run, name="prefect events", daemon=True).start()
    await done
