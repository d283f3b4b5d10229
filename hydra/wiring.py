"""The light half of the composition root: clock, broker options, and what a kill needs without a ledger.

Apart from `hydra.bootstrap` because SQLAlchemy takes longer to import than a kill may take to cancel.
"""

import subprocess
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker
from hydra.clock import ScaledClock, SystemClock
from hydra.config import Settings, execution_policy
from hydra.domain.errors import UserError
from hydra.domain.evidence import ErrorMeaning
from hydra.domain.roles import Duty, Role, client_id_of
from hydra.execution.policy import ExecutionPolicy
from hydra.persistence.seat import this_holder
from hydra.ports import Clock
from hydra.risk.last_hop import LastHop
from hydra.usecases.latch import LATCH_FILE

LEDGER_FILE = "ledger.sqlite3"
BARS_FOLDER = "bars"
CANCELLER_TIMEOUT_S = 2.0
CANCELLER_BEAT_S = 0.5


def latch_path(settings: Settings) -> Path:
    """The file whose presence stops every sender on this machine."""
    return settings.data_dir / LATCH_FILE


def clock_of(settings: Settings) -> Clock:
    """The wall clock, or the scaled one that settings and gateway share."""
    given = settings.clock
    if given.start is None:
        return SystemClock()
    anchor_s = given.anchor if given.anchor is not None else time.time()  # noqa: TID251 - the scaled clock's own anchor
    return ScaledClock(given.start, given.speed, anchor_s)


def canceller(settings: Settings, clock: Clock, client_id: int) -> IbBroker:
    """A broker that only cancels and reads: it connects by the handshake alone and waits for little."""
    options = replace(
        broker_options(settings, execution_policy(settings, settings.gateway.account or "")),
        client_id=client_id,
        connect_timeout_s=min(settings.gateway.connect_timeout_s, CANCELLER_TIMEOUT_S),
        request_timeout_s=min(settings.gateway.request_timeout_s, CANCELLER_TIMEOUT_S),
        heartbeat_deadline_s=min(settings.gateway.heartbeat_deadline_s, CANCELLER_BEAT_S),
        reads_books_first=False,
        with_completed=False,
    )
    return IbBroker(options, clock, LastHop())


def client_id(settings: Settings) -> int:
    """The id this process has for its role; every command that sends takes the shard's own."""
    given = settings.worker
    return client_id_of(settings.gateway.client_id, given.role, given.shard)


def duty_of(settings: Settings) -> Duty:
    """What this process may do; HY-608 when execution is sharded and no shard of it is named."""
    given = settings.worker
    is_whole = given.shard == given.shards == 0
    if given.role is Role.EXECUTION and not is_whole and not 1 <= given.shard <= given.shards:
        raise UserError("HY-608", shard=given.shard, shards=given.shards)
    return Duty(given.role, given.shard, given.shards)


def broker_options(settings: Settings, policy: ExecutionPolicy) -> BrokerOptions:
    """What the settings say of the connection, and the settle times of the account's policy."""
    given = settings.gateway
    return BrokerOptions(
        host=given.host,
        port=given.port,
        client_id=client_id(settings),
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
        latch_path=latch_path(settings),
        latch_holder=this_holder(),
        order_error_meanings={
            code: ErrorMeaning(meaning) for code, meaning in settings.broker_errors.items()
        },
    )


def lease_build(settings: Settings) -> str:
    """What a lease names: the code, and how execution is shared out.

    Processes that share it out otherwise would each take a symbol for their own, so they never both send.
    """
    shards = settings.worker.shards
    return f"{build_id()}, {shards} shards" if shards else build_id()


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
