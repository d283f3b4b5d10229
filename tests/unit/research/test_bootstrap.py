"""The stationary bootstrap has the distribution and the block lengths of the published method."""

import numpy as np
import pytest

from hydra.research.bootstrap import block_length, interval, resampled_means, resampled_sharpes


def ar1(n: int, rho: float, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=n)
    for i in range(1, n):
        x[i] += rho * x[i - 1]
    return x


def slow_means(series: np.ndarray, draws: int, block: float, seed: int) -> np.ndarray:
    """The definition, observation by observation: stay in the block with 1 - 1/b, else start anew."""
    rng = np.random.default_rng(seed)
    n = series.size
    at = rng.integers(0, n, draws)
    total = series[at].copy()
    for _ in range(n - 1):
        at = np.where(rng.random(draws) < 1 / block, rng.integers(0, n, draws), (at + 1) % n)
        total += series[at]
    return total / n


@pytest.mark.parametrize("block", [1.0, 5.0, 40.0])
def test_resampled_means_are_distributed_as_the_definition_says(block: float) -> None:
    series = ar1(250, 0.5, 3)
    ours = np.sort(resampled_means(series, 20_000, block, 7)[:, 0])
    slow = np.sort(slow_means(series, 20_000, block, 8))
    # two-sample Kolmogorov distance at a level of one in a thousand
    distance = np.abs(
        np.searchsorted(ours, slow, side="right") / ours.size - np.arange(1, slow.size + 1) / slow.size
    ).max()
    assert distance < 1.95 * np.sqrt(2 / 20_000)


def test_the_mean_of_the_resamples_is_the_mean_and_their_spread_grows_with_dependence() -> None:
    series = ar1(500, 0.7, 1)
    one, long = resampled_means(series, 5_000, 1.0, 2)[:, 0], resampled_means(series, 5_000, 16.0, 2)[:, 0]
    assert abs(one.mean() - series.mean()) < 4 * one.std() / np.sqrt(5_000)
    assert long.std() > 1.5 * one.std()


def test_blocks_longer_than_the_series_go_round_it() -> None:
    series = np.arange(10.0)
    assert np.allclose(resampled_means(series, 50, 1e9, 1), 4.5)


def test_paired_series_are_resampled_together() -> None:
    series = ar1(300, 0.3, 4)
    both = resampled_means(np.column_stack((series, 2 * series + 1)), 100, 5.0, 9)
    np.testing.assert_allclose(both[:, 1], 2 * both[:, 0] + 1)


def test_sharpes_are_those_of_the_resamples_and_a_seed_gives_the_same_draws() -> None:
    series = 0.05 + ar1(400, 0.0, 5)
    ratios = resampled_sharpes(series, 4_000, 5.0, 1)[:, 0]
    assert np.array_equal(ratios, resampled_sharpes(series, 4_000, 5.0, 1)[:, 0])
    assert not np.array_equal(ratios, resampled_sharpes(series, 4_000, 5.0, 2)[:, 0])
    low, high = interval(ratios)
    assert low < series.mean() / series.std() < high
    assert ratios.std() == pytest.approx(1 / np.sqrt(400), rel=0.1)
    assert resampled_sharpes(np.ones(50), 10, 5.0, 1).tolist() == [[0.0]] * 10


TRUE_BLOCKS = [
    (250, 0.1, 2.17),
    (250, 0.3, 4.77),
    (250, 0.5, 7.63),
    (250, 0.7, 12.35),
    (1000, 0.1, 3.44),
    (1000, 0.3, 7.58),
    (1000, 0.5, 12.11),
    (1000, 0.7, 19.61),
]


@pytest.mark.parametrize(("n", "rho", "truth"), TRUE_BLOCKS)
def test_block_lengths_lie_around_the_truth_of_an_autoregression(n: int, rho: float, truth: float) -> None:
    # (2 g^2 / D n)^(1/3) of an AR(1) in closed form
    assert (2 * rho / (1 - rho**2)) ** (2 / 3) * n ** (1 / 3) == pytest.approx(truth, abs=6e-3)
    lengths = [block_length(ar1(n, rho, 30 + k)) for k in range(40)]
    assert np.median(lengths) == pytest.approx(truth, rel=0.25)


def test_white_noise_has_blocks_of_about_one() -> None:
    assert np.median([block_length(ar1(400, 0.0, 10 + k)) for k in range(20)]) < 2.5


def test_a_block_length_equals_the_reference_implementation() -> None:
    """arch 8.0.0, optimal_block_length(sin(k²)/… )['stationary'] on a series without random numbers."""
    k = np.arange(1, 501, dtype=float)
    series = np.convolve(np.sin(k * k * 0.37), [1.0, 0.8, 0.6, 0.4, 0.2], mode="same")
    assert block_length(series) == pytest.approx(ARCH_STATIONARY, rel=1e-9)


def test_senseless_series_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 30 finite"):
        block_length(np.array([1.0] * 29))
    with pytest.raises(ValueError, match="all finite"):
        resampled_means(np.array([1.0, np.nan]), 5, 2.0, 1)
    with pytest.raises(ValueError, match="mean length of at least 1"):
        resampled_means(np.ones(5), 5, 0.5, 1)
    assert block_length(np.ones(40)) == 1.0


ARCH_STATIONARY = 10.164640718356624
