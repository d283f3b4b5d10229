"""What the kernel simulates: the market's arrays, the candidates, and the rules of sizing, cost and breakers.

The rules are those of `hydra.risk.sizing`, `hydra.risk.breakers` and `hydra.execution.slippage` in floating
point; tests hold both to the same random paths. An order decided at one close is filled on the next bar.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONTINUOUS_LOT = 2.0**-40


class Rules(NamedTuple):
    """One set of rules, in dollars and lots; infinity switches a cap off, minus infinity a loss breaker.

    `lot` is the smallest quantity (1, or `CONTINUOUS_LOT` for research in notional); `compounding` 1 sizes
    on current equity, 0 on the capital; `band` is the half-width of the no-trade band in forecast units,
    narrowed to 4 |forecast| of it near a forecast of zero. Losses and fractions are of equity. A breaker
    tripped at a close lets only reducing orders pass for its cooldown in sessions; the drawdown breaker is
    taken to be acknowledged by its end, and its peak starts anew. The trade-loss breaker, which matches
    fills first in first out within a session, has no counterpart on daily bars.
    """

    capital_usd: float
    usd_per_point: float
    vol_target_year: float = 0.10
    position_fraction: float = 0.15
    adv_fraction: float = 0.02
    commission_usd: float = 0.0
    impact_y: float = 0.1
    lot: float = 1.0
    band: float = 0.0
    compounding: float = 1.0
    daily_loss: float = -0.02
    drawdown: float = -0.05
    position: float = 0.60
    daily_loss_cooldown: float = 1.0
    drawdown_cooldown: float = 5.0
    position_cooldown: float = 1.0


def without_breakers(rules: Rules) -> Rules:
    """The same rules with every breaker switched off."""
    return rules._replace(daily_loss=-math.inf, drawdown=-math.inf, position=math.inf)


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument's bars, each array [T]: quoted points, lots, known at that bar's close.

    `fill_px` is where an order decided at the previous close is filled (the open, or a settlement);
    `sigma_px` the daily deviation of price changes; prices may be zero or negative. ValueError for arrays
    of different length, values that are not finite (volume may be infinite), or a negative deviation.
    """

    fill_px: Floats
    close_px: Floats
    sigma_px: Floats
    half_spread_px: Floats
    adv_lots: Floats

    def __post_init__(self) -> None:
        bars = self.close_px.shape
        for name in ("fill_px", "close_px", "sigma_px", "half_spread_px", "adv_lots"):
            values = getattr(self, name)
            if values.ndim != 1 or values.shape != bars:
                raise ValueError(f"{name} has shape {values.shape}, the closes have {bars}")
            bad = np.isnan(values) if name == "adv_lots" else ~np.isfinite(values)
            if bad.any():
                raise ValueError(f"{name} is not a number at bar {int(np.argmax(bad))}")
            if name.startswith(("sigma", "half", "adv")) and bool((values < 0).any()):
                raise ValueError(f"{name} is negative at bar {int(np.argmax(values < 0))}")


@dataclass(frozen=True, slots=True)
class Candidates:
    """K forecasts out of a table of signals [T, S]: clip(weight_1 s[first] + weight_2 s[second], ±2).

    A crossover is (1/c) fast − (1/c) slow, so that candidates share the averages; any other forecast is a
    column of its own with weight_2 = 0. ValueError for columns that do not exist or signals not finite.
    """

    signals: Floats
    first: Ints
    second: Ints
    weight_1: Floats
    weight_2: Floats

    def __post_init__(self) -> None:
        lengths = {one.shape for one in (self.first, self.second, self.weight_1, self.weight_2)}
        if self.signals.ndim != 2 or len(lengths) != 1 or len(self.first.shape) != 1:
            raise ValueError("signals are [bars, columns] and every candidate has four entries")
        if not np.isfinite(self.signals).all():
            bar, column = np.argwhere(~np.isfinite(self.signals))[0]
            raise ValueError(f"signal {column} is not a number at bar {bar}")
        for one in (self.first, self.second):
            if one.size and not (one.min() >= 0 and one.max() < self.signals.shape[1]):
                raise ValueError(f"there are {self.signals.shape[1]} signals, asked for {one.max()}")

    @property
    def count(self) -> int:
        """K."""
        return int(self.first.size)


def of_columns(signals: Floats) -> Candidates:
    """Every column of [T, K] as a candidate of its own."""
    columns = np.arange(signals.shape[1], dtype=np.int64)
    ones = np.ones(signals.shape[1])
    return Candidates(np.ascontiguousarray(signals, dtype=np.float64), columns, columns, ones, 0 * ones)


@dataclass(frozen=True, slots=True)
class Paths:
    """What K candidates did, each [T, K]: net dollars a day, cost in it, lots held at the close."""

    pnl_usd: Floats
    cost_usd: Floats
    lots: Floats
    trips: Ints
    """[K, 3]: how often daily loss, drawdown and position tripped."""
