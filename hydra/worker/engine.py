"""How a task reaches the order engine: plain values across threads, the work itself on the `ib` loop.

A flow run lives in its own thread with its own loop; ib_async, the ledger and the desk live on the worker's
`ib` loop and are touched nowhere else.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect.exceptions import Abort

from hydra.domain.errors import UserError
from hydra.worker.bench import Bench

P = ParamSpec("P")
T = TypeVar("T")


class RunStopped(Exception):
    """The step was ended because its run was: cancelled, paused, deleted or changed by a person."""


class Engine:
    """The order engine as one flow run sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bench: Bench) -> None:
        self._loop = loop
        self.bench = bench
        self._under_way: set[Future[Any]] = set()
        self._stopped = ""
        self._lock = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether a step of this run is under way."""
        return bool(self._under_way)

    async def call(
        self, step: Callable[Concatenate[Bench, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run one step on the `ib` loop and wait for it here; cancelling the wait cancels the step.

        RunStopped when the run is stopped meanwhile, Prefect's Abort for every step asked for afterwards.
        """

        async def on_ib_loop() -> T:
            return await step(self.bench, *args, **kwargs)

        with self._lock:
            if self._stopped:
                raise Abort(self._stopped)
            running = asyncio.run_coroutine_threadsafe(on_ib_loop(), self._loop)
            self._under_way.add(running)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if self._stopped:
                raise RunStopped(self._stopped) from None
            raise
        finally:
            self._under_way.discard(running)

    def stop(self, why: str) -> None:
        """From any thread: what is under way ends where it stands, nothing new begins. Children rest."""
        with self._lock:
            self._stopped = why
            under_way = list(self._under_way)
        for one in under_way:
            one.cancel()


_of_this_flow_run: ContextVar[Engine] = ContextVar("hydra_engine")


def enter(engine: Engine) -> None:
    """From now on tasks of this thread's flow run reach this engine."""
    _of_this_flow_run.set(engine)


def engine() -> Engine:
    """The engine of the flow run we are in; HY-601 outside a worker."""
    found = _of_this_flow_run.get(None)
    if found is None:
        raise UserError("HY-601")
    return found
