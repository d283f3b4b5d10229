"""A network in memory: ordered bytes with latency between two asyncio protocols of one loop.

A pipe can be cut the ways a wire is cut: closed by one side (FIN), reset (RST), or silent (half-open: both
ends believe in it and nothing arrives). What is written can be split into segments, collected into one, made
late, or held back as a whole until a partition heals; its order never changes, for it is TCP.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterable
from typing import Any, cast

LATENCY_S = 0.0005
Segments = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    """Every write arrives as it was written."""
    return (data,)


class MemoryTransport(asyncio.Transport):
    """One end of a pipe; what is written arrives at the other end's protocol, in order, after the latency."""

    def __init__(self, network: "Network", protocol: asyncio.BaseProtocol, owner: object) -> None:
        super().__init__()
        self._network = network
        self._protocol = cast(asyncio.Protocol, protocol)
        self._is_closing = False
        self._is_lost = False
        self._arrives_at = 0.0
        self._unsent = bytearray()
        self.peer: MemoryTransport | None = None
        self.owner = owner
        self.is_silent = False
        self._frozen: list[Callable[[MemoryTransport], None]] | None = None

    # --- asyncio.Transport ---

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing or not data:
            return
        self._network.before_write(self.owner, data)
        if self._network.collect_s > 0:
            self._collect(bytes(data))
        else:
            for segment in self._network.segments(bytes(data)):
                self._carry(segment)
        self._network.after_write(self.owner, data)

    def close(self) -> None:
        """FIN: the peer reads what was written, then the end."""
        if self._is_closing:
            return
        self._send_collected()
        self._is_closing = True
        self._network.loop.call_soon(self.lose, None)
        self._at_peer(lambda peer: peer.receive_end())

    def abort(self) -> None:
        """RST towards the peer, without a word to it of what was not yet delivered."""
        self.reset(ConnectionAbortedError("aborted by this end"))

    def write_eof(self) -> None:
        return

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._is_closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return

    # --- the wire ---

    def reset(self, reason: Exception) -> None:
        """RST: both ends lose the connection, each by itself."""
        if self._is_lost:
            return
        self._is_closing = True
        self._network.loop.call_soon(self.lose, reason)
        self._at_peer(lambda peer: peer.lose(ConnectionResetError("reset by peer")))

    def cut(self, is_reset: bool = False) -> None:
        """What the operating system does for a process that died: nothing of it runs, its peer is told."""
        if self._is_lost:
            return
        self._send_collected()
        self._is_closing = self._is_lost = True
        self._network.forget(self)
        if is_reset:
            self._at_peer(lambda peer: peer.lose(ConnectionResetError("reset by peer")))
        else:
            self._at_peer(lambda peer: peer.receive_end())

    def receive(self, data: bytes) -> None:
        if not self._is_lost and not self.is_silent:
            self._protocol.data_received(data)

    def freeze(self) -> None:
        """Nothing reaches this end any more, until it thaws."""
        if self._frozen is None:
            self._frozen = []

    def thaw(self) -> None:
        """All that came meanwhile arrives now, in its order."""
        held, self._frozen = self._frozen or [], None
        for act in held:
            self._network.deliver(self._network.loop.time(), self, act)

    def arrive(self, act: "Callable[[MemoryTransport], None]") -> None:
        """Something has come over the wire to this end."""
        if self._frozen is None:
            act(self)
        else:
            self._frozen.append(act)

    def receive_end(self) -> None:
        """The peer's FIN: asyncio closes this side, too, unless the protocol says otherwise."""
        if self._is_lost or self.is_silent:
            return
        if not self._protocol.eof_received():
            self._is_closing = True
            self.lose(None)

    def lose(self, reason: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_closing = self._is_lost = True
        self._network.forget(self)
        self._protocol.connection_lost(reason)

    def _collect(self, data: bytes) -> None:
        self._unsent += data
        if len(self._unsent) == len(data):
            self._network.act_later(self._network.collect_s, self._send_collected)

    def _send_collected(self) -> None:
        if self._unsent:
            data, self._unsent = bytes(self._unsent), bytearray()
            self._carry(data)

    def _carry(self, data: bytes) -> None:
        self._at_peer(lambda peer: peer.receive(data))

    def _at_peer(self, act: "Callable[[MemoryTransport], None]") -> None:
        """Schedule something at the other end, after everything that was sent before it."""
        peer, loop = self.peer, self._network.loop
        if peer is None or self.is_silent:
            return
        soonest = max(loop.time(), self._network.parted_until_s) + self._network.latency_s()
        self._arrives_at = max(self._arrives_at, soonest)
        self._network.deliver(self._arrives_at, peer, act)


class MemoryServer(asyncio.AbstractServer):
    """A listener; closing it leaves its connections alone."""

    def __init__(self, network: "Network", port: int) -> None:
        self._network = network
        self.port = port

    def close(self) -> None:
        self._network.listeners.pop(self.port, None)

    def is_serving(self) -> bool:
        return self.port in self._network.listeners

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop

    async def start_serving(self) -> None:
        return

    async def serve_forever(self) -> None:
        await self._network.loop.create_future()

    async def wait_closed(self) -> None:
        return


class Network:
    """All listeners and pipes of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.listeners: dict[int, tuple[Callable[[], asyncio.BaseProtocol], object]] = {}
        self.pipes: list[MemoryTransport] = []
        self.latency_s: Callable[[], float] = lambda: LATENCY_S
        self.segments: Segments = whole
        self.collect_s = 0.0
        self.parted_until_s = 0.0
        self.is_out_of_sockets = False
        self.owner_now: Callable[[], object] = lambda: None
        self.run_as: Callable[[object, Callable[[], None]], None] = lambda _, act: act()
        self.before_write: Callable[[object, bytes | bytearray | memoryview], None] = lambda _, data: None
        self.after_write: Callable[[object, bytes | bytearray | memoryview], None] = lambda _, data: None

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> MemoryServer:
        """A port that connections find; OSError when it is taken."""
        if port in self.listeners:
            raise OSError(98, f"port {port} is in use")
        self.listeners[port] = (factory, self.owner_now())
        return MemoryServer(self, port)

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        if self.is_out_of_sockets:
            raise OSError(24, "Too many open files")
        await asyncio.sleep(max(self.parted_until_s - self.loop.time(), 0.0) + self.latency_s())
        if port not in self.listeners:
            raise ConnectionRefusedError(111, f"nobody listens on port {port}")
        far_factory, far_owner = self.listeners[port]
        near = MemoryTransport(self, factory(), self.owner_now())
        self.run_as(far_owner, lambda: self._accept(far_factory, far_owner, near))
        self.pipes.append(near)
        near.get_protocol().connection_made(near)
        return near, near.get_protocol()

    def deliver(self, at_s: float, to: MemoryTransport, act: Callable[[MemoryTransport], None]) -> None:
        """Nobody's callback while it is under way: what was written outlives its writer."""
        self.loop.call_at(at_s, self.run_as, to.owner, lambda: to.arrive(act), context=contextvars.Context())

    def act_later(self, delay_s: float, act: Callable[[], None]) -> None:
        """The wire's own doing."""
        self.loop.call_at(self.loop.time() + delay_s, act, context=contextvars.Context())

    def forget(self, pipe: MemoryTransport) -> None:
        if pipe in self.pipes:
            self.pipes.remove(pipe)

    def owned_by(self, owner: object) -> list[MemoryTransport]:
        return [pipe for pipe in self.pipes if pipe.owner is owner]

    def _accept(
        self, factory: Callable[[], asyncio.BaseProtocol], owner: object, near: MemoryTransport
    ) -> None:
        far = MemoryTransport(self, factory(), owner)
        near.peer, far.peer = far, near
        self.pipes.append(far)
        far.get_protocol().connection_made(far)
