"""Strategies by name: a forecast from daily bars, in units where 1 is the whole volatility target.

A strategy sees completed bars only; what it says at one close is traded in the next session.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hydra.domain.champion import SEED_CHAMPION
from hydra.domain.market import DailyBar

FORECAST_MAX = 2.0
VOLATILITY_SPAN = 36
ADV_DAYS = 20


@dataclass(frozen=True, slots=True)
class Strategy:
    """A registered rule; `champion_id` stands in every order it causes."""

    name: str
    champion_id: str
    bars_needed: int
    forecast: Callable[[Sequence[DailyBar]], float]


def forecast_ewma_trend(bars: Sequence[DailyBar], fast: int = 8, slow: int = 32) -> float:
    """Trend as the gap of two exponential averages of volatility-normalised price, within ±2.

    The normaliser is the gap's standard deviation under white noise (healing facts 3), so that a market
    without trend gives forecasts of unit variance. Works on price differences: negative prices are legal.
    """
    alpha_fast, alpha_slow = 2 / (fast + 1), 2 / (slow + 1)
    gap_fast = gap_slow = level = 0.0
    for change, sigma in _normalised(bars):
        level += change / sigma if sigma > 0 else 0.0
        gap_fast += alpha_fast * (level - gap_fast)
        gap_slow += alpha_slow * (level - gap_slow)
    scale = math.sqrt(sum(((1 - alpha_slow) ** j - (1 - alpha_fast) ** j) ** 2 for j in range(10 * slow)))
    return max(-FORECAST_MAX, min(FORECAST_MAX, (gap_fast - gap_slow) / scale))


def sigma_day(bars: Sequence[DailyBar]) -> float:
    """Daily volatility of returns as an exponential average of squared price changes over |last price|."""
    sigmas = [sigma for _, sigma in _normalised(bars)]
    last = abs(float(bars[-1].close_px)) if bars else 0.0
    return sigmas[-1] / last if sigmas and last > 0 else 0.0


def adv_lots(bars: Sequence[DailyBar]) -> int:
    """Average daily volume of the last 20 completed days, in whole lots."""
    recent = bars[-ADV_DAYS:]
    return sum(bar.volume for bar in recent) // len(recent) if recent else 0


def bars_hash(bars: Sequence[DailyBar]) -> str:
    """The identity of the data a size was decided on."""
    text = "\n".join(
        f"{bar.on},{bar.open_px},{bar.high_px},{bar.low_px},{bar.close_px},{bar.volume}" for bar in bars
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _normalised(bars: Sequence[DailyBar]) -> list[tuple[float, float]]:
    """(price change, volatility known the day before) per day; the first change only seeds the average."""
    alpha = 2 / (VOLATILITY_SPAN + 1)
    variance: float | None = None
    pairs: list[tuple[float, float]] = []
    for earlier, later in itertools.pairwise(bars):
        change = float(later.close_px - earlier.close_px)
        if variance is None:
            variance = change * change
        else:
            pairs.append((change, math.sqrt(variance)))
            variance += alpha * (change * change - variance)
    return pairs


BARS_NEEDED = 64
"""What volatility, volume and the shortest strategy need."""

REGISTRY: dict[str, Strategy] = {
    "ewma-trend": Strategy("ewma-trend", SEED_CHAMPION, BARS_NEEDED, forecast_ewma_trend),
}
