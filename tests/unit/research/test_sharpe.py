"""Every statistic reproduces its published or independently computed value."""

import math

import numpy as np
import pytest

from hydra.research.power import sharpe_error_year
from hydra.research.sharpe import (
    diebold_mariano,
    dsr,
    expected_best,
    min_track_record,
    moments_table,
    psr,
    sharpe,
    sharpe_difference_p,
    sharpe_gap,
    spa_p,
)

DAILY = 2.5 / math.sqrt(250)
TRIALS_VARIANCE = 0.5 / 250


def test_the_deflated_ratio_of_the_papers_example() -> None:
    assert expected_best(100, TRIALS_VARIANCE) == pytest.approx(0.113172, abs=1e-6)
    assert dsr(DAILY, 1250, 100, TRIALS_VARIANCE, -3, 10) == pytest.approx(0.9004, abs=5e-5)
    assert dsr(DAILY, 1250, 46, TRIALS_VARIANCE, -3, 10) == pytest.approx(0.9505, abs=5e-5)
    assert dsr(DAILY, 1250, 88, TRIALS_VARIANCE) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize(("trials", "best"), [(1, 0.0), (10, 1.5746), (100, 2.5306), (1000, 3.2551)])
def test_the_expected_best_of_many_trials(trials: int, best: float) -> None:
    assert expected_best(trials) == pytest.approx(best, abs=5e-5)


def test_the_probabilistic_ratio_and_the_minimal_track_record() -> None:
    assert psr(0.458, 24, -2.448, 10.164) == pytest.approx(0.9134, abs=5e-5)
    assert psr(0.458, 24) == pytest.approx(0.9817, abs=5e-5)
    two, one = 2 / math.sqrt(252), 1 / math.sqrt(252)
    assert min_track_record(two, one) / 252 == pytest.approx(2.73, abs=5e-3)
    month_two, month_one = 2 / math.sqrt(12), 1 / math.sqrt(12)
    assert min_track_record(month_two, month_one) / 12 == pytest.approx(3.24, abs=5e-3)
    skewed = min_track_record(month_two, month_one, skew=-0.72, kurtosis=5.78)
    assert skewed / 12 == pytest.approx(4.99, abs=5e-3)
    assert min_track_record(one, two) == math.inf


def test_five_years_are_too_short_for_45_trials_to_prove_a_sharpe_of_one() -> None:
    # the minimum backtest length: the best of 45 trials without an edge shows 1 a year over 5 years
    assert expected_best(45) ** 2 == pytest.approx(5.0, abs=0.05)


LOSSES = np.array([0.1, 0.3, 0.4, 0.2, -0.1, -0.2, 0, 0.2, 0.5, 0.6, 0.4, 0.1])


@pytest.mark.parametrize(
    ("horizon", "dm", "hln", "p"),
    [(1, 3.1029, 2.9708, 0.0064), (2, 2.0950, 1.8310, 0.0471), (3, 2.1895, 1.7309, 0.0557)],
)
def test_diebold_mariano_with_the_small_sample_correction(
    horizon: int, dm: float, hln: float, p: float
) -> None:
    found = diebold_mariano(LOSSES, horizon)
    assert (found.statistic, found.corrected, found.p) == pytest.approx((dm, hln, p), abs=6e-5)
    assert not found.bartlett


def test_a_variance_that_is_not_positive_falls_back_to_bartletts_weights() -> None:
    alternating = np.array([0.5, -0.2, 0.3, 0.1, 0.4, -0.1, 0.6, 0.2, -0.3, 0.5])
    one = diebold_mariano(alternating, 1)
    assert (one.statistic, one.corrected, one.p) == pytest.approx((2.1082, 2.0, 0.0383), abs=6e-5)
    assert diebold_mariano(alternating, 2).bartlett
    wild = np.array([0.9, -0.7, 0.9, -0.7, 0.9, -0.7, 0.9, -0.7, 0.9, -0.7])
    found = diebold_mariano(wild, 2)
    assert found.bartlett
    assert math.isfinite(found.corrected)
    with pytest.raises(ValueError, match="some deviation"):
        diebold_mariano(np.ones(10))


