"""The records of observing: causes, evidence, the track that is looked at, and what was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hydra.research.cusum import TRADING_DAYS
from hydra.research.drift import FeatureDrift
from hydra.research.impact import Calibration
from hydra.research.series_checks import DataFinding

Floats = NDArray[np.float64]


class Cause(StrEnum):
    """Why a model earns less, in the order in which it can be known: hours, days, weeks, months, years."""

    DATA_FAULT = "DATA_FAULT"
    RECONCILIATION_BREAK = "RECONCILIATION_BREAK"
    EXECUTION_COST = "EXECUTION_COST"
    VOLATILITY = "VOLATILITY"
    REGIME_CHANGE = "REGIME_CHANGE"
    FEATURE_DECAY = "FEATURE_DECAY"
    OVERFIT = "OVERFIT"
    POWER_TOO_LOW = "POWER_TOO_LOW"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One test: what it measured, what it must exceed to alarm (or the level its p-value must reach)."""

    cause: Cause
    name: str
    statistic: float
    limit: float
    p_value: float | None
    is_alarm: bool
    text: str


@dataclass(frozen=True, slots=True)
class Track:
    """One champion's record on one instrument; arrays end today and are daily unless said.

    `changes`: the market's standardised price changes. `features` and `forecasts` (in volatility targets)
    are those known at the close of the same day: they meet the next day's change. P&L in daily volatility
    targets, for the live days only: `live_gross` and `kernel_gross` before, `live_cost` after the account's
    and the kernel's fills. `claimed` is the walk-forward net P&L that made it champion, and its deflated
    Sharpe ratio counts every trial of the journal. `log_slippage` is ln(measured /
    predicted) per fill, `recent_fills` of them new.
    """

    instrument: str
    on: date
    changes: Floats
    raw_changes: Floats
    forecasts: Floats
    features: Mapping[str, Floats]
    live_gross: Floats
    kernel_gross: Floats
    live_cost: Floats
    claimed: Floats
    claimed_deflated_sharpe: float
    log_slippage: Floats
    recent_fills: int
    data_findings: tuple[DataFinding, ...] = ()
    breaks: tuple[str, ...] = ()
    impact: Calibration = field(default_factory=Calibration)


@dataclass(frozen=True, slots=True)
class Levels:
    """How often each test may alarm for nothing, per check, and how often checks are made."""

    recent_days: int = 126
    checks_per_year: float = 12.0
    reconciliation: float = 0.001
    volatility: float = 0.01
    regime: float = 0.005
    features: float = 0.01
    overfit: float = 0.01
    data_days: int = 5
    fills_per_year: float = TRADING_DAYS
    mean_block: float = 45.0


@dataclass(frozen=True, slots=True)
class Observation:
    """Every figure and test of a day; a figure nothing is known of yet is NaN.

    `years_to_power` is for the Sharpe the champion now misses, before its first live day for all of it.
    """

    instrument: str
    on: date
    evidence: tuple[Evidence, ...]
    drift: Sequence[FeatureDrift]
    live_sharpe: float
    claimed_sharpe: float
    live_sharpe_error: float
    hit_rate: float
    calibration_slope: float
    slippage_multiplier: float
    tracking_error: float
    years_to_power: float
    false_alarms_per_year: float
    impact: Calibration
