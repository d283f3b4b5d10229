"""Daily series: per contract and back-adjusted over rolls, the checks they must pass, and what to compute on.

Nothing here looks ahead: which contract is held on a day follows from earlier days alone, so price changes
never depend on what comes later. Back-adjusted *levels* do (every roll shifts the past): compute features on
changes. Zero and negative prices are legal everywhere but in log returns.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hydra.domain.errors import UserError
from hydra.domain.market import DailyBar

ROWS_MIN: Final = 2
DAYS_A_MONTH: Final = 365.25 / 12


@dataclass(frozen=True, slots=True)
class ContractSeries:
    """One expiry's daily bars, oldest first."""

    contract: str
    last_trade_on: date
    bars: tuple[DailyBar, ...]


@dataclass(frozen=True, slots=True)
class RollRule:
    """When the next expiry takes over; decided at a close on what was known then, held from the next day.

    At the latest `days_before_last_trade` calendar days before the last trade day; earlier once the next
    expiry's volume was above the held one's on each of the last `volume_days` days both traded (0 = never).
    """

    days_before_last_trade: int = 15
    volume_days: int = 0


@dataclass(frozen=True, slots=True)
class ContinuousDay:
    """One day of the continuous series; `change` is the P&L of one unit held since the day before it."""

    on: date
    contract: str
    bar: DailyBar
    change: Decimal
    adjusted_close: Decimal


@dataclass(frozen=True, slots=True)
class Roll:
    """At the close of `on` the position moved between expiries, whose closes differed by `gap`."""

    on: date
    sold: str
    bought: str
    gap: Decimal


@dataclass(frozen=True, slots=True)
class Continuous:
    """A back-adjusted series: the last day's adjusted close is its raw close."""

    days: tuple[ContinuousDay, ...]
    rolls: tuple[Roll, ...]

    @property
    def changes(self) -> NDArray[np.float64]:
        return np.array([float(day.change) for day in self.days[1:]])


def continuous(contracts: Sequence[ContractSeries], rule: RollRule, where: str) -> Continuous:
    """What a trader following the rule would have held; HY-852 where two expiries share no day to roll on."""
    ordered = sorted(contracts, key=lambda one: one.last_trade_on)
    if not ordered or not ordered[0].bars:
        raise UserError("HY-852", where=where, problem="there are no contracts to join")
    by_day = {one.contract: {bar.on: bar for bar in one.bars} for one in ordered}
    held, held_days, rolls = 0, [ordered[0].bars[0]], []
    names = [ordered[0].contract]
    changes = [Decimal(0)]
    for on in sorted({bar.on for one in ordered for bar in one.bars}):
        before = held_days[-1]
        if on <= before.on:
            continue
        to = _next_held(ordered, by_day, held, before.on, rule)
        if to != held:
            rolls.append(_roll(ordered, by_day, held, to, before.on))
            held = to
        bar = by_day[ordered[held].contract].get(on)
        if bar is None:
            _refuse_dead_end(ordered, held, on, where)
            continue
        changes.append(bar.close_px - by_day[ordered[held].contract][before.on].close_px)
        held_days.append(bar)
        names.append(ordered[held].contract)
    return Continuous(_adjusted(held_days, names, changes), tuple(rolls))


def rolled_down(days: Sequence[ContinuousDay], contracts: Sequence[ContractSeries]) -> dict[date, float]:
    """By day, points a month that the held expiry gains if prices stay: over the next one, per month between.

    Positive in backwardation. Only days on which both closed; nothing of it looks ahead.
    """
    ordered = sorted(contracts, key=lambda one: one.last_trade_on)
    following = dict(itertools.pairwise(one.contract for one in ordered))
    ends = {one.contract: one.last_trade_on for one in ordered}
    closes = {one.contract: {bar.on: bar.close_px for bar in one.bars} for one in ordered}
    found = {}
    for day in days:
        after = following.get(day.contract)
        if after is not None and day.on in closes[after]:
            months = (ends[after] - ends[day.contract]).days / DAYS_A_MONTH
            found[day.on] = float(day.bar.close_px - closes[after][day.on]) / months
    return found