def memmel(x: np.ndarray, y: np.ndarray) -> float:
    """The z of the difference of two Sharpe ratios of normal returns (algorithms 7, Memmel 2003)."""
    m1, m2 = x.mean(), y.mean()
    (v1, v12), (_, v2) = np.cov(x, y, ddof=0)
    s1, s2 = np.sqrt(v1), np.sqrt(v2)
    theta = 2 * v1 * v2 - 2 * s1 * s2 * v12 + (m1**2 * v2 + m2**2 * v1) / 2 - m1 * m2 * v12**2 / (s1 * s2)
    return float((s2 * m1 - s1 * m2) / np.sqrt(theta / x.size))


def paired(seed: int, edge: float = 0.0, days: int = 504) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(0.05, 1, days)
    return common + rng.normal(edge, 0.5, days), 3 * (common + rng.normal(0, 0.5, days))


def test_the_studentised_difference_of_ratios_is_memmels_where_returns_are_normal() -> None:
    pair = paired(2, 0.1, 20_000)
    gap, error = sharpe_gap(moments_table(np.column_stack(pair)).mean(axis=0)[None])
    assert gap[0] == pytest.approx(pair[0].mean() / pair[0].std() - pair[1].mean() / pair[1].std())
    assert gap[0] / error[0] * math.sqrt(20_000) == pytest.approx(memmel(*pair), rel=0.02)


def test_ledoit_wolf_has_its_level_without_an_edge_and_finds_a_large_one() -> None:
    quiet = np.array([sharpe_difference_p(*paired(seed), 199, seed=seed) for seed in range(400)])
    assert 0.02 < (quiet <= 0.05).mean() < 0.09
    assert 0.4 < (quiet <= 0.5).mean() < 0.6
    assert all(sharpe_difference_p(*paired(seed, 0.2), 199, seed=seed) < 0.05 for seed in range(5))
    assert all(sharpe_difference_p(*paired(seed, -0.2), 199, seed=seed) > 0.5 for seed in range(5))


def test_two_series_that_move_as_one_or_stand_still_have_no_difference() -> None:
    x, _ = paired(1)
    assert sharpe_difference_p(x, 2 * x) == 1.0
    assert sharpe_difference_p(x, np.zeros_like(x)) == 1.0


@pytest.mark.parametrize(("days", "error"), [(20, 3.55), (60, 2.05), (252, 1.00), (756, 0.58)])
def test_the_standard_error_of_a_yearly_ratio(days: int, error: float) -> None:
    """Four weeks, three months, one year, three years: a gate of four weeks proves operations, not skill."""
    assert sharpe_error_year(days) == pytest.approx(error, abs=5e-3)
    rng = np.random.default_rng(days)
    ratios = [sharpe(rng.standard_normal(days)) * math.sqrt(252) for _ in range(3000)]
    assert np.std(ratios) == pytest.approx(error, rel=0.08)


def differences(seed: int, drift: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (315, 12)) + 0.5 * rng.normal(0, 1, (315, 1)) + drift


def test_spa_has_its_level_without_an_edge_and_finds_a_large_one() -> None:
    quiet = np.array([spa_p(differences(seed, 0.0), 199, seed=seed) for seed in range(1000, 1400)])
    assert 0.02 < (quiet <= 0.05).mean() < 0.09
    assert all(spa_p(differences(seed, 0.5), 199, seed=seed) < 0.05 for seed in range(5))


def test_spa_equals_the_reference_implementation() -> None:
    """arch 8.0.0: SPA(zeros, -d, block_size=5, reps=9999, studentize=True, seed=1), consistent p."""
    k = np.arange(1, 316, dtype=float)[:, None]
    d = np.sin(k * k * np.linspace(0.3, 0.9, 8)) + np.linspace(-0.4, 0.1, 8)
    assert spa_p(d, 9999, 5.0, 1) == pytest.approx(ARCH_P, abs=0.02)


def test_spa_leaves_out_what_does_not_move() -> None:
    assert spa_p(np.zeros((100, 3))) == 1.0
    moving = differences(1, 0.1)
    assert spa_p(np.hstack((moving, np.zeros((315, 2))))) == spa_p(moving)


def test_a_constant_series_has_no_ratio() -> None:
    assert sharpe(np.ones(10)) == 0.0
    assert sharpe(np.array([1.0])) == 0.0
    assert sharpe(np.array([1.0, 3.0])) == pytest.approx(2 / math.sqrt(2))


ARCH_P = 0.06810681068106811
