"""The `ib` thread: one event loop that alone owns ib_async, the ledger connection and the desk.

It lives as long as the worker. Prefect never runs on it: a server that hangs must not stall a heartbeat.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager

from hydra.domain.errors import Unavailable
from hydra.usecases.desk import Desk
from hydra.worker.prefect_events import telling_prefect

DeskOpener = Callable[[], AbstractAsyncContextManager[Desk]]
STOP_WALL_S_MAX = 15.0


class IbThread:
    """Opens the desk on a loop of its own and keeps it until told to stop, or until the desk fails."""

    def __init__(self, open_desk: DeskOpener) -> None:
        self._open_desk = open_desk
        self._opened: Future[Desk] = Future()
        self.ended: Future[None] = Future()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="ib", daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> Desk:
        """Blocks until the desk is open; raises what opening it raised."""
        self._thread.start()
        return self._opened.result()

    def stop(self) -> None:
        """Close the desk (releasing the lease) and end the thread; harmless when it has ended."""
        if self.loop is not None and not self.ended.done():
            try:
                self.loop.call_soon_threadsafe(self._request_stop)
            except RuntimeError:
                pass  # the loop closed between the question and the call
        self._thread.join(STOP_WALL_S_MAX)

    @property
    def desk(self) -> Desk:
        return self._opened.result(timeout=0)

    def _request_stop(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for this thread
            if not self._opened.done():
                self._opened.set_exception(error)
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._open_desk() as desk, telling_prefect(desk):
            self._opened.set_result(desk)
            stopping = asyncio.ensure_future(self._stop.wait())
            while not stopping.done():
                if desk.failure is not None:
                    raise desk.failure
                if desk.lease_lost:
                    raise Unavailable("HY-604", client_id=desk.lease.client_id, epoch=desk.lease.epoch)
                changed = asyncio.ensure_future(desk.changed.wait(1.0))
                await asyncio.wait({stopping, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
