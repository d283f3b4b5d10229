"""One figure for a candidate: six metrics, each brought to [0, 1] and weighted; it ranks, never decides."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

SHARPE_FULL: Final = 2.0
DRAWDOWN_EMPTY: Final = 3.0
RETURN_FULL: Final = 2.0
PARAMETERS_HALF: Final = 10.0

WEIGHTS: Final[Mapping[str, float]] = {
    "sharpe": 0.25,
    "drawdown": 0.20,
    "calibration": 0.15,
    "robustness": 0.15,
    "slippage_adjusted_return": 0.15,
    "simplicity": 0.10,
}


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the walk-forward measured of a candidate, net of costs.

    `sharpe` is yearly; `drawdown` and `slippage_adjusted_return` are in yearly volatility targets, the latter
    at half as much slippage again as predicted; `calibration_slope` is of realised on forecast, 1 = honest;
    `robustness` is the share of folds (and neighbouring parameters) that earned; `parameters` are those
    fitted or chosen.
    """

    sharpe: float
    drawdown: float
    calibration_slope: float
    robustness: float
    slippage_adjusted_return: float
    parameters: int


@dataclass(frozen=True, slots=True)
class Fitness:
    """The composite and its parts in [0, 1]; `missing` metrics were not numbers and count as nothing."""

    value: float
    parts: Mapping[str, float]
    missing: tuple[str, ...]


def fitness(metrics: Metrics) -> Fitness:
    """The weighted sum. No part can buy another's failure beyond its weight: each is clipped."""
    raw = asdict(metrics)
    missing = tuple(sorted(name for name, value in raw.items() if not math.isfinite(value)))
    scores = {
        "sharpe": metrics.sharpe / SHARPE_FULL,
        "drawdown": 1 - metrics.drawdown / DRAWDOWN_EMPTY,
        "calibration": 1 - abs(metrics.calibration_slope - 1),
        "robustness": metrics.robustness,
        "slippage_adjusted_return": metrics.slippage_adjusted_return / RETURN_FULL,
        "simplicity": PARAMETERS_HALF / (PARAMETERS_HALF + max(metrics.parameters, 0)),
    }
    parts = {name: _clipped(score) for name, score in scores.items()}
    return Fitness(math.fsum(WEIGHTS[name] * part for name, part in parts.items()), parts, missing)


def _clipped(score: float) -> float:
    return min(1.0, max(0.0, score)) if math.isfinite(score) else 0.0
