"""Features of daily bars, point in time: shuffling the future changes no past value; a test holds each to it.

All work on price differences scaled by the deviation known the day before, so zero and negative prices are
legal; `log_returns` alone refuses them. Arrays have time as the last axis; a forecast of ±1 is an ordinary
conviction, ±2 the most.
"""

import math

import numpy as np

from hydra.research.filters import Floats, deviation_before, ewma, rolling_high, rolling_low

FORECAST_MAX = 2.0
VOLATILITY_SPAN = 36


def clipped(forecast: Floats) -> Floats:
    """Within ±2."""
    return np.clip(forecast, -FORECAST_MAX, FORECAST_MAX)


def standardised(changes: Floats, span: float = VOLATILITY_SPAN) -> Floats:
    """Changes in units of the deviation known the day before; 0 where none is known or nothing moves."""
    deviation = deviation_before(changes, span)
    return np.divide(changes, deviation, out=np.zeros_like(deviation), where=deviation > 0)


def normalised_price(close: Floats, span: float = VOLATILITY_SPAN) -> Floats:
    """The sum of standardised changes: a price whose daily steps have unit deviation.

    ValueError for closes that are not all numbers.
    """
    if not np.isfinite(close).all():
        bad = np.argwhere(~np.isfinite(np.atleast_2d(close)))[0]
        raise ValueError(f"the close of bar {int(bad[-1])} is not a number")
    changes = np.diff(close, axis=-1, prepend=close[..., :1])
    # the first real change only seeds the deviation
    return np.concatenate(
        (np.zeros_like(changes[..., :1]), np.cumsum(standardised(changes[..., 1:], span), axis=-1)), axis=-1
    )


def log_returns(close: Floats) -> Floats:
    """ln of each close over the one before; ValueError where a price is zero or negative."""
    if not (close > 0).all():
        bad = np.argwhere(~(np.atleast_2d(close) > 0))[0]
        raise ValueError(f"the close of bar {int(bad[-1])} has no logarithm: use price differences")
    return np.diff(np.log(close), axis=-1)


def trend_scale(fast: float, slow: float) -> float:
    """The deviation of the gap of two averages of a random walk with unit steps."""
    a, b = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    lags = np.arange(math.ceil(20 * slow))
    return math.sqrt(float((((1 - b) ** lags - (1 - a) ** lags) ** 2).sum()))


def trend(price: Floats, fast: float, slow: float) -> Floats:
    """EWMA crossover of a normalised price, unit deviation under white noise, within ±2."""
    return clipped((ewma(price, fast) - ewma(price, slow)) / trend_scale(fast, slow))


def breakout(price: Floats, bars: int) -> Floats:
    """Where the price stands in its range of the last bars, smoothed over a quarter of them, within ±2."""
    high, low = rolling_high(price, bars), rolling_low(price, bars)
    spread = high - low
    place = np.divide(price - (high + low) / 2, spread, out=np.zeros_like(spread), where=spread > 0)
    return clipped(ewma(3.2 * place, bars / 4))


def carry(close: Floats, further: Floats, months_apart: float, span: float = VOLATILITY_SPAN) -> Floats:
    """The yearly roll-down from a further contract in units of yearly volatility, smoothed, within ±2.

    Positive (long) in backwardation; `further` is the next contract's close, `months_apart` > 0 later.
    """
    if not months_apart > 0:
        raise ValueError(f"the further contract must be later, not {months_apart} months away")
    changes = np.diff(close, axis=-1, prepend=close[..., :1])
    sigma_year = ewma(deviation_before(changes, span), 5) * 16.0
    roll = (close - further) * (12.0 / months_apart)
    raw = np.divide(roll, sigma_year, out=np.zeros_like(roll), where=sigma_year > 0)
    return clipped(ewma(2.0 * raw, 20))


def mean_reversion(price: Floats, span: float) -> Floats:
    """Against the distance of a normalised price from its own average, within ±2."""
    a = 2.0 / (span + 1.0)
    deviation = (1 - a) / math.sqrt(a * (2 - a))
    return clipped(-(price - ewma(price, span)) / deviation)


def pair_spread(price: Floats, other: Floats, span: float) -> Floats:
    """Against the distance of the gap between two normalised prices from its average, within ±2.

    Given in units of the first price; trade the other leg with the opposite sign.
    """
    return mean_reversion((price - other) / math.sqrt(2.0), span)


def positioning(net_share: Floats, span: float) -> Floats:
    """How unusual the speculators' net share of open interest is: over its own average, in deviations, ±2.

    Both are of the past alone; 0 as long as the share has never moved.
    """
    gap = net_share - ewma(net_share, span)
    deviation = np.sqrt(ewma(gap**2, span))
    return clipped(np.divide(gap, deviation, out=np.zeros_like(gap), where=deviation > 1e-12))


def combined(forecasts: Floats, weights: Floats, multiplier_max: float = 2.5) -> Floats:
    """K forecasts [K, T] as one: weighted, and scaled back to unit size for what diversification takes away.

    The multiplier is 1 over the deviation of the weighted sum, from the correlations seen up to each bar
    (expanding, at least a year), at most `multiplier_max`; 1 before.
    """
    shares = np.asarray(weights, dtype=np.float64) / float(np.sum(weights))
    mixed = shares @ forecasts
    squares = np.cumsum(mixed**2) / np.arange(1, mixed.size + 1)
    own = shares @ (np.cumsum(forecasts**2, axis=1) / np.arange(1, mixed.size + 1))
    ratio = np.divide(np.sqrt(own), np.sqrt(squares), out=np.ones_like(own), where=squares > 0)
    multiplier = np.where(np.arange(mixed.size) < 252, 1.0, np.clip(ratio, 1.0, multiplier_max))
    return clipped(mixed * multiplier)
