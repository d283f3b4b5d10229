"""Whether a recent window differs from its baseline: PSI, Kolmogorov-Smirnov, ADWIN, and a block bootstrap.

Every test states its false alarm rate. The rule of thumb "PSI > 0.25" does not: with 252 against 21 days it
alarms on 84.7 % of windows in which nothing changed (algorithms 4), so PSI is compared with its quantile.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, gammaln, kolmogorov

from hydra.research.multiplicity import benjamini_hochberg

PSI_BINS_MAX: Final = 10
PSI_PER_BIN_MIN: Final = 5
KS_EXACT_MAX: Final = 1_000_000  # n × m up to which the exact distribution is summed
ENOUGH_LARGER: Final = 10
_BATCH: Final = 50
ADWIN_DELTA: Final = 0.002
ADWIN_SIDE_MIN: Final = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drift:
    """One comparison of two windows: the statistic, the value it must exceed at `alpha`, and its p-value."""

    statistic: float
    critical: float
    p_value: float
    alpha: float

    @property
    def is_alarm(self) -> bool:
        return self.p_value <= self.alpha


# --- PSI ------------------------------------------------------------------------------------------------


def psi_of_shares(baseline: ArrayLike, recent: ArrayLike) -> float:
    """Σ (c - b) ln(c / b) of two sets of shares; every share must be above zero."""
    b, c = np.asarray(baseline, dtype=np.float64), np.asarray(recent, dtype=np.float64)
    if np.any(b <= 0) or np.any(c <= 0):
        raise ValueError("PSI has no value where a share is zero: smooth the counts first")
    return float(np.sum((c - b) * np.log(c / b)))


def psi_bins(recent_count: int) -> int:
    """As many bins as leave five recent values in each, at most ten: chi-square needs that many."""
    return max(2, min(PSI_BINS_MAX, recent_count // PSI_PER_BIN_MIN))


def psi_critical(n: int, m: int, bins: int, alpha: float = 0.05) -> float:
    """The quantile PSI exceeds with probability alpha when nothing changed: (1/n + 1/m) χ²(bins - 1)."""
    return float((1 / n + 1 / m) * chdtri(bins - 1, alpha))


def psi_false_alarm_rate(limit: float, n: int, m: int, bins: int) -> float:
    """P(PSI > limit) when nothing changed, for n against m values."""
    return float(chdtrc(bins - 1, limit / (1 / n + 1 / m)))


def psi(baseline: ArrayLike, recent: ArrayLike, *, bins: int | None = None, alpha: float = 0.05) -> Drift:
    """PSI over the baseline's quantile bins, against its quantile for these sample sizes.

    Bins are intervals between distinct baseline quantiles, so ties make fewer of them; half an observation
    is added to every bin. A constant baseline has the two bins "equal to it" and "anything else".
    """
    base, new = _finite(baseline), _finite(recent)
    wanted = psi_bins(min(base.size, new.size)) if bins is None else bins
    edges = np.unique(np.quantile(base, np.linspace(0, 1, wanted + 1)[1:-1]))
    if base.min() == base.max():
        counts = [np.array([np.sum(x == base[0]), np.sum(x != base[0])]) for x in (base, new)]
    else:
        edges = edges[edges < base.max()]  # or the last bin would be empty by construction
        counts = [np.bincount(np.searchsorted(edges, x), minlength=edges.size + 1) for x in (base, new)]
    size = counts[0].size
    b, c = ((count + 0.5) / (count.sum() + 0.5 * size) for count in counts)
    value = psi_of_shares(b, c)
    p_value = psi_false_alarm_rate(value, base.size, new.size, size)
    return Drift(value, psi_critical(base.size, new.size, size, alpha), p_value, alpha)


# --- Kolmogorov-Smirnov ---------------------------------------------------------------------------------


def ks_distance(a: ArrayLike, b: ArrayLike) -> float:
    """The largest gap of the two empirical distribution functions."""
    x, y = np.sort(_finite(a)), np.sort(_finite(b))
    return _sorted_distance(x, y)


def ks_critical(n: int, m: int, alpha: float) -> float:
    """The distance exceeded with probability alpha by samples of one distribution (asymptotic)."""
    c = math.sqrt(-0.5 * math.log(alpha / 2))
    return c * math.sqrt((n + m) / (n * m))


def ks(a: ArrayLike, b: ArrayLike, alpha: float = 0.05) -> Drift:
    """Two-sample test of independent values: exact p-value up to n × m = 10⁶, asymptotic beyond.

    Autocorrelated features break its independence: use `block_bootstrap_ks` for them.
    """
    x, y = np.sort(_finite(a)), np.sort(_finite(b))
    d = _sorted_distance(x, y)
    n, m = x.size, y.size
    if n * m <= KS_EXACT_MAX:
        p_value = _ks_exact(d, n, m)
    else:
        p_value = float(kolmogorov(d * math.sqrt(n * m / (n + m))))
    return Drift(d, ks_critical(n, m, alpha), p_value, alpha)


def _sorted_distance(x: Floats, y: Floats) -> float:
    both = np.concatenate((x, y))
    below_x = np.searchsorted(x, both, side="right") / x.size
    below_y = np.searchsorted(y, both, side="right") / y.size
    return float(np.abs(below_x - below_y).max())


def _row_distances(x: Floats, y: Floats) -> Floats:
    """The distance of each row of x, [draws, n], to that row of y, [draws, m]; equal values count once."""
    both = np.concatenate((x, y), axis=1)
    order = np.argsort(both, axis=1)
    steps = np.where(order < x.shape[1], 1.0 / x.shape[1], -1.0 / y.shape[1])
    gaps = np.abs(np.cumsum(steps, axis=1))
    values = np.take_along_axis(both, order, axis=1)
    is_last = values[:, 1:] != values[:, :-1]
    largest: Floats = np.where(is_last, gaps[:, :-1], 0.0).max(axis=1)
    return largest


def _ks_exact(d: float, n: int, m: int) -> float:
    """P(D ≥ d): one minus the share of lattice paths from (0, 0) to (n, m) that stay inside the band.

    Row i of the path counts is the running sum of row i - 1, both over the columns j with |i/n - j/m| < d.
    """
    reach = d - 1e-10
    if reach <= 0:
        return 1.0
    columns = np.arange(m + 1)
    inside = columns / m < reach
    paths = inside.astype(np.float64)
    log_scale = 0.0
    for i in range(1, n + 1):
        inside = np.abs(i / n - columns / m) < reach
        # the band moves right only: what falls out of it on the left may not go on from there
        paths = np.where(inside, np.cumsum(np.where(inside, paths, 0.0)), 0.0)
        largest = paths.max()
        if largest == 0:
            return 1.0
        paths /= largest
        log_scale += math.log(largest)
    if paths[m] == 0:
        return 1.0
    log_all = gammaln(n + m + 1) - gammaln(n + 1) - gammaln(m + 1)
    return float(min(1.0, max(0.0, -np.expm1(math.log(paths[m]) + log_scale - log_all))))


# --- autocorrelated values ------------------------------------------------------------------------------


def stationary_indices(
    n: int, length: int, mean_block: float, draws: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Politis-Romano, [draws, length]: indices into a series of n, in circular blocks of geometric length."""
    starts = rng.integers(0, n, size=(draws, length))
    is_new = rng.random((draws, length)) < 1.0 / mean_block
    is_new[:, 0] = True
    days = np.arange(length)
    block = np.maximum.accumulate(np.where(is_new, days, 0), axis=1)
    return (np.take_along_axis(starts, block, axis=1) + days - block) % n


