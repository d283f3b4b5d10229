"""Historical bars, from the same price path the live market follows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp, sqrt
from random import Random
from typing import Final

from hydra.simgateway.calendar import previous_trade_date, segments, trade_date
from hydra.simgateway.dayprice import DayPrice, to_datetime, to_us
from hydra.simgateway.path import PricePath, Settled
from hydra.simgateway.replay import DailyBar, parse_bars
from hydra.simgateway.streams import stream

__all__ = ["Bar", "DailyBar", "daily_bars", "intraday_bars", "parse_bars"]

LISTED_FOR_DAYS: Final = 5 * 366
_LOTS_PER_PRINT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `start` a trade date (daily) or a UTC instant; prices as quoted, volume in lots."""

    start: date | datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def daily_bars(path: PricePath, end: datetime, n: int) -> list[Bar]:
    """The last n trade dates begun by `end`, oldest first; the one under way shows its hours so far."""
    contract = path.contract
    on = trade_date(contract, end)
    bars: list[Bar] = []
    if on <= contract.last_trade_on and len(bars) < n:
        bars.extend(_so_far(path, on, end))
    on = min(previous_trade_date(on), contract.last_trade_on)
    first = contract.last_trade_on - timedelta(days=LISTED_FOR_DAYS)
    while len(bars) < n and on >= first:
        bars.append(_whole_day(path, on))
        on = previous_trade_date(on)
    return bars[::-1]


def intraday_bars(
    path: PricePath, end: datetime, seconds: int, n: int, since: datetime | None = None
) -> list[Bar]:
    """The last n bars of `seconds` up to `end` that saw a trade, oldest first, aligned to each opening.

    Trade dates that were over before `since` are not looked at: where few minutes see a trade, n bars may
    reach back for years.
    """
    contract = path.contract
    on = min(trade_date(contract, end), contract.last_trade_on)
    first = contract.last_trade_on - timedelta(days=LISTED_FOR_DAYS)
    if since is not None:
        first = max(first, trade_date(contract, since))
    bars: list[Bar] = []
    while len(bars) < n and on >= first:
        bars = _bars_within(path, on, to_us(end), seconds) + bars
        on = previous_trade_date(on)
    return bars[-n:] if n > 0 else []


def _whole_day(path: PricePath, on: date) -> Bar:
    fair, settled = path.fair_day(on), path.settled(on)
    row = path.row(on)
    skipped = fair.observed and row is None  # a trade date the file has no line for
    volume = row.volume if row else 0 if skipped else int(fair.volume)
    if volume == 0 and row is None:
        return _bar(path, on, [float(settled.previous), float(settled.settle)], settled, 0)
    return _bar(path, on, [fair.open, fair.high, fair.low, fair.close], settled, volume)


def _so_far(path: PricePath, on: date, end: datetime) -> list[Bar]:
    day = DayPrice(path, on)
    seen = day.seen_by(0, to_us(end))
    return [_bar(path, on, seen, day.settled, int(day.volume_by(to_us(end))))] if seen else []


def _bars_within(path: PricePath, on: date, end: int, seconds: int) -> list[Bar]:
    day = DayPrice(path, on)
    luck = stream(path.seed, path.contract.con_id, "bars", on.isoformat(), seconds)
    bars: list[Bar] = []
    for opens, closes in segments(path.contract, on):
        start = to_us(opens)
        while start < min(end, to_us(closes)):
            stop = min(end, to_us(closes), start + seconds * 1_000_000)
            expected = (day.volume_by(stop) - day.volume_by(start)) / _LOTS_PER_PRINT
            prints = _poisson(luck, expected)
            if prints:
                lots = max(1, round(prints * _LOTS_PER_PRINT))
                bars.append(_bar(path, to_datetime(start), day.seen_by(start, stop), day.settled, lots))
            start += seconds * 1_000_000
    return bars


def _poisson(luck: Random, mean: float) -> int:
    """A Poisson draw: by inversion for few, by its normal neighbour for many."""
    if mean > 10:
        return max(0, round(luck.gauss(mean, sqrt(mean))))
    left, chance, count = luck.random(), exp(-mean), 0
    while left > chance and count < 50:
        left -= chance
        count += 1
        chance *= mean / count
    return count


def _bar(path: PricePath, start: date | datetime, seen: list[float], settled: Settled, lots: int) -> Bar:
    ticks = [min(settled.limit_up, max(settled.limit_down, round(value))) for value in seen]
    tick = path.contract.tick
    return Bar(start, tick * ticks[0], tick * max(ticks), tick * min(ticks), tick * ticks[-1], lots)
