"""Drift tests against published values, and their false alarm rates against what they state."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hydra.research.drift import (
    _row_distances,
    adwin_bound,
    adwin_cut,
    block_bootstrap_ks,
    drift_table,
    ks,
    ks_critical,
    ks_distance,
    psi,
    psi_critical,
    psi_false_alarm_rate,
    psi_of_shares,
)
from hydra.research.multiplicity import benjamini_hochberg, holm


def ar1(rng: np.random.Generator, count: int, rho: float) -> np.ndarray:
    noise = rng.standard_normal(count + 200) * np.sqrt(1 - rho**2)
    values = np.empty_like(noise)
    values[0] = noise[0]
    for day in range(1, noise.size):
        values[day] = rho * values[day - 1] + noise[day]
    return values[200:]


# --- PSI ------------------------------------------------------------------------------------------------


def test_psi_of_known_shares() -> None:
    assert psi_of_shares([0.1] * 10, [0.05, 0.05, *[0.1] * 6, 0.15, 0.15]) == pytest.approx(
        0.109861, abs=1e-6
    )
    assert psi_of_shares([0.2, 0.3, 0.5], [0.3, 0.3, 0.4]) == pytest.approx(0.062861, abs=1e-6)


@pytest.mark.parametrize(("n", "m", "rate"), [(252, 21, 0.847), (252, 63, 0.182), (1000, 100, 0.007)])
def test_the_rule_of_thumb_cries_wolf_as_often_as_published(n: int, m: int, rate: float) -> None:
    assert psi_false_alarm_rate(0.25, n, m, 10) == pytest.approx(rate, abs=6e-4)


@pytest.mark.parametrize(
    ("n", "m", "alpha", "quantile"),
    [(252, 21, 0.05, 0.8728), (252, 63, 0.05, 0.3357), (1000, 100, 0.05, 0.1861), (1000, 1000, 0.01, 0.0433)],
)
def test_the_psi_quantile_depends_on_the_sample_sizes(n: int, m: int, alpha: float, quantile: float) -> None:
    assert psi_critical(n, m, 10, alpha) == pytest.approx(quantile, abs=5e-5)


@pytest.mark.parametrize("recent", [21, 63])
def test_psi_alarms_on_unchanged_windows_about_as_often_as_it_says(recent: int) -> None:
    rng = np.random.default_rng(recent)
    alarms = sum(psi(rng.standard_normal(252), rng.standard_normal(recent)).is_alarm for _ in range(2000))
    assert 0.02 <= alarms / 2000 <= 0.075


def test_psi_sees_a_shifted_feature_and_a_changed_constant() -> None:
    rng = np.random.default_rng(1)
    assert psi(rng.standard_normal(252), rng.standard_normal(63) + 1).is_alarm
    assert psi(np.ones(252), np.full(63, 2.0)).is_alarm
    assert not psi(np.ones(252), np.ones(63)).is_alarm


def test_a_baseline_of_few_distinct_values_still_has_its_bins() -> None:
    rng = np.random.default_rng(2)
    base, same = rng.integers(0, 3, 252), rng.integers(0, 3, 63)
    assert not psi(base, same).is_alarm
    assert psi(base, np.full(63, 2)).is_alarm


# --- KS -------------------------------------------------------------------------------------------------


def test_ks_of_the_textbook_pair() -> None:
    found = ks(range(1, 11), range(6, 16))
    assert (found.statistic, round(found.p_value, 4)) == (0.5, 0.1678)


@pytest.mark.parametrize(
    ("n", "m", "alpha", "d"),
    [(252, 63, 0.05, 0.1913), (252, 21, 0.05, 0.3085), (1, 1, 0.01, 1.6276 * 2**0.5)],
)
def test_ks_critical_values(n: int, m: int, alpha: float, d: float) -> None:
    assert ks_critical(n, m, alpha) == pytest.approx(d, rel=5e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**20), st.floats(-1, 1), st.booleans())
def test_ks_agrees_with_scipy(n: int, m: int, seed: int, shift: float, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal(n), rng.standard_normal(m) + shift
    if tied:
        a, b = np.round(a, 1), np.round(b, 1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        theirs = stats.ks_2samp(a, b, method="exact")
    ours = ks(a, b)
    assert ours.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    # Of the least distance there is, scipy's exact sum is a hair above 1, and it falls back to the asymptote.
    assert ours.p_value == pytest.approx(1.0 if told else theirs.pvalue, abs=1e-9)


def test_ks_of_large_samples_uses_the_asymptotic_law() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal(3000), rng.standard_normal(2000) + 0.04
    assert ks(a, b).p_value == pytest.approx(stats.ks_2samp(a, b, method="asymp").pvalue, abs=0.01)


def test_missing_values_are_left_out_and_an_empty_window_is_refused() -> None:
    assert ks_distance([1, 2, np.nan, 3], [1, 2, 3]) == 0.0
    with pytest.raises(ValueError, match="a window of 1 values"):
        ks([1.0, np.nan], [1.0, 2.0])


# --- autocorrelation ------------------------------------------------------------------------------------


def test_block_bootstrap_keeps_its_level_where_plain_ks_does_not() -> None:
    """A feature with autocorrelation .7: half of the plain test's alarms would be noise."""
    rng = np.random.default_rng(4)
    plain = blocks = 0
    for world in range(150):
        series = ar1(rng, 504 + 63, 0.7)
        base, recent = series[:504], series[504:]
        plain += ks(base, recent).is_alarm
        blocks += block_bootstrap_ks(base, recent, mean_block=15, seed=world, draws=99).is_alarm
    assert plain / 150 >= 0.2
    assert blocks / 150 <= 0.11


