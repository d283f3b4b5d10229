"""The wire in memory keeps TCP's promises while it is cut, split, held up and silenced."""

import asyncio
from collections.abc import Callable

from hydra.simulation.loop import VirtualLoop
from hydra.simulation.network import MemoryTransport

PORT = 4002


class Ear(asyncio.Protocol):
    """Keeps what it hears, and how the connection ended."""

    def __init__(self) -> None:
        self.heard = b""
        self.segments = 0
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.segments += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True


def connected(act: Callable[[VirtualLoop, MemoryTransport, Ear], None], for_s: float = 100.0) -> Ear:
    """What the far end has heard when `act` was done to a connection and the time has passed."""
    loop, far = VirtualLoop(), Ear()

    async def work() -> None:
        await loop.create_server(lambda: far, "127.0.0.1", PORT)
        near, _ = await loop.create_connection(Ear, "127.0.0.1", PORT)
        assert isinstance(near, MemoryTransport)
        act(loop, near, far)
        await asyncio.sleep(for_s)

    loop.run_until_complete(work())
    loop.end()
    return far


def test_bytes_split_one_by_one_arrive_whole_and_in_order() -> None:
    def act(loop: VirtualLoop, near: MemoryTransport, far: Ear) -> None:
        loop.network.segments = lambda data: [data[at : at + 1] for at in range(len(data))]
        near.write(bytes(range(256)))
        near.write(b"end")

    far = connected(act)
    assert far.heard == bytes(range(256)) + b"end"
    assert far.segments == 259


def test_what_is_collected_comes_as_one_segment() -> None:
    def act(loop: VirtualLoop, near: MemoryTransport, far: Ear) -> None:
        loop.network.collect_s = 0.05
        for _ in range(9):
            near.write(b"abc")

    far = connected(act)
    assert (far.heard, far.segments) == (b"abc" * 9, 1)


def test_a_partition_holds_everything_up_and_loses_nothing() -> None:
    def act(loop: VirtualLoop, near: MemoryTransport, far: Ear) -> None:
        loop.network.parted_until_s = loop.time() + 30
        for number in range(50):
            near.write(bytes([number]))
        loop.call_later(29, lambda: seen.append(far.heard))

    seen: list[bytes] = []
    far = connected(act)
    assert seen == [b""]
    assert far.heard == bytes(range(50))


def test_what_was_written_before_a_death_arrives_and_then_the_end() -> None:
    def act(loop: VirtualLoop, near: MemoryTransport, far: Ear) -> None:
        near.write(b"last words")
        near.cut()

    far = connected(act)
    assert far.heard == b"last words"
    assert far.is_lost


def test_nothing_passes_a_silent_connection_not_even_its_end() -> None:
    def act(loop: VirtualLoop, near: MemoryTransport, far: Ear) -> None:
        near.is_silent = True
        assert near.peer is not None
        near.peer.is_silent = True
        near.write(b"nobody hears")
        near.cut()

    far = connected(act)
    assert far.heard == b""
    assert not far.is_lost
