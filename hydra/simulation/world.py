"""A whole small world in one loop: gateway, network, ledger file, and trading processes that may die.

The order path is the product's own: the unmodified ib_async client in our adapter, the simulated gateway,
a ledger file, the real use cases. Only time and the wire are virtual.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker
from hydra.clock import LoopClock
from hydra.domain.errors import Unavailable
from hydra.domain.roles import Duty, client_id_of
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.persistence.seat import Holder, Host
from hydra.ports import Conflict, silent
from hydra.risk.last_hop import LastHop
from hydra.simgateway.records import Record
from hydra.simgateway.server import GatewayServer
from hydra.simgateway.store import MemoryJournal
from hydra.simulation.disk import Disk, Row, Transaction
from hydra.simulation.loop import VirtualLoop
from hydra.simulation.oracle import Oracle
from hydra.simulation.process import EXECUTION, SimProcess, running
from hydra.simulation.scenario import BROKER_ZONE, EXCHANGES, SESSION_ON, Scenario
from hydra.usecases.desk import Desk, Identity
from hydra.usecases.plan import SessionRequest, SessionState
from hydra.usecases.recover import load_unfinished
from hydra.usecases.session import run_session
from hydra.usecases.supervise import supervision

T = TypeVar("T")
GATEWAY_PORT = 4002
BASE_CLIENT_ID = 1
HOST = "world"
CONNECT_ATTEMPTS = 3
_PLACE_ORDER = b"3\0"

Tell = Callable[[float, str, object], None]


class MachineClock(LoopClock):
    """The trading machine's clock: it may be wrong, while the wall seconds that timeouts use stay right."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime) -> None:
        super().__init__(loop, start)
        self.jump_s = 0.0
        self.drift_ppm = 0.0
        self.drifts_since_s = 0.0

    def now(self) -> datetime:
        drift_s = (self.wall_s() - self.drifts_since_s) * self.drift_ppm / 1e6
        off_s = self.jump_s + drift_s
        return super().now() + timedelta(seconds=off_s) if off_s else super().now()


