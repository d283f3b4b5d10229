"""The composition root: settings in, a working desk out. The only place that knows every adapter."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from hydra import eventlog
from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker
from hydra.clock import ScaledClock, SystemClock
from hydra.config import Settings, config_hash, ensure_data_dir, execution_policy, risk_limits
from hydra.config.maintenance import next_maintenance
from hydra.domain.errors import Unavailable, UserError
from hydra.domain.evidence import ErrorMeaning
from hydra.execution.policy import ExecutionPolicy
from hydra.persistence.leases import this_holder
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.ports import Clock, Conflict, Lease
from hydra.risk.last_hop import LastHop
from hydra.usecases.desk import Desk, Identity, Log
from hydra.usecases.recover import load_unfinished
from hydra.usecases.supervise import supervision

LEDGER_FILE = "ledger.sqlite3"
WAL_RESERVE_BYTES = 8 << 20
CONNECT_ATTEMPTS = 3
LATCH_FILE = "kill.latch"


def clock_of(settings: Settings) -> Clock:
    """The wall clock, or the scaled one that settings and gateway share."""
    given = settings.clock
    if given.start is None:
        return SystemClock()
    anchor_s = given.anchor if given.anchor is not None else time.time()  # noqa: TID251 - the scaled clock's own anchor
    return ScaledClock(given.start, given.speed, anchor_s)


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


@asynccontextmanager
async def open_desk(
    settings: Settings,
    *,
    approver: str,
    log: Log = eventlog.event,
    clock: Clock | None = None,
    champion_id: str = "none",
) -> AsyncIterator[Desk]:
    """A desk with lease, connection and supervision, for as long as the context lasts.

    Belongs to the loop it is opened on. Raises UserError or Unavailable with one coded line: no gateway,
    client id in use, wrong account, lease held elsewhere, clocks apart.
    """
    clock = clock or clock_of(settings)
    last_hop = LastHop()
    ledger = open_ledger_of(settings, clock, is_sender=True)
    try:
        lease = take_lease(ledger, settings.gateway.client_id)
        broker, policy = await connected_broker(settings, clock, last_hop)
        ledger.use_settle(clock.market(policy.settle_wall_s))
        desk = Desk(
            ledger=ledger,
            broker=broker,
            clock=clock,
            policy=policy,
            limits=risk_limits(settings),
            lease=lease,
            identity=Identity(champion_id, config_hash(settings), build_id(), approver),
            broker_zone=ZoneInfo(settings.gateway.broker_zone),
            last_hop=last_hop,
            next_maintenance=_maintenance(settings),
            log=log,
        )
        load_unfinished(desk)
        tasks = (asyncio.ensure_future(broker.supervise()), *supervision(desk))
        try:
            yield desk
        finally:
            await _end(tasks)
            await broker.close()
            ledger.release(lease)
    finally:
        ledger.close()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def connected_broker(
    settings: Settings, clock: Clock, last_hop: LastHop
) -> tuple[IbBroker, ExecutionPolicy]:
    """A connected broker and the policy of its account: the simulated gateway has settle times of its own."""
    policy = execution_policy(settings, settings.gateway.account or "")
    broker = IbBroker(_options(settings, policy), clock, last_hop)
    await _connect(broker)
    of_account = execution_policy(settings, broker.account)
    if of_account != policy:
        await broker.close()
        policy = of_account
        broker = IbBroker(_options(settings, policy), clock, last_hop)
        await _connect(broker)
    skew = broker.link.skew_s
    if skew is not None and abs(skew) > settings.gateway.skew_s_max:
        await broker.close()
        raise Unavailable("HY-508", skew=f"{skew:+.1f}", limit=settings.gateway.skew_s_max)
    return broker, policy


def take_lease(ledger: SqlLedger, client_id: int) -> Lease:
    """The lease of this client id, or one line that names who holds it."""
    lease = ledger.acquire(client_id, this_holder(), build_id())
    if isinstance(lease, Conflict):
        raise Unavailable("HY-509", client_id=client_id, reason=lease.reason)
    return lease


def build_id() -> str:
    """Which code this is: the version, and the commit where it runs from a checkout."""
    root = Path(__file__).resolve().parent.parent
    if (root / ".git").exists():
        told = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0:
            return f"{version('hydra-trader')}+{told.stdout.strip()}"
    return version("hydra-trader")


async def _connect(broker: IbBroker) -> None:
    """A few attempts with the broker's own backoff; what waiting cannot mend is raised at once."""
    for attempt in range(1, CONNECT_ATTEMPTS + 1):
        try:
            await broker.connect()
            return
        except Unavailable:
            if attempt == CONNECT_ATTEMPTS:
                await broker.close()
                raise
            await asyncio.sleep(broker.options.backoff_s[0] * 0.5 * attempt)
        except UserError:
            await broker.close()
            raise


def _options(settings: Settings, policy: ExecutionPolicy) -> BrokerOptions:
    given = settings.gateway
    return BrokerOptions(
        host=given.host,
        port=given.port,
        client_id=given.client_id,
        account=given.account,
        mode=settings.trading.mode,
        connect_timeout_s=given.connect_timeout_s,
        heartbeat_interval_s=given.heartbeat_interval_s,
        heartbeat_deadline_s=given.heartbeat_deadline_s,
        heartbeat_misses_max=given.heartbeat_misses_max,
        skew_s_max=given.skew_s_max,
        settle_s=policy.settle_wall_s,
        send_window_s=policy.send_window_wall_s,
        request_timeout_s=given.request_timeout_s,
        history_timeout_s=given.history_timeout_s,
        broker_zone=given.broker_zone,
        front_days_min={symbol: one.front_days_min for symbol, one in settings.instruments.items()},
        exchanges={symbol: one.exchange for symbol, one in settings.instruments.items()},
        latch_path=settings.data_dir / LATCH_FILE,
        order_error_meanings={
            code: ErrorMeaning(meaning) for code, meaning in settings.broker_errors.items()
        },
    )


def _maintenance(settings: Settings) -> Callable[[datetime], datetime | None]:
    lead = timedelta(seconds=settings.maintenance.lead_s)

    def following(now: datetime) -> datetime | None:
        start = next_maintenance(settings.maintenance.windows, now.astimezone(UTC))
        return start - lead if start is not None else None

    return following
