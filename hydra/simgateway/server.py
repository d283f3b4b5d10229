"""Sockets, timers and the gateway put together in one asyncio loop."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from hydra.ports import Log, silent
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.fault_actions import FaultEffects
from hydra.simgateway.faults import Faults
from hydra.simgateway.gateway import Gateway
from hydra.simgateway.replay import DailyBar
from hydra.simgateway.session import Session
from hydra.simgateway.store import Journal

# A fast clock would otherwise wake the process for every single quote; reports may come this much late.
STEP_WALL_S: Final = 0.005


class MarketClock(Protocol):
    """Market time and how long, in wall seconds, until a market instant; see hydra.clock."""

    speed: float

    def now(self) -> datetime: ...
    def wall_delay(self, until: datetime) -> float: ...


class GatewayServer:
    """A gateway that listens; everything in it happens in callbacks of one loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        clock: MarketClock,
        journal: Journal,
        loop: asyncio.AbstractEventLoop,
        *,
        bars: Mapping[str, Sequence[DailyBar]] | None = None,
        log: Log = silent,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.loop = loop
        self.log = log
        self.sessions: dict[Session, None] = {}
        self.host = ""
        self.port = 0
        self._journal = journal
        self._bars = bars
        self._listener: asyncio.AbstractServer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: datetime | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._zombies: dict[int, float] = {}
        self.faults = Faults(loop.time, log=log)
        self.gateway = self._new_gateway()
        self.faults.act = FaultEffects(self)

    # --- life ----------------------------------------------------------------------------------------

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes any free one, `port` then says which. OSError if that cannot be."""
        listener = await self.loop.create_server(lambda: Session(self), host, port)
        self._listener = listener
        sockets = getattr(listener, "sockets", ())
        self.host, self.port = host, sockets[0].getsockname()[1] if sockets else port
        self.schedule()

    def stop(self) -> None:
        """Close listener and sockets; the journal needs nothing more."""
        self._close_listener()
        if self._reopening is not None:
            self._reopening.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for session in list(self.sessions):
            session.close()

    def restart(self) -> None:
        """What the nightly restart does: sockets drop, everything is read again from the journal."""
        for session in list(self.sessions):
            session.close()
        self.faults.is_link_up, self.faults.is_all_frozen = True, False
        self.faults.frozen.clear()
        self.gateway = self._new_gateway()
        self.schedule()

    def refuse(self, seconds: float) -> None:
        """Refuse connections for wall seconds, from now on; those that stand are left alone."""
        self._close_listener()
        self._reopening = self.loop.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.start(self.host, self.port)

    # --- time ----------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Bring the gateway to the present."""
        self.gateway.advance(self.clock.now())

    def settle(self) -> None:
        """After a change that no message brought: tell subscribers, wait for what comes next."""
        self.advance()
        self.gateway.publish()
        self.schedule()

    def schedule(self) -> None:
        """Have `advance` called when the next thing happens by itself."""
        due = self.gateway.next_event_at()
        if due == self._due and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            delay = self.clock.wall_delay(due)
            if self.clock.speed > 1:
                delay = max(delay, STEP_WALL_S)
            self._timer = self.loop.call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.advance()
        self.schedule()

    # --- sessions ------------------------------------------------------------------------------------

    def is_taken(self, client_id: int) -> bool:
        """Whether a client id is in use, by a living connection or by the ghost of one."""
        until = self._zombies.get(client_id)
        if until is not None:
            if self.loop.time() < until:
                return True
            del self._zombies[client_id]
        return client_id in self.gateway.core.links

    def keep_taken(self, client_id: int, seconds: float) -> None:
        self._zombies[client_id] = self.loop.time() + seconds

    def lost(self, session: Session) -> None:
        """A socket is gone, whoever closed it."""
        self.sessions.pop(session, None)
        if session.is_started:
            self.gateway.leave(session)
            self.schedule()

    def chosen(self, client_id: object) -> list[Session]:
        """The sessions a fault speaks of: one client's, or all."""
        return [each for each in self.sessions if client_id is None or each.client_id == client_id]

    # --- parts ---------------------------------------------------------------------------------------

    def _new_gateway(self) -> Gateway:
        return Gateway(
            self.settings,
            self._journal,
            at=self.clock.now(),
            later=self.loop.call_later,
            faults=self.faults,
            bars=self._bars,
        )

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
