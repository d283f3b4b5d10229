"""An asyncio loop whose time is virtual: it jumps to the next timer, and nothing ever really waits.

Everything that asks the loop for time, sockets or timers runs unchanged on it. What would wait on the real
world (a real socket, a thread) must not be used: with nothing scheduled the loop says `Stuck`.
"""

import asyncio
import contextvars
import heapq
import selectors
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from hydra.simulation.network import Network
from hydra.simulation.process import GRAVEYARD, owner_of

_RESOLUTION_S: Final = 1e-9


class Stuck(Exception):
    """No callback is ready and no timer is set: everybody waits for somebody else."""


class _Handle(asyncio.TimerHandle):
    """A callback, now or at an instant; a process's own is run by it, or not at all once it is dead."""

    __slots__ = ("_owner",)

    def __init__(
        self,
        when: float,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        loop: "VirtualLoop",
        context: contextvars.Context | None,
    ) -> None:
        """Without asyncio's own: half of its time goes to debugging aids that this loop has not."""
        if context is None:
            context = contextvars.copy_context()
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._when = when
        self._cancelled = self._scheduled = False
        self._repr = self._source_traceback = None
        self._owner = owner_of(context)

    def _run(self) -> None:
        try:
            if self._owner is None:
                self._context.run(self._callback, *self._args)
            else:
                self._owner.carry(self._context, self._callback, self._args, self.cancelled)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as problem:  # noqa: BLE001 - as in asyncio, no callback ends the loop
            message = f"Exception in callback {self._callback!r}"
            self._loop.call_exception_handler({"message": message, "exception": problem, "handle": self})


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop at virtual second 0, with an in-memory network for its connections."""

    _ready: "deque[asyncio.Handle]"
    _stopping: bool

    def __init__(self, network: Network | None = None) -> None:
        self._virtual_s = 0.0
        self._is_over = False
        self._timers: list[tuple[float, int, _Handle]] = []
        self._timers_set = 0
        super().__init__(selectors.SelectSelector())  # never asked
        self.network = network if network is not None else Network(self)

    def time(self) -> float:
        return self._virtual_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(self._virtual_s, callback, args, self, context)
        if not self._is_over:
            self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Timers of one instant run in the order they were set: asyncio's own heap promises none."""
        self._timers_set += 1
        handle = _Handle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self._timers_set, handle))
        return handle

    def _run_once(self) -> None:
        """As asyncio's, but nothing is polled, and with nothing ready time jumps to the next timer."""
        ready, timers = self._ready, self._timers
        if not ready and not self._stopping:
            self._jump()
        end_s = self._virtual_s + _RESOLUTION_S
        while timers and timers[0][0] < end_s:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck
        self._virtual_s += max(timers[0][0] - self._virtual_s, 0.0)

    def end(self) -> None:
        """The world is over. What is still suspended stays referenced: closing it would run its code."""
        self._is_over = True
        GRAVEYARD.extend(asyncio.all_tasks(self))
        self.close()

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connects to a server of the in-memory network; ConnectionRefusedError when nobody listens."""
        return await self.network.connect(protocol_factory, port)

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, **_: Any
    ) -> asyncio.AbstractServer:
        """Listens on a port of the in-memory network."""
        return self.network.listen(protocol_factory, port)
