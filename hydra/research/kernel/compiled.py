"""The compiled rule: one bar of one candidate without a branch, and the sweeps that run lanes of it as SIMD.

Everything compiled stands in this one file, because Numba's cache notices only changes of the file that the
cached function is written in: a rule imported from elsewhere would go on running as it was.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from hydra.research.kernel.rules import Floats, Ints, Rules

FORECAST_MAX = 2.0
LANES = 32
FORECAST, NET, COST = 7 * LANES, 8 * LANES, 9 * LANES
COOLDOWNS, WAS, TRIPS = 4 * LANES, 10 * LANES, 13 * LANES
FIELDS = 16


class BarOfMarket(NamedTuple):
    """One bar as all its candidates see it, derived from the market once per bar."""

    gap_usd: float
    """Previous close to this bar's fill, for one lot."""
    move_usd: float
    """Fill to this bar's close, for one lot."""
    cost_lot_usd: float
    """Half the spread and the commission, for one lot."""
    impact_usd: float
    """Times |lots|^1.5: the square-root law."""
    notional_usd: float
    """|close| of one lot."""
    lots_per_usd: float
    """Of the volatility target at forecast 1, per dollar of equity; 0 where nothing may be held."""
    cap_per_usd: float
    """Most lots per dollar of equity."""
    volume_lots: float
    """Most lots to trade in one session."""


class Lane(NamedTuple):
    """A candidate between two bars: `target` is filled on the next; cooldowns in sessions left."""

    lots: float
    target: float
    equity: float
    peak: float
    daily: float
    drawdown: float
    position: float


@numba.njit(inline="always")
def whole(lots: float, lot: float) -> float:
    """Toward zero to whole multiples of `lot`, a power of two."""
    return math.trunc(lots * (1.0 / lot)) * lot


@numba.njit(inline="always")
def target_of(forecast: float, lots: float, equity: float, bar: BarOfMarket, rules: Rules) -> float:
    """The lots wished at this close: volatility target, band, caps, and what one session may trade."""
    strength = min(max(forecast, -FORECAST_MAX), FORECAST_MAX)
    base = max(rules.capital_usd * (1.0 - rules.compounding) + rules.compounding * equity, 0.0)
    unit = base * bar.lots_per_usd
    half = rules.band * min(1.0, 4.0 * abs(strength)) * unit
    cap = min(base * bar.cap_per_usd, bar.volume_lots)
    wish = min(max(lots, strength * unit - half), strength * unit + half)
    wish = whole(min(max(wish, -cap), cap), rules.lot)
    # zero is always within reach: an exit is never cut short by volume, only what lies beyond it
    return min(max(wish, min(lots - bar.volume_lots, 0.0)), max(lots + bar.volume_lots, 0.0))


@numba.njit(inline="always")
def marked(lane: Lane, bar: BarOfMarket, rules: Rules) -> tuple[Lane, float, float]:
    """Fill what was decided, mark it, let the breakers speak: (the lane, net dollars, the cost in them)."""
    traded = abs(lane.target - lane.lots)
    cost = traded * bar.cost_lot_usd + traded * math.sqrt(traded) * bar.impact_usd
    net = lane.lots * bar.gap_usd + lane.target * bar.move_usd - cost
    equity = lane.equity + net
    peak = max(lane.peak, equity)
    daily = _cooldown(lane.daily, net < rules.daily_loss * max(lane.equity, 0.0), rules.daily_loss_cooldown)
    drawdown = _cooldown(lane.drawdown, equity - peak < rules.drawdown * peak, rules.drawdown_cooldown)
    too_large = _is_too_large(lane.target, equity, bar, rules)
    position = _cooldown(lane.position, too_large, rules.position_cooldown)
    released = (lane.drawdown > 0.0) & (drawdown == 0.0)
    peak = equity if released else peak
    return Lane(lane.target, lane.target, equity, peak, daily, drawdown, position), net, cost


