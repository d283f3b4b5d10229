"""An asyncio loop whose time is virtual: it jumps to the next timer, and nothing ever really waits.

Everything that asks the loop for time, sockets or timers runs unchanged on it. What would wait on the real
world (a real socket, a thread) must not be used: with nothing scheduled the loop says `Stuck`.
"""

import asyncio
import contextvars
import heapq
import selectors
from collections.abc import Callable
from typing import Any

from hydra.simulation.network import Network
from hydra.simulation.process import GRAVEYARD, owner_of


class Stuck(Exception):
    """No callback is ready and no timer is set: everybody waits for somebody else."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting, moves its loop's time ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda _: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.jump(timeout)
        return []


class _OrderedTimer(asyncio.TimerHandle):
    """Timers of one instant run in the order they were set: asyncio's own heap promises none."""

    __slots__ = ("number",)
    number: int

    def __lt__(self, other: Any) -> bool:
        mine, theirs = self.when(), other.when()
        return bool(mine < theirs or (mine == theirs and self.number < other.number))


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop at virtual second 0, with an in-memory network for its connections."""

    def __init__(self, network: Network | None = None) -> None:
        self._virtual_s = 0.0
        self._is_over = False
        self._timers = 0
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.jump = self._jump
        self._clock_resolution = 1e-9
        self.network = network if network is not None else Network(self)

    def time(self) -> float:
        return self._virtual_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's; what belongs to a process is run by it, or not at all once it is dead."""
        if self._is_over:
            return asyncio.Handle(callback, args, self, context)
        handle = super().call_soon(callback, *args, context=context)
        _give_to_owner(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        self._timers += 1
        handle = _OrderedTimer(when, callback, args, self, context)
        handle.number = self._timers
        _give_to_owner(handle)
        heapq.heappush(self._scheduled, handle)  # type: ignore[attr-defined]
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

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

    def _jump(self, seconds: float) -> None:
        self._virtual_s += seconds


def _give_to_owner(handle: Any) -> None:
    owner = owner_of(handle._context)
    if owner is not None:
        handle._args = (handle._context, handle._callback, *handle._args)
        handle._callback = owner.carry
