"""How a task reaches the order engine: plain values across threads, the work itself on the `ib` loop.

A flow run lives in its own thread with its own loop; ib_async, the ledger and the desk live on the worker's
`ib` loop and are touched nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Concatenate, ParamSpec, TypeVar

from hydra.domain.errors import UserError
from hydra.worker.bench import Bench

P = ParamSpec("P")
T = TypeVar("T")


class Engine:
    """The order engine as one flow run sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bench: Bench) -> None:
        self._loop = loop
        self._bench = bench

    async def call(
        self, step: Callable[Concatenate[Bench, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run one step on the `ib` loop and wait for it here; cancelling the wait cancels the step."""

        async def on_ib_loop() -> T:
            return await step(self._bench, *args, **kwargs)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(on_ib_loop(), self._loop))


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