def _next_held(
    ordered: Sequence[ContractSeries],
    by_day: dict[str, dict[date, DailyBar]],
    held: int,
    on: date,
    rule: RollRule,
) -> int:
    """The expiry to hold after the close of `on`: the first later one that is due and closed that day too."""
    to = held
    while to + 1 < len(ordered) and _is_due(ordered, by_day, to, on, rule):
        to += 1
    while to > held and on not in by_day[ordered[to].contract]:
        to -= 1
    return to


def _is_due(
    ordered: Sequence[ContractSeries],
    by_day: dict[str, dict[date, DailyBar]],
    held: int,
    on: date,
    rule: RollRule,
) -> bool:
    now, following = ordered[held], ordered[held + 1]
    if on >= now.last_trade_on - timedelta(days=rule.days_before_last_trade):
        return True
    if rule.volume_days == 0:
        return False
    here, there = by_day[now.contract], by_day[following.contract]
    both = [bar.on for bar in now.bars if bar.on <= on and bar.on in there][-rule.volume_days :]
    return len(both) == rule.volume_days and all(there[day].volume > here[day].volume for day in both)


def _roll(
    ordered: Sequence[ContractSeries],
    by_day: dict[str, dict[date, DailyBar]],
    held: int,
    to: int,
    on: date,
) -> Roll:
    sold, bought = ordered[held].contract, ordered[to].contract
    return Roll(on, sold, bought, by_day[bought][on].close_px - by_day[sold][on].close_px)


def _refuse_dead_end(ordered: Sequence[ContractSeries], held: int, on: date, where: str) -> None:
    if on > ordered[held].bars[-1].on:
        problem = (
            f"{ordered[held].contract} ends on {ordered[held].bars[-1].on} and no later expiry closed then"
        )
        raise UserError("HY-852", where=where, problem=f"{problem}: there is no day to roll on")


def _adjusted(
    bars: Sequence[DailyBar], names: Sequence[str], changes: Sequence[Decimal]
) -> tuple[ContinuousDay, ...]:
    level = bars[-1].close_px
    levels = [level]
    for change in reversed(changes[1:]):
        level -= change
        levels.append(level)
    return tuple(
        ContinuousDay(bar.on, name, bar, change, level)
        for bar, name, change, level in zip(bars, names, changes, reversed(levels), strict=True)
    )


# --- what to compute on ---------------------------------------------------------------------------------


def price_changes(bars: Sequence[DailyBar], where: str) -> NDArray[np.float64]:
    """Close to close in quoted points, legal at any price; HY-852 for fewer than two rows."""
    _enough(bars, where)
    return np.diff([float(bar.close_px) for bar in bars])


def log_returns(bars: Sequence[DailyBar], where: str) -> NDArray[np.float64]:
    """ln(close / close before); HY-851 names the first day whose price is not above zero."""
    _enough(bars, where)
    for bar in bars:
        if bar.close_px <= 0:
            raise UserError("HY-851", where=where, px=bar.close_px, on=bar.on)
    return np.diff([math.log(bar.close_px) for bar in bars])


def require_moving(bars: Sequence[DailyBar], where: str) -> None:
    """HY-852 for a series nothing can be learned from: too short, or constant."""
    _enough(bars, where)
    if len({bar.close_px for bar in bars}) == 1:
        problem = f"the close is {bars[0].close_px} on all {len(bars)} days"
        raise UserError("HY-852", where=where, problem=f"{problem}: a constant series has no volatility")


def require_ordered(days: Sequence[date], where: str, first_line: int = 1) -> None:
    """HY-850 names the first line whose date repeats or precedes the one before."""
    for line, (earlier, later) in enumerate(itertools.pairwise(days), start=first_line + 1):
        if later <= earlier:
            problem = f"{later} comes twice" if later == earlier else f"{later} comes after {earlier}"
            raise UserError("HY-850", where=where, line=line, problem=f"{problem}, dates must rise")


def _enough(bars: Sequence[DailyBar], where: str) -> None:
    if len(bars) < ROWS_MIN:
        rows = {0: "no row", 1: "one row"}[len(bars)]
        raise UserError("HY-852", where=where, problem=f"{rows} is no series, at least {ROWS_MIN} are needed")
