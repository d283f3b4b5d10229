"""The stationary bootstrap of Politis and Romano (1994) and its block length (Patton 2009).

Resampled blocks are runs of consecutive observations, so their sums are differences of prefix sums: a draw
costs n / block steps instead of n. The generator is our own counter (splitmix64), so that a seed gives the
same draws on every thread and version.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


BUCKETS_LOG2 = 12


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _resampled_sums(prefix: Floats, draws: int, block: float, seed: np.uint64) -> Floats:
    """Sums over resampled blocks, [draws, K], given the prefix sums [2 n + 1, K] of two laps."""
    n = (prefix.shape[0] - 1) // 2
    columns = prefix.shape[1]
    sums = np.zeros((draws, columns))
    scale = 0.0 if block <= 1.0 else 1.0 / math.log(1.0 - 1.0 / block)
    lengths = _lengths(scale)
    state = seed
    for draw in range(draws):
        left = n
        while left > 0:
            state += np.uint64(0x9E3779B97F4A7C15)
            word = _mixed(state)
            start = np.int64(((word >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
            low = word & np.uint64(0xFFFFFFFF)
            length = lengths[low >> np.uint64(32 - BUCKETS_LOG2)]
            if length == 0:
                length = _length((np.float64(low) + 0.5) / 4294967296.0, scale)
            length = min(length, left)
            left -= length
            laps = length // n if length >= n else 0
            end = start + length - laps * n
            for k in range(columns):
                sums[draw, k] += laps * prefix[n, k] + prefix[end, k] - prefix[start, k]
    return sums


@numba.njit(inline="always")
def _length(chance: float, scale: float) -> int:
    """A geometric block length from a chance in (0, 1)."""
    return 1 + int(math.log(chance) * scale)


@numba.njit(inline="always")
def _lengths(scale: float) -> NDArray[np.int64]:
    """Lengths by the first bits of the chance; 0 where the bucket holds two and the logarithm must decide."""
    buckets = 1 << BUCKETS_LOG2
    table = np.zeros(buckets, dtype=np.int64)
    for bucket in range(1, buckets):
        low = _length(bucket / buckets, scale)
        high = _length((bucket + 1) / buckets - 1e-12, scale)
        table[bucket] = low if low == high else 0
    return table


@numba.njit(inline="always")
def _mixed(state: np.uint64) -> np.uint64:
    """64 random bits from one state of the splitmix64 counter."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def resampled_means(series: Floats, draws: int, block: float, seed: int) -> Floats:
    """Means of `draws` resamples, [draws, K], of K paired series [n, K]; blocks of mean length ≥ 1."""
    table = _table(series, block)
    twice = np.concatenate((table, table))
    prefix = np.concatenate((np.zeros((1, table.shape[1])), np.cumsum(twice, axis=0)))
    prefix = np.ascontiguousarray(prefix)  # one layout: each is compiled by itself
    sums: Floats = _resampled_sums(prefix, draws, float(block), np.uint64(seed))
    sums /= table.shape[0]
    return sums


def resampled_sharpes(series: Floats, draws: int, block: float, seed: int) -> Floats:
    """Sharpe ratios per period of `draws` resamples, [draws, K], of K paired series [n, K].

    The deviation divides by n, as over a population. A resample without deviation has a ratio of 0.
    """
    table = _table(series, block)
    centre = table.mean(axis=0)
    means = resampled_means(np.hstack((table - centre, (table - centre) ** 2)), draws, block, seed)
    columns = table.shape[1]
    shift, square = means[:, :columns], means[:, columns:]
    deviation = np.sqrt(np.maximum(square - shift**2, 0.0))
    ratios: Floats = np.divide(shift + centre, deviation, out=np.zeros_like(shift), where=deviation > 0)
    return ratios


def interval(samples: Floats, level: float = 0.95) -> tuple[float, float]:
    """The central interval of the samples."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def block_length(series: Floats) -> float:
    """The mean block that estimates a mean's variance best (Patton, Politis, White 2009), at least 1.

    ValueError for fewer than 30 observations; a constant series has blocks of one.
    """
    values = np.asarray(series, dtype=np.float64)
    n = values.size
    if n < 30 or values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("needs one series of at least 30 finite numbers")
    centred = values - values.mean()
    if not centred.any():
        return 1.0
    cut = _significant_lag(centred)
    lags = np.arange(1, cut + 1)
    taper = np.minimum(1.0, 2.0 * (1.0 - lags / cut))
    covariance = np.array([_autocovariance(centred, lag) for lag in range(cut + 1)])
    slope = 2.0 * float(np.sum(taper * lags * covariance[1:]))
    level = float(covariance[0] + 2.0 * np.sum(taper * covariance[1:]))
    if level == 0.0:
        return 1.0
    best = (2.0 * slope**2 / (2.0 * level**2)) ** (1 / 3) * n ** (1 / 3)
    return float(max(1.0, min(best, math.ceil(min(3.0 * math.sqrt(n), n / 3)))))


def _significant_lag(centred: Floats) -> int:
    """Twice the first lag of a run of insignificant autocorrelations, as in the reference implementation."""
    n = centred.size
    run = max(5, int(math.log10(n)))
    most = math.ceil(math.sqrt(n)) + run
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    correlations = np.array([abs(_correlation(centred, lag)) for lag in range(most + 1)])
    for start in range(most - run + 1):
        if (correlations[start : start + run] < bound).all():
            return min(2 * max(start, 1), most)
    return most


def _autocovariance(centred: Floats, lag: int) -> float:
    return float(centred[lag:] @ centred[: centred.size - lag]) / centred.size


def _correlation(centred: Floats, lag: int) -> float:
    ends = centred[lag + 1 :], centred[: centred.size - lag - 1]
    scale = math.sqrt(float(ends[0] @ ends[0]) * float(ends[1] @ ends[1]))
    return _autocovariance(centred, lag) * centred.size / scale if scale > 0 else 0.0


def _table(series: Floats, block: float) -> Floats:
    table = np.asarray(series, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.shape[0] < 2 or not np.isfinite(table).all():
        raise ValueError("needs at least two observations, all finite")
    if not block >= 1:
        raise ValueError(f"a block has a mean length of at least 1, not {block}")
    return table