@numba.njit(inline="always")
def decided(lane: Lane, forecast: float, bar: BarOfMarket, rules: Rules) -> float:
    """The target for the next bar; while a breaker is open only what reduces the position."""
    target = target_of(forecast, lane.lots, lane.equity, bar, rules)
    halted = lane.daily + lane.drawdown + lane.position > 0.0
    halted = halted | _is_too_large(lane.lots, lane.equity, bar, rules)
    reduces = (target >= min(lane.lots, 0.0)) & (target <= max(lane.lots, 0.0))
    return lane.lots if halted & (not reduces) else target


@numba.njit(inline="always")
def _is_too_large(lots: float, equity: float, bar: BarOfMarket, rules: Rules) -> bool:
    return abs(lots) * bar.notional_usd > rules.position * max(equity, 0.0)


@numba.njit(inline="always")
def _cooldown(left: float, breached: bool, sessions: float) -> float:
    """Counts a running cooldown down; a breach while none runs starts it."""
    started = sessions if breached else 0.0
    return left - 1.0 if left > 0.0 else started


@numba.njit(inline="always")
def bar_of(
    previous: tuple[float, float, float],
    fill_px: float,
    half_spread_px: float,
    now: tuple[float, float, float],
    rules: Rules,
) -> BarOfMarket:
    """The market's part of one bar, in dollars; `previous` and `now` are (close, sigma, ADV).

    The impact of a fill is what was predictable when it was decided: the previous bar's sigma and volume.
    """
    previous_px, previous_sigma, previous_adv = previous
    close_px, sigma_px, adv_lots = now
    point = rules.usd_per_point
    notional = abs(close_px) * point
    holds = (sigma_px > 0.0) & (notional > 0.0)
    volume = whole(rules.adv_fraction * adv_lots, 1.0) if rules.adv_fraction < math.inf else math.inf
    return BarOfMarket(
        (fill_px - previous_px) * point,
        (close_px - fill_px) * point,
        half_spread_px * point + rules.commission_usd,
        rules.impact_y * previous_sigma * point / math.sqrt(max(previous_adv, 1.0)),
        notional,
        rules.vol_target_year / (sigma_px * point * 16.0) if holds else 0.0,
        # finite, for a cap switched off must still be nothing where there is no equity
        min(rules.position_fraction / notional, 1e300) if holds else 0.0,
        volume,
    )


def fresh(blocks: int, capital_usd: float) -> Floats:
    """The state before the first bar: [blocks, 16 x 32], with the capital as equity and as its peak."""
    state = np.zeros((blocks, FIELDS * LANES))
    state[:, 2 * LANES : 4 * LANES] = capital_usd
    return state


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    first: int,
    end: int,
    state: Floats,
    market: Floats,
    signals: Floats,
    columns: Ints,
    weights: Floats,
    rules: Rules,
    pnl: Floats,
    kept_cost: Floats,
    kept_lots: Floats,
    trips: Ints,
) -> None:
    """The blocks [first, end) of 32 candidates each, through all bars of one market.

    One call for many: each call unpacks its arguments under Python's lock, which threads share.
    `market` is [T, 5] (fill, close, sigma, half spread, ADV), `columns` and `weights` [blocks, 2, 32].
    Writes their columns of `pnl` [T, 32 x blocks] and, unless they are empty, of `kept_cost`, `kept_lots`
    and `trips` [3, 32 x blocks]. The state of a block is one flat array, for the compiler cannot prove that
    several do not overlap, and would give up SIMD.
    """
    for block in range(first, end):
        _sweep_one(block, state, market, signals, columns, weights, rules, pnl, kept_cost, kept_lots, trips)


