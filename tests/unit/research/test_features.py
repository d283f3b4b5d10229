"""Features see the past only, agree with what trades live, and say which prices they refuse."""

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from hydra.domain.market import DailyBar
from hydra.research import features, filters
from hydra.research.strategy import forecast_ewma_trend

Feature = Callable[[np.ndarray], np.ndarray]


def walk(bars: int = 400, seed: int = 1, base: float = 300.0) -> np.ndarray:
    return base + np.cumsum(np.random.default_rng(seed).normal(0, 3, bars))


EVERY: dict[str, Feature] = {
    "normalised": features.normalised_price,
    "trend": lambda close: features.trend(features.normalised_price(close), 8, 32),
    "breakout": lambda close: features.breakout(features.normalised_price(close), 20),
    "reversion": lambda close: features.mean_reversion(features.normalised_price(close), 10),
    "carry": lambda close: features.carry(close, close - 2 + np.sin(np.arange(close.size)), 2.0),
    "pair": lambda close: features.pair_spread(features.normalised_price(close), np.cos(close), 20),
    "deviation": lambda close: filters.deviation_before(np.diff(close, prepend=close[0]), 36),
    "low": lambda close: filters.rolling_low(close, 15),
    "combined": lambda close: features.combined(
        np.stack([features.trend(features.normalised_price(close), a, 4 * a) for a in (4, 8)]), np.ones(2)
    ),
}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_shuffling_the_future_changes_no_past_value(name: str) -> None:
    close = walk()
    whole = EVERY[name](close)
    for cut in (50, 251, 300, 399):
        shuffled = close.copy()
        shuffled[cut:] = np.random.default_rng(cut).permutation(shuffled[cut:]) * 1.7
        assert np.array_equal(EVERY[name](shuffled)[:cut], whole[:cut])


@pytest.mark.parametrize("name", sorted(EVERY))
def test_negative_prices_constant_series_and_a_single_row_are_legal(name: str) -> None:
    for close in (walk(base=-5.0), np.full(300, 7.0), np.zeros(300), np.array([3.0]), np.array([3.0, 4.0])):
        assert np.isfinite(EVERY[name](close)).all()


def test_trend_is_what_the_live_strategy_forecasts() -> None:
    close = np.round(walk(120, seed=4), 2)
    bars = [
        DailyBar(date(2024, 1, 1) + timedelta(days=day), *(Decimal(str(px)),) * 4, volume=10)
        for day, px in enumerate(close)
    ]
    ours = features.trend(features.normalised_price(close), 8, 32)
    for last in (60, 90, 120):
        assert ours[last - 1] == pytest.approx(forecast_ewma_trend(bars[:last]), abs=1e-6)


def test_forecasts_of_white_noise_have_unit_size() -> None:
    price = np.cumsum(np.random.default_rng(2).normal(size=200_000))
    for forecast in (
        features.trend(price, 4, 16),
        features.mean_reversion(price, 20),
        features.trend(price, 32, 128),
    ):
        assert np.sqrt((forecast**2).mean()) == pytest.approx(0.98, abs=0.04)
        assert np.abs(forecast).max() == 2.0


def test_a_log_return_refuses_what_has_no_logarithm_and_says_where() -> None:
    with pytest.raises(ValueError, match="bar 2 has no logarithm: use price differences"):
        features.log_returns(np.array([3.0, 2.0, 0.0, 1.0]))
    np.testing.assert_allclose(features.log_returns(np.array([1.0, math.e])), [1.0])
    with pytest.raises(ValueError, match="close of bar 1 is not a number"):
        features.normalised_price(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match="later"):
        features.carry(walk(), walk(), 0.0)


def test_rolling_extremes_are_those_of_their_window() -> None:
    values = np.random.default_rng(3).normal(size=(2, 60))
    high = filters.rolling_high(values, 7)
    for t in range(60):
        assert np.array_equal(high[:, t], values[:, max(t - 6, 0) : t + 1].max(axis=1))


def test_combining_like_forecasts_changes_nothing_and_unlike_ones_regain_their_size() -> None:
    rng = np.random.default_rng(5)
    one, other = np.clip(rng.normal(size=(2, 4000)), -2, 2)
    np.testing.assert_allclose(features.combined(np.stack((one, one)), np.ones(2)), one, atol=1e-12)
    mixed = features.combined(np.stack((one, other)), np.array([1.0, 3.0]))
    assert np.sqrt((mixed[1000:] ** 2).mean()) == pytest.approx(np.sqrt((one**2).mean()), rel=0.1)