class ToldJournal(MemoryJournal):
    """The gateway's journal, read along as it is written."""

    def __init__(self, tell: Callable[[Record], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, record: Record) -> None:
        super().append(record)
        self._tell(record)


@dataclass(slots=True)
class Trap:
    """Something that is done to a process at its `nth` commit or write from now: before or after it."""

    point: str
    nth: int
    is_after: bool
    act: Callable[[SimProcess], None]


class World:
    """One gateway, one machine, its trading processes; `run` drives the loop until the given work is done."""

    def __init__(self, scenario: Scenario, folder: Path, tell: Tell | None = None) -> None:
        self.scenario = scenario
        self.ledger_path = folder / "ledger.sqlite3"
        self._tell = tell
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(self._unhandled)
        self.network = self.loop.network
        self.network.owner_now = running
        self.network.run_as = _run_as
        self.network.latency_s = lambda: scenario.latency_s
        self.network.before_write = self._before_write
        self.network.after_write = self._after_write
        self.clock = LoopClock(self.loop, scenario.start)
        self.machine = MachineClock(self.loop, scenario.start)
        self.oracle = Oracle(scenario, self.loop.time)
        self.disk = Disk(self.loop.time)
        self.disk.at_commit = self._at_commit
        self.disk.committed = self._committed
        self.traps: list[Trap] = []
        self.watchers: list[Callable[[Transaction], None]] = []
        self.committed_rows: list[Row] = []
        self.backups: dict[float, dict[str, bytes]] = {}
        self.journal = ToldJournal(self._recorded)
        self.gateway = GatewayServer(scenario.gateway, self.clock, self.journal, self.loop)
        self.processes: list[SimProcess] = []
        self.ended: Callable[[SimProcess], None] = lambda _: None
        self.work: Callable[[Desk], Awaitable[SessionState]] = lambda desk: run_session(desk, self.request)
        self._ledgers: dict[SimProcess, SqlLedger] = {}

    def tell(self, who: str, what: object) -> None:
        """One line of the timeline, where anybody wants it."""
        if self._tell is not None:
            self._tell(self.loop.time(), who, what)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Start the gateway, do the work, and leave the loop."""

        async def everything() -> T:
            await self.gateway.start("127.0.0.1", GATEWAY_PORT)
            return await work()

        return self.loop.run_until_complete(everything())

    def close(self) -> None:
        for process in self.processes:
            self.kill(process)
        self.gateway.stop()
        self.loop.end()

    # --- processes ---

    def trade(self, locks: str = "locks-of-this-machine", duty: Duty = EXECUTION) -> SimProcess:
        """A new trading process that runs its duty of the session; `locks`: the lock files that it sees."""
        number = len(self.processes) + 1
        process = SimProcess(f"trader-{number}", 1000 + number, self.loop, duty)
        self.processes.append(process)
        self.tell(process.name, "starts")
        main = process.run(lambda: self._trade(process, locks))
        main.add_done_callback(lambda _: self.ended(process), context=contextvars.Context())
        return process

    def kill(self, process: SimProcess) -> None:
        """SIGKILL: nothing of the process runs on; the gateway sees its sockets close."""
        if process.is_dead:
            return
        is_over = process.main is not None and process.main.done()
        if not is_over:
            self.tell(process.name, "is killed")
        process.is_dead = True
        for pipe in self.network.owned_by(process):
            pipe.cut()
        ledger = self._ledgers.pop(process, None)
        if ledger is not None:
            ledger.close()
        if not is_over:
            self.loop.call_soon(self.ended, process, context=contextvars.Context())
        process.die()

    def stop(self, process: SimProcess, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after that many seconds. A process that stops itself returns only then."""
        self.tell(process.name, f"is stopped for {for_s:.3f} s")
        self.loop.call_at(self.loop.time() + for_s, self._resume, process, context=contextvars.Context())
        process.stop()

    def _resume(self, process: SimProcess) -> None:
        if process.is_stopped and not process.is_dead:
            self.tell(process.name, "goes on")
            process.resume()

    def is_running(self, process: SimProcess) -> bool:
        return not process.is_dead and process.main is not None and not process.main.done()

    # --- the trading process: what the composition root does, on this loop ---

    async def _trade(self, process: SimProcess, locks: str) -> SessionState:
        own_id = _client_id(process)
        ledger = open_ledger(
            self.ledger_path,
            now=self.machine.now,
            wall_s=self.machine.wall_s,
            settle=timedelta(seconds=self.scenario.policy.settle_wall_s),
            folder=self.ledger_path.parent / locks,
            heads_file=self.ledger_path.with_name("ledger.heads"),
            busy_timeout_s=0.0,
            around=self.disk.under(process),
            host=Host(HOST, process.pid, self._started, self._end),
        )
        self._ledgers[process] = ledger
        try:
            lease = ledger.acquire(own_id, str(Holder(HOST, process.pid, "1")), "world")
            if isinstance(lease, Conflict):
                raise Unavailable("HY-509", client_id=own_id, reason=lease.reason)
            last_hop = LastHop()
            broker = await self._connected(own_id, last_hop)
            window = self.scenario.maintenance_at
            desk = Desk(
                ledger=ledger,
                broker=broker,
                clock=self.machine,
                policy=self.scenario.policy,
                limits=self.scenario.limits,
                lease=lease,
                identity=Identity("world", "world", process.name),
                broker_zone=ZoneInfo(BROKER_ZONE),
                last_hop=last_hop,
                duty=process.duty,
                next_maintenance=lambda now: window if window is not None and window > now else None,
                log=self._log_of(process),
            )
            load_unfinished(desk)
            tasks = (asyncio.ensure_future(broker.supervise()), *supervision(desk))
            try:
                return await self.work(desk)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await broker.close()
                ledger.release(lease)
        finally:
            self._ledgers.pop(process).close()

    @property
    def request(self) -> SessionRequest:
        """What this world's person asks for, every time."""
        targets = self.scenario.targets
        return SessionRequest(SESSION_ON, tuple(targets), dict(targets))

    async def _connected(self, own_id: int, last_hop: LastHop) -> IbBroker:
        broker = IbBroker(self._broker_options(own_id), self.machine, last_hop)
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                await broker.connect()
                break
            except Unavailable:
                if attempt == CONNECT_ATTEMPTS:
                    await broker.close()
                    raise
                await asyncio.sleep(broker.options.backoff_s[0] * 0.5 * attempt)
        skew_s = broker.link.skew_s
        if skew_s is not None and abs(skew_s) > broker.options.skew_s_max:
            await broker.close()
            raise Unavailable("HY-508", skew=f"{skew_s:+.1f}", limit=broker.options.skew_s_max)
        return broker

    def _broker_options(self, own_id: int) -> BrokerOptions:
        policy = self.scenario.policy
        return BrokerOptions(
            host="127.0.0.1",
            port=GATEWAY_PORT,
            client_id=own_id,
            heartbeat_interval_s=self.scenario.heartbeat_s,
            settle_s=policy.settle_wall_s,
            send_window_s=policy.send_window_wall_s,
            broker_zone=BROKER_ZONE,
            exchanges=EXCHANGES,
        )

    def _started(self, pid: int) -> str | None:
        found = [one for one in self.processes if one.pid == pid and self.is_running(one)]
        return "1" if found else None

    def _end(self, holder: Holder) -> bool:
        """A lease book ends a holder that has stopped renewing."""
        found = [one for one in self.processes if one.pid == holder.pid]
        for process in found:
            self.kill(process)
        return bool(found)

    def _log_of(self, process: SimProcess) -> Callable[..., None]:
        if self._tell is None:
            return silent

        def log(event: str, **fields: object) -> None:
            self.tell(
                process.name, f"{event} " + " ".join(f"{name}={value}" for name, value in fields.items())
            )

        return log

    # --- what is watched ---

    def _recorded(self, record: Record) -> None:
        self.tell("gateway", record)
        self.oracle.on_record(record)

    def _committed(self, done: Transaction) -> None:
        if done.rows or done.leases:
            self.committed_rows += done.rows
            self.oracle.on_commit(done)
            for watcher in list(self.watchers):
                watcher(done)

    def _at_commit(self, done: Transaction, is_after: bool) -> None:
        self._spring("commit", done.process, is_after)
        if done.sends:
            self._spring("send", done.process, is_after)

    def _before_write(self, owner: object, data: bytes | bytearray | memoryview) -> None:
        if isinstance(owner, SimProcess):
            if _is_order(data):
                order_id = int(bytes(data[6:]).split(b"\0", 1)[0])
                self.oracle.on_order_written(_client_id(owner), order_id)
            self._at_write(owner, data, is_after=False)

    def _after_write(self, owner: object, data: bytes | bytearray | memoryview) -> None:
        if isinstance(owner, SimProcess):
            self._at_write(owner, data, is_after=True)

    def _at_write(self, owner: SimProcess, data: bytes | bytearray | memoryview, *, is_after: bool) -> None:
        self._spring("write", owner, is_after)
        if _is_order(data):
            self._spring("order", owner, is_after)

    def _spring(self, point: str, process: SimProcess, is_after: bool) -> None:
        if not self.traps:
            return
        for trap in [one for one in self.traps if (one.point, one.is_after) == (point, is_after)]:
            trap.nth -= 1
            if trap.nth <= 0:
                self.traps.remove(trap)
                trap.act(process)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Nothing may fail unheard in a callback."""
        if context.get("handle") is not None:
            self.oracle.breach("crash", f"{context.get('message')}: {context.get('exception')!r}")


def _client_id(process: SimProcess) -> int:
    return client_id_of(BASE_CLIENT_ID, process.duty.role, process.duty.shard)


def _is_order(data: bytes | bytearray | memoryview) -> bool:
    return bytes(data[4:6]) == _PLACE_ORDER


def _run_as(owner: object, act: Callable[[], None]) -> None:
    if isinstance(owner, SimProcess):
        owner.enter(act)
    else:
        contextvars.Context().run(act)
