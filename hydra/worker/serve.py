"""A worker process from its start to its end: hold the connection, take runs, stop on one signal.

The connection does not wait for Prefect: children are proven and reports booked also while no server answers.
"""

import asyncio
import os
import signal

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from hydra import eventlog
from hydra.domain.errors import Unavailable
from hydra.worker.ib_gateway import IbGatewayWorker, ib_thread_of
from hydra.worker.ib_thread import IbThread
from hydra.worker.post import Post

POOL = "ib"
HEALTH_PORT = "PREFECT_WORKER_WEBSERVER_PORT"
# Prefect's loops give up after some minutes without a server; ours begin anew.
ANEW_WALL_S = 5.0
# A worker that finds no server when it starts looks again after half a minute only (measured); so we look.
SERVER_LOOK_WALL_S = 0.5


async def serve(post: Post, pool: str = POOL, limit: int | None = None) -> None:
    """Take runs of the pool until SIGTERM or Ctrl-C; raises what ended the `ib` thread, if that did."""
    if not PREFECT_API_URL.value():
        raise Unavailable("HY-602", url="PREFECT_API_URL (not set)", problem="no server is named")
    ib = ib_thread_of(post)
    IbGatewayWorker.held = ib
    working = asyncio.ensure_future(_work(post, pool, limit, ib))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.cancel)
    ib.begin()
    ending = asyncio.ensure_future(asyncio.wait({asyncio.wrap_future(ib.ended)}))
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.to_thread(ib.stop)
        ending.cancel()
    eventlog.event(
        "hydra.worker.stopped", worker=post.name, worst_lag_s=round(ib.pulse.worst_lag_s, 3), error=None
    )
    for done in (ib.ended, working):
        if done.done() and not done.cancelled() and (error := done.exception()) is not None:
            raise error


async def _work(post: Post, pool: str, limit: int | None, ib: IbThread) -> None:
    """Prefect's worker, made anew whenever it has given the server up."""
    await ib.opened()
    while True:
        await _server_answers()
        worker = IbGatewayWorker(
            work_pool_name=pool, work_queues=list(post.queues), name=post.name, limit=limit
        )
        try:
            # a health check is asked for by naming its port: it costs a web server's memory
            await worker.start(printer=_say, with_healthcheck=HEALTH_PORT in os.environ)
        except RuntimeError as problem:
            eventlog.event("hydra.server.awaited", "warning", problem=str(problem))
        await asyncio.sleep(ANEW_WALL_S)


async def _server_answers() -> None:
    is_told = False
    async with get_client() as client:
        while (problem := await client.api_healthcheck()) is not None:
            if not is_told:
                eventlog.event("hydra.server.awaited", "warning", problem=str(problem))
            is_told = True
            await asyncio.sleep(SERVER_LOOK_WALL_S)


def _say(text: str, **_style: object) -> None:
    eventlog.event("hydra.worker.told", text=text)
