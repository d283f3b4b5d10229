"""The `ib` thread: one event loop that alone owns ib_async, the ledger connection and the desk.

It lives as long as the worker. Prefect never runs on it: a server that hangs must not stall a heartbeat.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any

from hydra.domain.errors import Unavailable
from hydra.usecases.desk import Desk
from hydra.usecases.reader import Reader
from hydra.usecases.withdraw import withdraw_children
from hydra.worker.prefect_events import telling_prefect
from hydra.worker.pulse import Pulse, Watchdog

DeskOpener = Callable[[], AbstractAsyncContextManager[Desk | Reader]]
STOP_WALL_S_MAX = 15.0


class IbThread:
    """Opens the desk on a loop of its own and keeps it until told to stop, or until the desk fails."""

    def __init__(
        self,
        open_desk: DeskOpener,
        *,
        watchdog: Callable[[Pulse], Watchdog] | None = None,
        stop_patience_wall_s: float = 0.0,
    ) -> None:
        """`stop_patience_wall_s` above zero: at the end working children are taken back, within it."""
        self._open_desk = open_desk
        self._opened: Future[Desk | Reader] = Future()
        self._stop_patience_wall_s = stop_patience_wall_s
        self.ended: Future[None] = Future()
        self._stop: asyncio.Event | None = None
        self._is_told = False
        for future in (self._opened, self.ended):
            future.set_running_or_notify_cancel()  # whoever gives up waiting cancels nothing for the others
        self._thread = threading.Thread(target=self._run, name="ib", daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.pulse = Pulse()
        self.runs = 0
        self._watchdog = watchdog(self.pulse) if watchdog is not None else None

    def start(self) -> Desk | Reader:
        """Blocks until the desk is open; raises what opening it raised, or Unavailable when stopped first."""
        self.begin()
        return self._opened.result()

    def begin(self) -> None:
        """Starts to open the desk, without waiting for it."""
        self._thread.start()
        if self._watchdog is not None:
            self._watchdog.start()

    async def opened(self) -> Desk | Reader:
        """The desk, once it is open; raises what opening it raised."""
        return await asyncio.wrap_future(self._opened)

    def stop(self) -> None:
        """Close the desk (releasing the lease) and end the thread; harmless when it has ended."""
        self._is_told = True
        if self.loop is not None and not self.ended.done():
            try:
                self.loop.call_soon_threadsafe(self._request_stop)
            except RuntimeError:
                pass  # the loop closed between the question and the call
        self._thread.join(STOP_WALL_S_MAX + self._stop_patience_wall_s)

    @property
    def desk(self) -> Desk | Reader:
        return self._opened.result(timeout=0)

    def _request_stop(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for this thread
            self._set_unopened(error)
            self.ended.set_exception(error)
        else:
            self._set_unopened(Unavailable("HY-311", problem="stopped before it was connected"))
            self.ended.set_result(None)
        finally:
            if self._watchdog is not None:
                self._watchdog.stop()

    def _set_unopened(self, error: BaseException) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if self._is_told:
            return
        stopping = asyncio.ensure_future(self._stop.wait())
        beating = asyncio.ensure_future(self.pulse.keep(self._has_work))
        living = asyncio.ensure_future(self._keep_desk(stopping))
        try:
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not self._opened.done():
                living.cancel()  # stopped while it waits for its gateway
            await asyncio.wait({living})
            if not living.cancelled():
                living.result()
        finally:
            for task in (stopping, beating, living):
                task.cancel()
            await asyncio.gather(stopping, beating, living, return_exceptions=True)

    async def _keep_desk(self, stopping: asyncio.Task[Any]) -> None:
        async with self._open_desk() as desk, telling_prefect(desk):
            self._opened.set_result(desk)
            await asyncio.sleep(0)
            self.pulse.is_open = True
            while not stopping.done():
                if desk.failure is not None:
                    raise desk.failure
                if desk.lease_lost and not isinstance(desk, Reader):
                    raise Unavailable("HY-604", client_id=desk.lease.client_id, epoch=desk.lease.epoch)
                changed = asyncio.ensure_future(desk.changed.wait(1.0))
                await asyncio.wait({stopping, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            if isinstance(desk, Desk) and self._stop_patience_wall_s > 0:
                why = "this worker was stopped"
                await withdraw_children(desk, desk.parents, why, self._stop_patience_wall_s)

    def _has_work(self) -> bool:
        """Whether something is open that a loop standing still would leave alone."""
        if not self._opened.done() or self._opened.exception() is not None:
            return False
        desk = self._opened.result()
        return self.runs > 0 or (isinstance(desk, Desk) and bool(desk.live_children()))