@numba.njit(error_model="numpy")
def _sweep_one(
    block: int,
    state: Floats,
    market: Floats,
    signals: Floats,
    columns: Ints,
    weights: Floats,
    rules: Rules,
    pnl: Floats,
    kept_cost: Floats,
    kept_lots: Floats,
    trips: Ints,
) -> None:
    lane = state[block]
    keeps = trips.shape[0] > 0
    at = block * LANES
    for t in range(market.shape[0]):
        p = max(t - 1, 0)
        bar = bar_of(
            (market[p, 1], market[p, 2], market[p, 4]),
            market[t, 0],
            market[t, 3],
            (market[t, 1], market[t, 2], market[t, 4]),
            rules,
        )
        for i in range(LANES):
            lane[FORECAST + i] = (
                weights[block, 0, i] * signals[t, columns[block, 0, i]]
                + weights[block, 1, i] * signals[t, columns[block, 1, i]]
            )
        if keeps:
            for i in range(3 * LANES):
                lane[WAS + i] = lane[COOLDOWNS + i]
        _step(lane, bar, rules)
        for i in range(LANES):
            pnl[t, at + i] = lane[NET + i]
        if keeps:
            for i in range(LANES):
                kept_cost[t, at + i] = lane[COST + i]
                kept_lots[t, at + i] = lane[i]
            for i in range(3 * LANES):
                tripped = (lane[WAS + i] == 0.0) & (lane[COOLDOWNS + i] > 0.0)
                lane[TRIPS + i] += 1.0 if tripped else 0.0
    if keeps:
        for i in range(3 * LANES):
            trips[i // LANES, at + i % LANES] = lane[TRIPS + i]


@numba.njit(inline="always")
def _step(lane: Floats, bar: BarOfMarket, rules: Rules) -> None:
    for i in range(LANES):
        before = Lane(
            lane[i],
            lane[LANES + i],
            lane[2 * LANES + i],
            lane[3 * LANES + i],
            lane[4 * LANES + i],
            lane[5 * LANES + i],
            lane[6 * LANES + i],
        )
        after, net, cost = marked(before, bar, rules)
        lane[i] = after.lots
        lane[LANES + i] = decided(after, lane[FORECAST + i], bar, rules)
        lane[2 * LANES + i] = after.equity
        lane[3 * LANES + i] = after.peak
        lane[4 * LANES + i] = after.daily
        lane[5 * LANES + i] = after.drawdown
        lane[6 * LANES + i] = after.position
        lane[NET + i] = net
        lane[COST + i] = cost


@numba.njit(cache=True, nogil=True, error_model="numpy")
def mark_each(state: Floats, bars: Floats, rules: Rules, net: Floats, cost: Floats) -> None:
    """The first half of a bar for n lanes with markets of their own: `state` [n, 7], `bars` [n, 2, 5].

    `bars` holds the previous row of each market and this one. For books whose forecast depends on what they
    have just earned: the same rule as `sweep`, a day at a time. `decide_each` is the other half.
    """
    for i in range(state.shape[0]):
        s = state[i]
        before = Lane(s[0], s[1], s[2], s[3], s[4], s[5], s[6])
        after, net[i], cost[i] = marked(before, _bar_at(bars[i], rules), rules)
        s[0], s[1], s[2], s[3] = after.lots, after.target, after.equity, after.peak
        s[4], s[5], s[6] = after.daily, after.drawdown, after.position


@numba.njit(cache=True, nogil=True, error_model="numpy")
def decide_each(state: Floats, bars: Floats, rules: Rules, forecasts: Floats) -> None:
    """The second half: the next bar's targets from the forecasts [n] at this close."""
    for i in range(state.shape[0]):
        s = state[i]
        lane = Lane(s[0], s[1], s[2], s[3], s[4], s[5], s[6])
        s[1] = decided(lane, forecasts[i], _bar_at(bars[i], rules), rules)


@numba.njit(inline="always")
def _bar_at(rows: Floats, rules: Rules) -> BarOfMarket:
    before, now = rows[0], rows[1]
    return bar_of((before[1], before[2], before[4]), now[0], now[3], (now[1], now[2], now[4]), rules)
