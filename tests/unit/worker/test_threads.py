"""The threads of a worker: what runs where, and how each failure reaches the one who waits."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from hydra.domain.errors import Unavailable, UserError
from hydra.ports import Lease
from hydra.usecases.desk import Signal
from hydra.worker import engine as engines
from hydra.worker.engine import Engine, engine
from hydra.worker.ib_thread import IbThread


class Premises:
    """Stands for the composition root: opens a desk with nothing on it and notes its end."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.desk: Any = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        self.desk = SimpleNamespace(
            failure=None, lease_lost=False, changed=Signal(), lease=Lease(1, 4, "me", "build")
        )
        try:
            yield self.desk
        finally:
            self.closed.set()


@pytest.fixture
def premises() -> Premises:
    return Premises()


@pytest.fixture
def ib(premises: Premises) -> Iterator[IbThread]:
    thread = IbThread(premises.open)
    thread.start()
    yield thread
    thread.stop()


def _on(ib: IbThread, act: Callable[[], None]) -> None:
    assert ib.loop is not None
    ib.loop.call_soon_threadsafe(act)


def test_stopping_closes_the_desk_and_may_be_repeated(ib: IbThread, premises: Premises) -> None:
    ib.stop()
    ib.stop()
    assert premises.closed.is_set()
    assert ib.ended.result(1) is None


def test_a_desk_that_does_not_open_is_raised_where_it_was_started() -> None:
    @asynccontextmanager
    async def refuse() -> AsyncIterator[Any]:
        raise Unavailable("HY-602", url="x", problem="y")
        yield

    with pytest.raises(Unavailable, match="HY-602"):
        IbThread(refuse).start()


def test_a_failed_desk_ends_the_thread_with_its_failure(ib: IbThread, premises: Premises) -> None:
    def fail() -> None:
        premises.desk.failure = ValueError("supervision failed")
        premises.desk.changed.notify()

    _on(ib, fail)
    with pytest.raises(ValueError, match="supervision failed"):
        ib.ended.result(5)
    assert premises.closed.is_set()


def test_a_lost_lease_ends_the_thread_with_one_line(ib: IbThread, premises: Premises) -> None:
    def lose() -> None:
        premises.desk.lease_lost = True
        premises.desk.changed.notify()

    _on(ib, lose)
    with pytest.raises(Unavailable, match=r"HY-604 the lease of client id 1 \(epoch 4\)"):
        ib.ended.result(5)


async def _where(bench: Any, text: str) -> str:
    return f"{text} in {threading.current_thread().name} with {bench}"


def test_a_step_runs_on_the_ib_loop_and_its_value_comes_back(ib: IbThread) -> None:
    assert ib.loop is not None
    bench: Any = "bench"
    assert asyncio.run(Engine(ib.loop, bench).call(_where, "ran")) == "ran in ib with bench"


def test_a_step_that_fails_fails_here(ib: IbThread) -> None:
    async def fail(_: Any) -> None:
        raise LookupError("not there")

    assert ib.loop is not None
    with pytest.raises(LookupError, match="not there"):
        asyncio.run(Engine(ib.loop, SimpleNamespace()).call(fail))  # type: ignore[arg-type]


def test_a_cancelled_wait_cancels_the_step(ib: IbThread) -> None:
    """Otherwise a cancelled flow would go on placing orders on the other thread."""
    begun, cancelled = threading.Event(), threading.Event()

    async def work(_: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def cancel_it() -> None:
        assert ib.loop is not None
        waiting = asyncio.ensure_future(Engine(ib.loop, SimpleNamespace()).call(work))  # type: ignore[arg-type]
        await asyncio.to_thread(begun.wait, 5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel_it())
    assert cancelled.wait(5)


def test_an_engine_is_seen_in_its_own_thread_only(ib: IbThread) -> None:
    assert ib.loop is not None
    mine = Engine(ib.loop, SimpleNamespace())  # type: ignore[arg-type]
    seen: list[object] = []

    def in_its_thread() -> None:
        engines.enter(mine)
        seen.append(asyncio.run(asyncio.to_thread(engine)))

    thread = threading.Thread(target=in_its_thread)
    thread.start()
    thread.join(5)
    assert seen == [mine]
    with pytest.raises(UserError, match=r"HY-601 .*hydra worker start --role execution"):
        engine()
