"""One supervisor, one connection: connect, beat, read the books again after a break, start over when lost.

Every wait here is wall time, and every wait ends when the connection does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from hydra.broker.connection import Connection
from hydra.broker.intake import Books
from hydra.broker.subscriptions import Subscriptions
from hydra.domain.errors import Unavailable
from hydra.domain.evidence import BrokerSnapshot
from hydra.ports import Unknown

SnapshotOf = Callable[[Connection], Awaitable[BrokerSnapshot | Unknown]]
NextId = Callable[[Connection], int]

_OWN_END: Final = "closed by this process"


class Supervisor:
    """Owns the connection of one client id; there is never more than one loop and one socket."""

    def __init__(
        self,
        books: Books,
        subscriptions: Subscriptions,
        snapshot_of: SnapshotOf,
        lift_ids: Callable[[Connection], None],
        next_id: NextId,
    ) -> None:
        self._books = books
        self._subscriptions = subscriptions
        self._snapshot_of = snapshot_of
        self._lift_ids = lift_ids
        self._next_id = next_id
        self._connecting = asyncio.Lock()
        self._is_running = False
        self._closing = asyncio.Event()
        self.connection: Connection | None = None

    # --- one connection ---

    async def connect(self) -> None:
        """A synchronised connection with a first heartbeat, unless there is one; Unavailable or UserError."""
        async with self._connecting:
            if self.connection is not None and self.connection.is_up:
                return
            if self._closing.is_set():
                raise Unavailable("HY-311", problem="this broker was closed")
            await self._drop("replaced")
            fresh = Connection(self._books)
            watch, clock = self._books.watch, self._books.clock
            watch.connecting(clock.wall_s())
            breaks = watch.breaks
            try:
                await fresh.open()
            except BaseException as problem:
                watch.disconnected(clock.wall_s(), str(problem) or "connect cancelled")
                raise
            self._lift_ids(fresh)
            self.connection = fresh
            watch.connected(clock.wall_s())
            if watch.breaks == breaks and self._books.options.reads_books_first:
                watch.synced(clock.wall_s())
            await self._beat(fresh)
            await self._subscribe_again(fresh)
            self._books.inbox.ring()
            self._books.log("hydra.link.connected", connection_no=self._books.watch.connection_no)

    async def run(self) -> None:
        """Connects and keeps connected until closed; UserError when no waiting can mend it."""
        if self._is_running:
            raise RuntimeError("this broker is supervised already")
        self._is_running = True
        failures = 0
        try:
            while not self._closing.is_set():
                failures = failures + 1 if await self._one_life() else 0
                if not self._closing.is_set():
                    await self._pause(self._backoff_s(failures))
        finally:
            self._is_running = False

    async def close(self) -> None:
        self._closing.set()
        await self._drop(_OWN_END)

    # --- inside ---

    async def _one_life(self) -> bool:
        """One connection from its making to its end; True when it was short-lived."""
        born_s = self._books.clock.wall_s()
        try:
            await self._unless_closing(self.connect())
        except Unavailable as problem:
            self._books.log("hydra.link.refused", "warning", problem=str(problem))
            return True
        connection = self.connection
        if connection is not None:
            await self._tend(connection)
        return self._books.clock.wall_s() - born_s < self._books.options.backoff_s[-1]

    async def _unless_closing(self, connecting: Coroutine[None, None, None]) -> None:
        """Connects, or gives it up when the broker is closed meanwhile."""
        tasks = [asyncio.ensure_future(connecting), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            outcome = await _end(tasks)
        if isinstance(outcome[0], Exception):
            raise outcome[0]

    def _backoff_s(self, failures: int) -> float:
        """No pause after a connection that held; then the configured steps, the last one for ever."""
        steps = self._books.options.backoff_s
        return 0.0 if failures == 0 else steps[min(failures, len(steps)) - 1]

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _tend(self, connection: Connection) -> None:
        """Beats and keeps the books read until the connection is over, then buries it."""
        tasks = [
            asyncio.ensure_future(self._keep_beating(connection)),
            asyncio.ensure_future(self._keep_synced(connection)),
            asyncio.ensure_future(connection.intake.over.wait()),
            asyncio.ensure_future(self._closing.wait()),
        ]
        reason = _OWN_END
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            reason = _OWN_END if self._closing.is_set() else "it answers no more"
            for task in done:
                failure = task.exception()
                if failure is not None:
                    self._books.log("hydra.link.untended", "error", error=failure)
        finally:
            await _end(tasks)
            await self._drop(connection.intake.loss or reason)

    async def _drop(self, reason: str) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        is_lost = bool(connection.intake.loss)
        self._books.log("hydra.link.dropped", "warning" if is_lost else "info", reason=reason)
        self._books.watch.disconnected(self._books.clock.wall_s(), f"not connected: {reason}")
        self._books.quotes.close_lines()
        self._books.inbox.ring()
        await connection.close(reason)

    # --- the heart ---

    async def _keep_beating(self, connection: Connection) -> None:
        """Ends when the gateway stayed silent too often, or leaves a needed request unanswered."""
        options, misses = self._books.options, 0
        while misses < options.heartbeat_misses_max and not connection.requests.hopeless:
            await asyncio.sleep(options.heartbeat_interval_s)
            misses = 0 if await self._beat(connection) else misses + 1
            if not misses:
                await self._ask_for_quotes(connection)
        connection.intake.lost(connection.requests.hopeless or f"{misses} heartbeats unanswered")

    async def _beat(self, connection: Connection) -> bool:
        was_good = not self._books.watch.reason(self._books.clock.wall_s())
        answer = await connection.requests.ask_fixed(
            "currentTime",
            connection.client.reqCurrentTime,
            self._books.options.heartbeat_deadline_s,
            is_required=False,
            takes_late_answers=True,
        )
        if was_good is bool(self._books.watch.reason(self._books.clock.wall_s())):
            self._books.inbox.ring()
        return isinstance(answer, list)

    async def _keep_synced(self, connection: Connection) -> None:
        """After each break the books are read again, and lost subscriptions are made again."""
        while True:
            await connection.intake.upset.wait()
            connection.intake.upset.clear()
            if connection.intake.data_lost:
                connection.intake.data_lost = False
                await self._subscribe_again(connection)
            while self._books.watch.wants_sync and connection.is_up:
                answer = await self._snapshot_of(connection)
                if self._books.watch.wants_sync:
                    self._books.log("hydra.link.unsynchronised", "warning", answer=type(answer).__name__)
                    await asyncio.sleep(self._books.options.heartbeat_interval_s)
            self._books.inbox.ring()

    async def _ask_for_quotes(self, connection: Connection) -> None:
        try:
            await self._subscriptions.ask_again(connection, lambda: self._next_id(connection))
        except ConnectionError as problem:
            self._books.log("hydra.quotes.refused", "warning", problem=str(problem))

    async def _subscribe_again(self, connection: Connection) -> None:
        try:
            await self._subscriptions.renew(connection, lambda: self._next_id(connection))
        except ConnectionError as problem:
            self._books.log("hydra.quotes.refused", "warning", problem=str(problem))


async def _end(tasks: Sequence[asyncio.Future[Any]]) -> list[Any]:
    """Every task cancelled and awaited; their results or exceptions."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