def block_bootstrap_ks(
    baseline: ArrayLike,
    recent: ArrayLike,
    *,
    mean_block: float,
    seed: int,
    draws: int = 999,
    alpha: float = 0.05,
) -> Drift:
    """KS distance against its distribution between two windows of the baseline's own dependent process.

    Each draw makes two windows of the given lengths from blocks of the baseline. Drawing stops at the tenth
    draw as large as the distance: p is then 10 / draws made (Besag and Clifford 1991), which costs little
    where nothing has changed; else (1 + larger) / (1 + draws), never zero. `mean_block` in observations.
    """
    base, new = _finite(baseline), _finite(recent)
    if mean_block < 1 or draws < 1:
        raise ValueError(f"a block is at least one value and one draw is needed; {mean_block}, {draws}")
    rng = np.random.default_rng(seed)
    d = _sorted_distance(np.sort(base), np.sort(new))
    drawn = np.empty(0)
    while drawn.size < draws:
        batch = min(_BATCH, draws - drawn.size)
        x = base[stationary_indices(base.size, base.size, mean_block, batch, rng)]
        y = base[stationary_indices(base.size, new.size, mean_block, batch, rng)]
        drawn = np.append(drawn, _row_distances(x, y))
        larger = np.flatnonzero(drawn >= d - 1e-12)
        if larger.size >= ENOUGH_LARGER:
            p_value = ENOUGH_LARGER / (int(larger[ENOUGH_LARGER - 1]) + 1)
            return Drift(d, float(np.quantile(drawn, 1 - alpha)), p_value, alpha)
    return Drift(d, float(np.quantile(drawn, 1 - alpha)), (1 + larger.size) / (1 + draws), alpha)


