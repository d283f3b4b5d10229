"""The composition root: settings in, a working desk out. The only place that knows every adapter."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from hydra import eventlog
from hydra.broker.session import IbBroker
from hydra.config import Settings, config_hash, ensure_data_dir, execution_policy, risk_limits
from hydra.config.maintenance import next_maintenance
from hydra.config.schema import Worker
from hydra.domain.alerts import death_alert
from hydra.domain.errors import Unavailable, UserError
from hydra.domain.events import TradingState
from hydra.domain.latch import Latched
from hydra.domain.roles import READING_ID_OFFSET
from hydra.execution.policy import ExecutionPolicy
from hydra.persistence.artefacts import MODELS_FOLDER, prove_artefact
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.persistence.seat import LOCKS_FOLDER, locked, sign, signed, this_holder
from hydra.persistence.views import trading_states
from hydra.ports import Clock, Conflict, Lease, Log, OtherBuild
from hydra.risk.last_hop import LastHop
from hydra.usecases.alerts import ALERTS_FILE, FileSink, LogSink, Sink, deliver
from hydra.usecases.desk import Desk, Identity, OnFork
from hydra.usecases.flatten import EXIT_PACE
from hydra.usecases.halt import obey_latch, set_trading_state
from hydra.usecases.reader import Reader
from hydra.usecases.recover import load_unfinished
from hydra.usecases.supervise import supervision
from hydra.usecases.waiting import Waiting
from hydra.wiring import (
    BARS_FOLDER,
    LEDGER_FILE,
    broker_options,
    build_id,
    client_id,
    clock_of,
    duty_of,
    latch_path,
    lease_build,
)

WAL_RESERVE_BYTES = 8 << 20
CONNECT_ATTEMPTS = 3
FLATTEN_BARS_S = 3.0


def open_ledger_of(
    settings: Settings,
    clock: Clock,
    *,
    settle: timedelta = timedelta(seconds=10),
    is_sender: bool = False,
    read_only: bool = False,
) -> SqlLedger:
    """The ledger the settings name; `is_sender` keeps its log file allocated ahead of the order path."""
    folder = ensure_data_dir(settings)
    url = settings.ledger.url
    return open_ledger(
        url.get_secret_value() if url is not None else folder / LEDGER_FILE,
        now=clock.now,
        wall_s=clock.wall_s,
        settle=settle,
        folder=folder,
        read_only=read_only,
        wal_reserve_bytes=WAL_RESERVE_BYTES if is_sender else 0,
    )


def has_ledger(settings: Settings) -> bool:
    """Whether there may be a ledger: one by URL is looked for when it is opened."""
    return settings.ledger.url is not None or (settings.data_dir / LEDGER_FILE).exists()


@asynccontextmanager
async def open_desk(
    settings: Settings,
    *,
    approver: str,
    log: Log = eventlog.event,
    clock: Clock | None = None,
    is_patient: bool = False,
) -> AsyncIterator[Desk]:
    """A desk with lease, connection and supervision, for as long as the context lasts.

    Belongs to the loop it is opened on. Raises UserError or Unavailable with one coded line: no gateway,
    client id in use, wrong account, lease held elsewhere, clocks apart. `is_patient`: a gateway that is away
    or an id in use is waited for without end, with an alert (a worker's way).
    """
    clock = clock or clock_of(settings)
    duty = duty_of(settings)
    last_hop = LastHop()
    ledger = open_ledger_of(settings, clock, is_sender=True)
    try:
        lease = take_lease(ledger, client_id(settings), lease_build(settings))
        try:
            if lease.died:
                ledger.outbox.add([death_alert(lease.client_id, lease.died)])
            sinks = alert_sinks(settings)
            waiting = Waiting(ledger, lease, clock, sinks, log) if is_patient else None
            broker, policy = await connected_broker(settings, clock, last_hop, log, waiting)
            ledger.use_settle(clock.market(policy.settle_wall_s))
            desk = Desk(
                ledger=ledger,
                broker=broker,
                clock=clock,
                policy=policy,
                limits=risk_limits(settings),
                lease=lease,
                identity=Identity(config_hash(settings), build_id(), approver),
                broker_zone=ZoneInfo(settings.gateway.broker_zone),
                last_hop=last_hop,
                next_maintenance=_maintenance(settings),
                latch_path=latch_path(settings),
                bars_dir=settings.data_dir / BARS_FOLDER,
                duty=duty,
                on_fork=OnFork.GLOBAL_CANCEL if settings.worker.global_cancel else OnFork.ALERT,
                sinks=sinks,
                log=log,
                proven=partial(prove_artefact, settings.data_dir / MODELS_FOLDER, of="the champion"),
            )
            async with _manned(desk, ledger, broker):
                yield desk
        finally:
            ledger.release(lease)
    finally:
        ledger.close()


@asynccontextmanager
async def _manned(desk: Desk, ledger: SqlLedger, broker: IbBroker) -> AsyncIterator[None]:
    """The desk with what is on record and everything that runs beside its sessions."""
    desk.halts_told |= _halts_on_record(ledger)
    load_unfinished(desk)
    obey_latch(desk)
    tasks = (asyncio.ensure_future(_kept_connected(desk, broker)), *supervision(desk))
    try:
        yield
    finally:
        await _end(tasks)
        deliver(ledger.outbox, desk.sinks, desk.log)
        await broker.close()


@asynccontextmanager
async def open_reader(
    settings: Settings, *, log: Log = eventlog.event, clock: Clock | None = None
) -> AsyncIterator[Reader]:
    """A connection on a reading role's own client id; no ledger is opened, so nothing can be sent.

    HY-509 when another process of this machine has the role.
    """
    clock = clock or clock_of(settings)
    duty, own_id = duty_of(settings), client_id(settings)
    folder = ensure_data_dir(settings) / LOCKS_FOLDER
    lock = locked(folder, own_id)
    if lock is None:
        raise Unavailable("HY-509", client_id=own_id, reason=str(signed(folder, own_id) or "unnamed"))
    sign(lock, this_holder())
    try:
        waiting = Waiting(None, None, clock, (), log)
        broker, _ = await connected_broker(settings, clock, LastHop(), log, waiting)
        zone = ZoneInfo(settings.gateway.broker_zone)
        reader = Reader(broker, clock, duty, zone, settings.data_dir / BARS_FOLDER)
        task = asyncio.ensure_future(_kept_connected(reader, broker))
        try:
            yield reader
        finally:
            await _end((task,))
            await broker.close()
    finally:
        os.close(lock)


async def _kept_connected(held: Desk | Reader, broker: IbBroker) -> None:
    """What no waiting can mend (another account, another mode) ends the process's work with its line."""
    try:
        await broker.supervise()
    except UserError as refused:
        held.failure = refused
        held.changed.notify()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def alert_sinks(settings: Settings) -> tuple[Sink, ...]:
    """Where alerts go from this machine, whatever else takes them: a file, and the event log."""
    return FileSink(settings.data_dir / ALERTS_FILE), LogSink(eventlog.event)


def _halts_on_record(ledger: SqlLedger) -> set[str]:
    """The halts in force, as `halt` remembers them: a kill is recorded once, whoever starts how often."""
    return {
        f"{row['scope']}: {row['reason']}"
        for row in trading_states(ledger.database)
        if row["state"] == TradingState.HALTED
    }


async def connected_broker(
    settings: Settings,
    clock: Clock,
    last_hop: LastHop,
    log: Log = eventlog.event,
    waiting: Waiting | None = None,
) -> tuple[IbBroker, ExecutionPolicy]:
    """A connected broker and the policy of its account: the simulated gateway has settle times of its own."""
    policy = execution_policy(settings, settings.gateway.account or "")
    broker = IbBroker(broker_options(settings, policy), clock, last_hop, log)
    await _connect(broker, waiting)
    of_account = execution_policy(settings, broker.account)
    if of_account != policy:
        await broker.close()
        policy = of_account
        broker = IbBroker(broker_options(settings, policy), clock, last_hop, log)
        await _connect(broker, waiting)
    skew = broker.link.skew_s
    if skew is not None and abs(skew) > settings.gateway.skew_s_max:
        await broker.close()
        raise Unavailable("HY-508", skew=f"{skew:+.1f}", limit=settings.gateway.skew_s_max)
    return broker, policy


def halt_in_ledger(settings: Settings, clock: Clock, latched: Latched) -> Future[str]:
    """The kill as an event, for senders of other machines, on a thread: a dead ledger must delay nothing.

    The result is empty, or why it is not in the ledger; it may never come.
    """
    told: Future[str] = Future()

    def record() -> None:
        try:
            if not has_ledger(settings):
                told.set_result("there is no ledger yet")
                return
            ledger = open_ledger_of(settings, clock)
            try:
                set_trading_state(ledger, latched.scope, TradingState.HALTED, latched.told, latched.by)
                deliver(ledger.outbox, alert_sinks(settings), eventlog.event)
            finally:
                ledger.close()
            told.set_result("")
        except Exception as problem:  # noqa: BLE001 - whatever the ledger has, the kill goes on without it
            told.set_result(f"{problem}")

    threading.Thread(target=record, name="kill ledger", daemon=True).start()
    return told


def flattening(settings: Settings) -> Settings:
    """The same settings, with exits at the far touch at once and priced anew every half minute."""
    execution = settings.execution.model_copy(update=EXIT_PACE)
    gateway = settings.gateway.model_copy(update={"history_timeout_s": FLATTEN_BARS_S})
    return settings.model_copy(update={"execution": execution, "gateway": gateway})


def take_lease(ledger: SqlLedger, own_id: int, build: str) -> Lease:
    """The lease of this client id, or one line that names who holds it."""
    lease = ledger.acquire(own_id, this_holder(), build)
    if isinstance(lease, OtherBuild):
        raise Unavailable("HY-610", reason=lease.reason)
    if isinstance(lease, Conflict):
        raise Unavailable("HY-509", client_id=own_id, reason=lease.reason)
    return lease


async def reading_broker(settings: Settings, clock: Clock) -> IbBroker:
    """A connected broker for looking only, under the client id that never sends."""
    gateway = settings.gateway.model_copy(
        update={"client_id": settings.gateway.client_id + READING_ID_OFFSET}
    )
    looking = settings.model_copy(update={"gateway": gateway, "worker": Worker()})
    broker, _ = await connected_broker(looking, clock, LastHop())
    return broker


async def _connect(broker: IbBroker, waiting: Waiting | None) -> None:
    """A few attempts with the broker's own backoff, or as many as it takes; what waiting cannot mend is
    raised at once."""
    try:
        if waiting is not None:
            await waiting.until_connected(broker)
            return
        for attempt in range(1, CONNECT_ATTEMPTS):
            try:
                await broker.connect()
                return
            except Unavailable:
                await asyncio.sleep(broker.options.backoff_s[0] * 0.5 * attempt)
        await broker.connect()
    except BaseException:
        await broker.close()
        raise


def _maintenance(settings: Settings) -> Callable[[datetime], datetime | None]:
    lead = timedelta(seconds=settings.maintenance.lead_s)

    def following(now: datetime) -> datetime | None:
        start = next_maintenance(settings.maintenance.windows, now.astimezone(UTC))
        return start - lead if start is not None else None

    return following
