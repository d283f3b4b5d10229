"""How patiently a parent is worked: durations, shares and the wire's settle times, in one frozen value."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """Defaults are those of order_laws; `_s` is market time, `_wall_s` is wall time.

    `settle_wall_s` and `cancel_settle_wall_s` must exceed the longest delay of a broker's report.
    """

    ladder_s: tuple[float, float, float] = (300.0, 150.0, 75.0)
    ladder_rounds_max: int = 4
    twap_slices: int = 5
    twap_jitter: float = 0.20
    twap_above_adv_fraction: float = 0.01
    horizon_s: float = 2700.0
    participation_rate: float = 0.05
    child_grace_s: float = 5.0
    safety_s: float = 30.0
    child_life_min_wall_s: float = 0.25
    gross_factor_max: int = 12
    settle_wall_s: float = 10.0
    cancel_settle_wall_s: float = 2.0
    send_window_wall_s: float = 1.0
    ack_deadline_wall_s: float = 5.0
    cancel_retry_wall_s: float = 5.0
    snapshot_every_wall_s: float = 60.0
    snapshot_gap_wall_s: float = 0.05
    verdict_wall_s: float = 5.0

    @property
    def ladder_total_s(self) -> float:
        return sum(self.ladder_s)


@dataclass(frozen=True, slots=True)
class Margins:
    """Wall-time waits translated to market time by the clock in use, so that pure code needs no clock."""

    settle: timedelta
    cancel_settle: timedelta
    child_life_min: timedelta
    safety: timedelta

    @property
    def before_an_end(self) -> timedelta:
        """How long before any end (deadline, close, maintenance, broker day) a child must be dead."""
        return self.settle + self.safety
