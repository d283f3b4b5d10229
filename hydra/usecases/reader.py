"""What a role that only reads has: a connection and a clock. It has no ledger, so it can send no order."""

from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from hydra.domain.roles import Duty
from hydra.ports import Broker, Clock
from hydra.usecases.desk import Signal


@dataclass(slots=True)
class Reader:
    """One connection on a reading role's client id, for as long as its process lives."""

    broker: Broker
    clock: Clock
    duty: Duty
    broker_zone: ZoneInfo
    bars_dir: Path | None = None
    lease_lost: bool = False
    failure: Exception | None = None
    changed: Signal = field(default_factory=Signal)
