"""A worker whose gateway is away, or whose client id is in use: it waits without end, and says so.

While it waits it keeps its lease and takes no run, so nothing is sent. The alert goes out after two seconds
and again every hour.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from hydra.domain.errors import Unavailable
from hydra.ports import Clock, Lease, Ledger, Link, Log
from hydra.usecases.alerts import LinkReporter, Sink, deliver

EACH_WALL_S = 1.0


class Connecting(Protocol):
    """A broker on its way to its first connection."""

    client_id: int

    @property
    def link(self) -> Link: ...
    async def connect(self) -> None: ...


class Waiting:
    """Connects until it succeeds; a role without a ledger has neither lease nor outbox."""

    def __init__(
        self, ledger: Ledger | None, lease: Lease | None, clock: Clock, sinks: Sequence[Sink], log: Log
    ) -> None:
        self._ledger, self._lease = ledger, lease
        self._clock, self._sinks, self._log = clock, sinks, log
        self._backoff_s = (2.0, 4.0, 8.0)
        self._reporter: LinkReporter | None = None

    async def until_connected(self, broker: Connecting) -> None:
        """Raises UserError for what no waiting mends, HY-604 when the lease was taken meanwhile."""
        beside = asyncio.ensure_future(self._keep_lease_and_tell(broker))
        try:
            failures = 0
            while not await self._attempt(broker, beside):
                failures += 1
                await self._pause(self._backoff_s[min(failures, len(self._backoff_s)) - 1], beside)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        self._tell(broker)

    async def _attempt(self, broker: Connecting, beside: "asyncio.Future[None]") -> bool:
        connecting = asyncio.ensure_future(broker.connect())
        try:
            await asyncio.wait({connecting, beside}, return_when=asyncio.FIRST_COMPLETED)
            if beside.done():
                beside.result()
            await connecting
        except Unavailable as problem:
            if beside.done():
                raise
            self._log("hydra.connection.awaited", "warning", client_id=broker.client_id, problem=str(problem))
            return False
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        return True

    async def _pause(self, seconds: float, beside: "asyncio.Future[None]") -> None:
        await asyncio.wait({beside}, timeout=seconds)
        if beside.done():
            beside.result()

    async def _keep_lease_and_tell(self, broker: Connecting) -> None:
        if self._ledger is None or self._lease is None:
            await asyncio.Event().wait()
            return
        while True:
            try:
                if not self._ledger.renew(self._lease):
                    raise Unavailable("HY-604", client_id=self._lease.client_id, epoch=self._lease.epoch)
            except Unavailable as problem:
                if problem.code == "HY-604":
                    raise
                self._log("hydra.ledger.away", problem=str(problem))
            self._tell(broker)
            await self._clock.sleep_wall(EACH_WALL_S)

    def _tell(self, broker: Connecting) -> None:
        if self._ledger is None:
            return
        self._reporter = self._reporter or LinkReporter(broker.client_id, self._clock)
        try:
            self._reporter.look(broker.link, self._ledger.outbox)
            deliver(self._ledger.outbox, self._sinks, self._log)
        except Unavailable as problem:
            self._log("hydra.ledger.away", problem=str(problem))
