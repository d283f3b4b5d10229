"""CUSUM with a stated false alarm rate: Page's scheme on standardised values and its average run lengths.

One side: S = max(0, S + z - k), an alarm when S > h. Two sides watch z and -z at once. Run lengths solve
Page's integral equation by Gauss-Legendre quadrature; z is taken as normal and independent.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

TRADING_DAYS: Final = 252
_NODES_PER_UNIT: Final = 4
_NODES_MIN: Final = 40
_SQRT_2PI: Final = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class CusumPath:
    """Both sums day by day, and the first day (0-based) either passed h; None where there was no alarm."""

    up: NDArray[np.float64]
    down: NDArray[np.float64]
    alarm: int | None

    @property
    def largest(self) -> float:
        return float(max(self.up.max(initial=0.0), self.down.max(initial=0.0)))


def cusum(z: ArrayLike, k: float, h: float, *, two_sided: bool = True) -> CusumPath:
    """The path of both sums over standardised values; with `two_sided` false only upward moves alarm.

    Missing values (NaN) leave the sums as they are: no observation is no evidence.
    """
    values = np.asarray(z, dtype=np.float64)
    up, down = np.zeros(values.size), np.zeros(values.size)
    above = below = 0.0
    alarm: int | None = None
    for day, value in enumerate(values.tolist()):
        if value == value:
            above = max(0.0, above + value - k)
            below = max(0.0, below - value - k) if two_sided else 0.0
        up[day], down[day] = above, below
        if alarm is None and max(above, below) > h:
            alarm = day
    return CusumPath(up, down, alarm)


def arl_one_sided(k: float, h: float, shift: float = 0.0) -> float:
    """Mean observations to an alarm of S = max(0, S + z - k) > h from S = 0, z ~ N(shift, 1)."""
    if not (h > 0 and math.isfinite(k) and math.isfinite(shift)):
        raise ValueError(f"a CUSUM needs h > 0 and finite k, shift; given k {k}, h {h}, shift {shift}")
    count = max(_NODES_MIN, math.ceil(_NODES_PER_UNIT * h))
    nodes, weights = np.polynomial.legendre.leggauss(count)
    points, weights = (nodes + 1) * h / 2, weights * h / 2
    starts = np.concatenate(([0.0], points))
    drift = starts - k + shift
    matrix = np.eye(count + 1)
    matrix[:, 0] -= ndtr(-drift)
    matrix[:, 1:] -= np.exp(-0.5 * (points[None, :] - drift[:, None]) ** 2) / _SQRT_2PI * weights
    return float(np.linalg.solve(matrix, np.ones(count + 1))[0])


def arl(k: float, h: float, shift: float = 0.0) -> float:
    """Mean observations to an alarm of the two-sided scheme: 1/ARL = 1/ARL(up) + 1/ARL(down)."""
    return 1.0 / (1.0 / arl_one_sided(k, h, shift) + 1.0 / arl_one_sided(k, h, -shift))


def threshold(k: float, arl0: float, *, two_sided: bool = True) -> float:
    """The h whose mean time between false alarms is `arl0` observations."""
    run_length = arl if two_sided else arl_one_sided
    if arl0 <= run_length(k, 0.05):
        raise ValueError(f"no h > 0.05 alarms as often as every {arl0} observations at k {k}")
    high = 1.0
    while run_length(k, high) < arl0:
        high *= 1.5
    return float(brentq(lambda h: math.log(run_length(k, h) / arl0), 0.05, high, xtol=1e-6))


def days_to_alarm(sharpe_lost: float, years_between_false_alarms: float) -> float:
    """Mean trading days until the best one-sided CUSUM sees a daily P&L lose this yearly Sharpe.

    Best means k = half the daily shift (Lorden); the table of healing facts 2 is made by this.
    """
    shift = sharpe_lost / math.sqrt(TRADING_DAYS)
    h = threshold(shift / 2, TRADING_DAYS * years_between_false_alarms, two_sided=False)
    return arl_one_sided(shift / 2, h, shift)


def standardised(values: ArrayLike, baseline: ArrayLike) -> NDArray[np.float64]:
    """(values - mean) / sd of the baseline; a constant baseline has no scale, which is an error."""
    base = np.asarray(baseline, dtype=np.float64)
    scale = float(base.std(ddof=1)) if base.size > 1 else 0.0
    if not scale > 0:
        raise ValueError("a baseline of one value or of equal values has no scale to standardise by")
    z: NDArray[np.float64] = (np.asarray(values, dtype=np.float64) - base.mean()) / scale
    return z