def test_block_bootstrap_sees_a_moved_mean_and_repeats_by_seed() -> None:
    series = ar1(np.random.default_rng(5), 567, 0.7)
    moved = series[504:] + 1.5
    first = block_bootstrap_ks(series[:504], moved, mean_block=15, seed=1)
    assert first.is_alarm
    assert first == block_bootstrap_ks(series[:504], moved, mean_block=15, seed=1)


# --- ADWIN ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n0", "n1", "bound"), [(100, 100, 0.4072), (900, 100, 0.2871)])
def test_adwin_bound_as_published(n0: int, n1: int, bound: float) -> None:
    assert adwin_bound(n0, n1, 0.25) == pytest.approx(bound, abs=1e-4)


def adwin_alarms(values: np.ndarray, delta: float, every: int) -> list[tuple[int, int]]:
    """(index of the alarm, where the window begins after it) of a window that forgets at its cut."""
    start, alarms = 0, []
    for end in range(every, values.size + 1, every):
        cut = adwin_cut(values[start:end], delta)
        if cut is not None:
            start += cut.index
            alarms.append((end - 1, start))
    return alarms


def test_adwin_alarms_where_the_bucketed_original_does_and_forgets_at_once_what_it_forgets_later() -> None:
    """MOA's ADWIN (delta .001, asked every 32 values) alarms at 1023 and 1055 on this stream.

    At 1055 it drops the buckets it kept of the old values. The exact window cuts beside the first new
    value, 999, so that nothing is left to alarm about.
    """
    rng = np.random.RandomState(0)
    stream = rng.randint(2, size=2000)
    for at in range(999, 2000):
        stream[at] = rng.randint(6, high=12)
    asked = adwin_alarms(stream.astype(float), 0.001, every=32)
    assert [at for at, _ in asked] == [1023]
    assert abs(asked[0][1] - 999) <= 1
    at_once = adwin_alarms(stream[:1100].astype(float), 0.001, every=1)
    assert [at for at, _ in at_once] == [1000], "every value asked, it knows after two"


def test_adwin_finds_the_place_of_the_change() -> None:
    rng = np.random.default_rng(6)
    window = np.concatenate((rng.random(200) * 0.4, 0.5 + rng.random(60) * 0.4))
    cut = adwin_cut(window)
    assert cut is not None
    assert abs(cut.index - 200) <= 2
    assert cut.difference > cut.bound


def test_adwin_is_silent_on_unchanged_days() -> None:
    rng = np.random.default_rng(7)
    assert sum(adwin_cut(rng.random(300)) is not None for _ in range(400)) <= 1


def test_adwin_at_one_scale_is_adwin_at_another() -> None:
    rng = np.random.default_rng(8)
    window = np.concatenate((rng.random(100), rng.random(100) + 1))
    one, ten = adwin_cut(window, scale=2.0), adwin_cut(window * 10, scale=20.0)
    assert one is not None
    assert ten is not None
    assert (one.index, one.difference * 10) == (ten.index, pytest.approx(ten.difference))


# --- many tests -----------------------------------------------------------------------------------------


def test_adjusted_p_values_as_published() -> None:
    p = [0.01, 0.02, 0.03, 0.04, 0.20]
    assert holm(p) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.20])
    assert benjamini_hochberg(p) == pytest.approx([0.05, 0.05, 0.05, 0.05, 0.20])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_adjustment_does_not_depend_on_the_order(p: list[float], random: object) -> None:
    order = list(range(len(p)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for adjust in (holm, benjamini_hochberg):
        straight = adjust(p)
        assert list(adjust([p[i] for i in order])) == pytest.approx([straight[i] for i in order])
        assert np.all(straight >= np.asarray(p) - 1e-15)


def test_a_missing_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        holm([0.1, float("nan")])


def test_the_drift_table_names_the_drifted_feature_and_no_other() -> None:
    rng = np.random.default_rng(9)
    series = {name: ar1(rng, 567, 0.5) for name in ("carry", "trend", "volatility", "skew")}
    base = {name: values[:504] for name, values in series.items()}
    recent = {name: values[504:] for name, values in series.items()}
    recent["carry"] = recent["carry"] + 2.0
    table = drift_table(base, recent, mean_block=8, seed=1, alpha=0.01)
    assert [row.feature for row in table if row.is_alarm] == ["carry"]
    with pytest.raises(ValueError, match="features differ"):
        drift_table(base, {"carry": recent["carry"]}, mean_block=8, seed=1)


def test_distances_of_many_resamples_are_those_of_each() -> None:
    rng = np.random.default_rng(10)
    x, y = rng.integers(0, 9, (40, 30)).astype(float), rng.integers(0, 9, (40, 12)).astype(float)
    assert _row_distances(x, y) == pytest.approx([ks_distance(a, b) for a, b in zip(x, y, strict=True)])


def test_one_drifted_feature_among_many_reaches_the_level() -> None:
    """With a fixed number of draws the smallest p-value, adjusted for thirty features, could not."""
    rng = np.random.default_rng(11)
    base = {f"f{number:02}": rng.standard_normal(252) for number in range(30)}
    recent = {name: rng.standard_normal(63) for name in base}
    recent["f07"] = recent["f07"] + 3.0
    table = drift_table(base, recent, mean_block=3, seed=1, alpha=0.01)
    assert [row.feature for row in table if row.is_alarm] == ["f07"]


def test_stopping_early_keeps_the_p_values_level() -> None:
    rng = np.random.default_rng(12)
    found = [
        block_bootstrap_ks(
            rng.standard_normal(100), rng.standard_normal(40), mean_block=1, seed=n, draws=199, alpha=0.1
        ).p_value
        for n in range(200)
    ]
    for level in (0.1, 0.25, 0.5):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.09)
