"""A whole small world in one loop: gateway, network, ledger file, and trading processes that may die.

The order path is the product's own: the unmodified ib_async client in our adapter, the simulated gateway,
a ledger file, the real use cases. Only time and the wire are virtual.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker
from hydra.clock import LoopClock
from hydra.execution.policy import ExecutionPolicy
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.ports import Conflict
from hydra.risk.last_hop import LastHop
from hydra.risk.limits import Limits, default_limits
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.server import GatewayServer
from hydra.simgateway.store import MemoryJournal
from hydra.simulation.loop import VirtualLoop
from hydra.simulation.process import SimProcess, running
from hydra.usecases.desk import Desk, Identity, Log, silent
from hydra.usecases.plan import SessionRequest, SessionState
from hydra.usecases.recover import load_unfinished
from hydra.usecases.session import run_session
from hydra.usecases.supervise import supervision

T = TypeVar("T")
GATEWAY_PORT = 4002
EXCHANGES = {"ZO": "CBOT", "HE": "CME", "LE": "CME", "GF": "CME", "ZR": "CBOT", "OJ": "NYBOT"}
BROKER_ZONE = "America/Chicago"
START = datetime(2026, 11, 23, 14, 35, tzinfo=UTC)
POLICY = ExecutionPolicy(ladder_s=(60.0, 30.0, 15.0), horizon_s=780.0)


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """How one world differs from another; the defaults make a session of some fifteen virtual minutes."""

    seed: int
    start: datetime = START
    policy: ExecutionPolicy = POLICY
    gateway: GatewaySettings = field(default_factory=lambda: GatewaySettings(zone="US/Central"))
    heartbeat_s: float = 10.0
    limits: Limits = field(default_factory=lambda: default_limits("paper", EXCHANGES))


class World:
    """One gateway and its trading processes; `run` drives the loop until the given work is done."""

    def __init__(self, options: WorldOptions, ledger_path: Path, log: Log = silent) -> None:
        self.options = options
        self.ledger_path = ledger_path
        self.log = log
        self.loop = VirtualLoop()
        self.loop.network.owner_now = running
        self.loop.network.run_as = _run_as
        self.clock = LoopClock(self.loop, options.start)
        self.journal = MemoryJournal()
        settings = replace(options.gateway, seed=options.seed)
        self.gateway = GatewayServer(settings, self.clock, self.journal, self.loop)
        self.processes: list[SimProcess] = []
        self._ledgers: dict[SimProcess, SqlLedger] = {}

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Start the gateway, do the work, and leave the loop."""

        async def everything() -> T:
            await self.gateway.start("127.0.0.1", GATEWAY_PORT)
            return await work()

        return self.loop.run_until_complete(everything())

    def close(self) -> None:
        self.gateway.stop()
        self.loop.end()

    def trade(self, request: SessionRequest) -> "asyncio.Task[SessionState]":
        """A trading process of its own that runs the session."""
        process = SimProcess(f"trader-{len(self.processes) + 1}", self.loop)
        self.processes.append(process)
        return process.run(lambda: self._trade(process, request))

    def kill(self, process: SimProcess) -> None:
        """SIGKILL: nothing of the process runs on; the gateway sees its sockets close."""
        process.die()
        self.loop.bury(process)
        for pipe in self.loop.network.owned_by(process):
            pipe.cut()
        ledger = self._ledgers.pop(process, None)
        if ledger is not None:
            ledger.close()

    async def _trade(self, process: SimProcess, request: SessionRequest) -> SessionState:
        desk = await self._open_desk(process)
        tasks = (asyncio.ensure_future(desk.broker.supervise()), *supervision(desk))  # type: ignore[attr-defined]
        try:
            return await run_session(desk, request)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await desk.broker.close()  # type: ignore[attr-defined]
            desk.ledger.release(desk.lease)
            self._ledgers.pop(process).close()

    async def _open_desk(self, process: SimProcess) -> Desk:
        policy, last_hop = self.options.policy, LastHop()
        ledger = open_ledger(
            self.ledger_path,
            now=self.clock.now,
            wall_s=self.clock.wall_s,
            settle=timedelta(seconds=policy.settle_wall_s),
        )
        self._ledgers[process] = ledger
        lease = ledger.acquire(1, f"world/{process.name}/0", "world")
        if isinstance(lease, Conflict):
            raise RuntimeError(lease.reason)
        broker = IbBroker(self._broker_options(), self.clock, last_hop)
        await broker.connect()
        desk = Desk(
            ledger=ledger,
            broker=broker,
            clock=self.clock,
            policy=policy,
            limits=self.options.limits,
            lease=lease,
            identity=Identity("world", "world", "world", process.name),
            broker_zone=ZoneInfo(BROKER_ZONE),
            last_hop=last_hop,
            log=self.log,
        )
        load_unfinished(desk)
        return desk

    def _broker_options(self) -> BrokerOptions:
        policy = self.options.policy
        return BrokerOptions(
            host="127.0.0.1",
            port=GATEWAY_PORT,
            client_id=1,
            heartbeat_interval_s=self.options.heartbeat_s,
            settle_s=policy.settle_wall_s,
            send_window_s=policy.send_window_wall_s,
            broker_zone=BROKER_ZONE,
            exchanges=EXCHANGES,
        )


def _run_as(owner: object, act: Callable[[], None]) -> None:
    if isinstance(owner, SimProcess):
        owner.enter(act)
    else:
        act()
