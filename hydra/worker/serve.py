"""A worker process from its start to its end: wait for the server, take runs, stop on one signal."""

import asyncio
import signal

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from hydra import eventlog
from hydra.domain.errors import Unavailable
from hydra.worker.ib_gateway import IbGatewayWorker
from hydra.worker.ib_thread import DeskOpener

POOL = "ib"
SERVER_PATIENCE_WALL_S = 60.0
_POLL_WALL_S = 0.25


async def serve(name: str, open_desk: DeskOpener, pool: str = POOL, limit: int | None = None) -> None:
    """Take runs of the pool until SIGTERM or Ctrl-C; raises what ended the `ib` thread, if that did."""
    await _await_server()
    IbGatewayWorker.open_desk = staticmethod(open_desk)
    worker = IbGatewayWorker(work_pool_name=pool, name=name, limit=limit)
    polling = asyncio.ensure_future(worker.start(printer=_say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, polling.cancel)
    watching = asyncio.ensure_future(_watch(worker, polling))
    try:
        await polling
    except asyncio.CancelledError:
        eventlog.event("hydra.worker.stopped", worker=name)
    finally:
        watching.cancel()
    _raise_failure(worker)


async def _await_server() -> None:
    """The server may still be starting: ask its health until it answers, or say what to start."""
    url = PREFECT_API_URL.value()
    if not url:
        raise Unavailable("HY-602", url="PREFECT_API_URL (not set)", problem="no server is named")
    until = asyncio.get_running_loop().time() + SERVER_PATIENCE_WALL_S
    while True:
        try:
            async with get_client() as client:
                problem = await client.api_healthcheck()
        except (httpx.HTTPError, OSError, RuntimeError) as error:
            problem = error
        if problem is None:
            return
        if asyncio.get_running_loop().time() >= until:
            raise Unavailable("HY-602", url=url, problem=str(problem) or type(problem).__name__)
        await asyncio.sleep(_POLL_WALL_S)


async def _watch(worker: IbGatewayWorker, polling: asyncio.Task[None]) -> None:
    """A worker whose desk has failed must not go on taking runs."""
    while worker._ib is None or not worker.ib.ended.done():
        await asyncio.sleep(_POLL_WALL_S)
    polling.cancel()


def _raise_failure(worker: IbGatewayWorker) -> None:
    if worker._ib is not None and worker.ib.ended.done():
        error = worker.ib.ended.exception()
        if error is not None:
            raise error


def _say(text: str, **_style: object) -> None:
    eventlog.event("hydra.worker.told", text=text)
