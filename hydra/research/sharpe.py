"""How much a Sharpe ratio, or a difference of two, is worth.

Bailey and Lopez de Prado (2012, 2014), Diebold-Mariano with Harvey-Leybourne-Newbold's correction, Hansen's
superior predictive ability (2005), Ledoit-Wolf (2008). Ratios are per period; kurtosis is 3 for the normal.
Evidence to show beside a verdict: as a gate they were measured to promote nothing (docs/healing.md).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from hydra.research.bootstrap import Floats, resampled_means

EULER_GAMMA = 0.5772156649015329
TINY, AS_ONE = 1e-12, 1e-9
PAIRS = np.triu_indices(4)


def sharpe(pnl: Floats) -> float:
    """Mean over deviation (n - 1) per period; 0 for a constant series or fewer than two observations."""
    if pnl.size < 2:
        return 0.0
    deviation = float(pnl.std(ddof=1))
    return float(pnl.mean()) / deviation if deviation > 0 else 0.0


def psr(
    ratio: float, periods: int, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """The chance that the true ratio exceeds the benchmark."""
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if periods < 2 or variance <= 0:
        raise ValueError(f"{periods} periods with skew {skew}, kurtosis {kurtosis} at {ratio} say nothing")
    return float(ndtr((ratio - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance)))


def expected_best(trials: float, variance: float = 1.0) -> float:
    """The expected largest ratio of that many trials without any edge."""
    if trials <= 1:
        return 0.0
    usual, far = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER_GAMMA) * float(usual) + EULER_GAMMA * float(far))


def dsr(
    ratio: float, periods: int, trials: float, variance: float, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """The deflated ratio: PSR against the best of all trials, failures included."""
    return psr(ratio, periods, skew, kurtosis, expected_best(trials, variance))


def min_track_record(
    ratio: float, benchmark: float, confidence: float = 0.95, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Periods until a ratio is known to exceed the benchmark; infinite where it does not."""
    if ratio <= benchmark:
        return math.inf
    z = float(ndtri(confidence)) / (ratio - benchmark)
    return 1 + (1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2) * z**2


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of the mean of paired differences: `p` one-sided, for a mean above zero."""

    statistic: float
    corrected: float
    p: float
    bartlett: bool
    """Whether the variance fell back to Bartlett's weights because the plain one was not positive."""


def diebold_mariano(difference: Floats, horizon: int = 1) -> PairedTest:
    """DM with the small-sample correction on t(T - 1); ValueError for a constant or too short series."""
    n = difference.size
    centred = difference - difference.mean()
    if n <= horizon or horizon < 1 or not centred.any():
        raise ValueError("needs more observations than the horizon, and some deviation")
    gamma = [float(centred[k:] @ centred[: n - k]) / n for k in range(horizon)]
    variance = gamma[0] + 2 * sum(gamma[1:])
    falls_back = variance <= 0
    if falls_back:
        variance = gamma[0] + 2 * sum((1 - k / horizon) * gamma[k] for k in range(1, horizon))
    statistic = float(difference.mean()) / math.sqrt(variance / n)
    corrected = statistic * math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    return PairedTest(statistic, corrected, float(1 - stdtr(n - 1, corrected)), falls_back)


def sharpe_difference_p(
    first: Floats, second: Floats, draws: int = 999, block: float = 5.0, seed: int = 1
) -> float:
    """One-sided p-value that the first of two paired series [n] has no larger Sharpe ratio than the second.

    Ledoit and Wolf (2008): the difference is studentised in each resample of the stationary bootstrap: fat
    tails and dependence are in its distribution. 1 where the two move as one or either stands still.
    """
    deviations = first.std(), second.std()
    if min(deviations) == 0:
        return 1.0
    pair = np.column_stack((first / deviations[0], second / deviations[1]))
    if np.ptp(pair[:, 0] - pair[:, 1]) < AS_ONE:
        return 1.0
    table = moments_table(pair)
    gap, error = sharpe_gap(table.mean(axis=0)[None])
    gaps, errors = sharpe_gap(resampled_means(table, draws, block, seed))
    larger = (gaps - gap) / errors >= gap / error
    return float((1 + np.sum(larger)) / (draws + 1))


def moments_table(pair: Floats) -> Floats:
    """[n, 14]: both series, their squares, and every product of two of these four."""
    values = np.column_stack((pair, pair**2))
    return np.column_stack((values, values[:, PAIRS[0]] * values[:, PAIRS[1]]))


def sharpe_gap(means: Floats) -> tuple[Floats, Floats]:
    """(difference of Sharpe ratios, its deviation times √n), each [B], from means [B, 14] of that table."""
    moments, square = means[:, :4], np.zeros((len(means), 4, 4))
    square[:, PAIRS[0], PAIRS[1]] = square[:, PAIRS[1], PAIRS[0]] = means[:, 4:]
    covariance = square - moments[:, :, None] * moments[:, None, :]
    mean, second = moments[:, :2], moments[:, 2:]
    variance = np.maximum(second - mean**2, TINY)
    ratio = mean / np.sqrt(variance)
    slope = np.column_stack((second / variance**1.5, -0.5 * mean / variance**1.5))
    slope *= np.array([1.0, -1.0, 1.0, -1.0])
    deviation = np.sqrt(np.maximum(np.einsum("bi,bij,bj->b", slope, covariance, slope), TINY))
    return ratio[:, 0] - ratio[:, 1], deviation


def spa_p(better: Floats, draws: int = 999, block: float = 5.0, seed: int = 1) -> float:
    """Hansen's consistent p-value that no column of [n, K] differences has a mean above zero.

    A column: a challenger's P&L less the champion's. Studentised by the bootstrap's exact deviation; hopeless
    columns are not recentred. Columns without deviation are left out; without any other the p-value is 1.
    """
    moving = better[:, better.std(axis=0) > 0]
    if moving.shape[1] == 0:
        return 1.0
    n = moving.shape[0]
    mean = moving.mean(axis=0)
    shifts = math.sqrt(n) * (resampled_means(moving, draws, block, seed) - mean)
    omega = _bootstrap_deviation(moving - mean, block)
    statistic = max(0.0, float(np.max(math.sqrt(n) * mean / omega)))
    hopeless = mean < -omega * math.sqrt(2 * math.log(math.log(n))) / math.sqrt(n)
    shifts += np.where(hopeless, math.sqrt(n) * mean, 0.0)
    best = np.maximum((shifts / omega).max(axis=1), 0.0)
    return float((1 + np.sum(best >= statistic)) / (draws + 1))


def _bootstrap_deviation(centred: Floats, block: float) -> Floats:
    """The deviation that the stationary bootstrap gives sqrt(n) times the mean, without drawing it."""
    n = centred.shape[0]
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), axis=0)[:n] / n
    lag = np.arange(n)
    stays = 1.0 - 1.0 / block
    weight = (n - lag) / n * stays**lag + lag / n * stays ** (n - lag)
    variance = covariance[0] + 2.0 * (weight[1:, None] * covariance[1:]).sum(axis=0)
    deviation: Floats = np.sqrt(np.maximum(variance, 0.0))
    return deviation