# --- ADWIN ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a window splits in two whose means differ: the first index of the newer part, and by how much."""

    index: int
    difference: float
    bound: float


def adwin_bound(n0: int, n1: int, variance: float, delta: float = ADWIN_DELTA) -> float:
    """Bifet-Gavaldà's ε: means of windows of n0 and n1 values of one process differ by less (1 - delta)."""
    size = n0 + n1
    harmonic = 1 / (1 / n0 + 1 / n1)
    log_term = math.log(2 * math.log(size) / delta)
    return math.sqrt(2 / harmonic * variance * log_term) + 2 / (3 * harmonic) * log_term


def adwin_cut(window: ArrayLike, delta: float = ADWIN_DELTA, scale: float = 1.0) -> Cut | None:
    """The split that exceeds its bound by most, over all splits with five values on each side; None if none.

    Exact: our daily windows are small, so there are no buckets. The bound's second term assumes values
    within a range of one; `scale` is the width of the range they have.
    """
    x = np.asarray(window, dtype=np.float64) / scale
    size = x.size
    if size < 2 * ADWIN_SIDE_MIN:
        return None
    n0 = np.arange(ADWIN_SIDE_MIN, size - ADWIN_SIDE_MIN + 1)
    sums = np.cumsum(x)
    means0 = sums[n0 - 1] / n0
    means1 = (sums[-1] - sums[n0 - 1]) / (size - n0)
    harmonic = 1 / (1 / n0 + 1 / (size - n0))
    log_term = math.log(2 * math.log(size) / delta)
    bounds = np.sqrt(2 / harmonic * x.var() * log_term) + 2 / (3 * harmonic) * log_term
    gaps = np.abs(means0 - means1)
    best = int(np.argmax(gaps - bounds))
    if gaps[best] <= bounds[best]:
        return None
    return Cut(int(n0[best]), float(gaps[best]) * scale, float(bounds[best]) * scale)


# --- many features --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One row of the drift table; `adjusted_p` is over all features of the table (Benjamini-Hochberg)."""

    feature: str
    psi: Drift
    ks: Drift
    adjusted_p: float

    @property
    def is_alarm(self) -> bool:
        return self.adjusted_p <= self.ks.alpha


def drift_table(
    baseline: Mapping[str, ArrayLike],
    recent: Mapping[str, ArrayLike],
    *,
    mean_block: float,
    seed: int,
    alpha: float = 0.05,
) -> Sequence[FeatureDrift]:
    """Every feature's PSI and block-bootstrapped KS, most suspicious first; features must agree by name.

    As many draws may be made as a single drifted feature among all of them needs to reach alpha.
    """
    if baseline.keys() != recent.keys():
        raise ValueError(f"features differ: {sorted(baseline.keys() ^ recent.keys())}")
    names = sorted(baseline)
    draws = math.ceil(2 * len(names) / alpha)
    tests = [
        block_bootstrap_ks(
            baseline[name],
            recent[name],
            mean_block=mean_block,
            seed=seed + number,
            draws=draws,
            alpha=alpha,
        )
        for number, name in enumerate(names)
    ]
    adjusted = benjamini_hochberg([test.p_value for test in tests])
    rows = [
        FeatureDrift(name, psi(baseline[name], recent[name], alpha=alpha), test, float(p))
        for name, test, p in zip(names, tests, adjusted, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.adjusted_p, row.feature))


def _finite(values: ArrayLike) -> Floats:
    """The values that are there; a window with fewer than two is no window."""
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size < 2:
        raise ValueError(f"a window of {x.size} values cannot be compared")
    return x
