"""The fair price of a contract, a pure function of (seed, contract, date): the daily half of it.

Every day has one fair bar, drawn (or read from a file) before anything else; the price within the
day is a bridge through that bar. So history, today and a restarted gateway tell the same story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import exp, log
from typing import Final, NamedTuple

from hydra.simgateway.calendar import is_trade_date, next_trade_date, previous_trade_date
from hydra.simgateway.calibration import Calibration, calibration
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.liquidity import volume_share
from hydra.simgateway.replay import DailyBar
from hydra.simgateway.streams import stream

_DAYS_PER_YEAR: Final = 252
_VOL_OF_VOL: Final = 0.35
_VOL_MEMORY: Final = 0.93
_VOLUME_SD: Final = 0.45
_VOLUME_MEMORY: Final = 0.7
_RANGE: Final = 0.35
_GAP_SHARE: Final = 0.25
_GAP_NOISE: Final = 0.2
_SAMUELSON: Final = 0.5  # per year: vol of live cattle falls from 0.94 to 0.61 % over five nearbys
_SAMUELSON_AT: Final = 1 / 6
_MATURITY_MAX: Final = 1.2
_CURVE_SD: Final = 0.015
_LIMIT_EXPANSION: Final = 1.5
# A file may say 0 lots on a day that was quoted all the same: the crowd keeps this share of normal.
_REPLAY_ACTIVITY_MIN: Final = 0.4


@dataclass(frozen=True, slots=True)
class FairDay:
    """One day's fair prices in ticks (not rounded), and the lots that trade in it."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    observed: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A day's settlement and the price limits that held on it, in ticks."""

    settle: int
    limit_down: int
    limit_up: int
    previous: int


class _Shape(NamedTuple):
    """One day of the symbol's log path, common to all its expiries."""

    open: float
    high: float
    low: float
    close: float
    activity: float


class PricePath:
    """All fair prices of one contract."""

    def __init__(self, contract: SimContract, seed: int, bars: Sequence[DailyBar] = ()) -> None:
        self.contract = contract
        self.cal = calibration(contract.symbol)
        self.seed = seed
        self._shapes = _Shapes(seed, self.cal)
        self._tick = float(contract.tick)
        month = int(contract.contract_month[4:])
        offset = stream(seed, contract.symbol, "curve", month).gauss(0.0, _CURVE_SD)
        self._log_base = log(float(self.cal.base_price)) + offset
        self._days: dict[date, FairDay] = {}
        self._months: dict[tuple[int, int], dict[date, Settled]] = {}
        self._rows: Mapping[date, DailyBar] = {bar.on: bar for bar in bars}
        self._first = bars[0].on if bars else None
        self._last = bars[-1].on if bars else None

    def fair_day(self, on: date) -> FairDay:
        """The fair bar of a trade date."""
        found = self._days.get(on)
        if found is None:
            found = self._days[on] = self._replayed(on) if self._last else self._drawn(on)
        return found

    def row(self, on: date) -> DailyBar | None:
        """The file's bar of that date, where there is one."""
        return self._rows.get(on)

    def settled(self, on: date) -> Settled:
        """Settlement and limits of a trade date, after the limits of the days before it."""
        month = (on.year, on.month)
        if month not in self._months:
            self._months[month] = self._settle_month(*month)
        return self._months[month][on]

    def _drawn(self, on: date) -> FairDay:
        shape = self._shapes.day(on)
        years = (self.contract.last_trade_on - on).days / 365.25
        beta = exp(-_SAMUELSON * (min(_MATURITY_MAX, max(0.0, years)) - _SAMUELSON_AT))
        volume = self.cal.adv * volume_share(self.contract, on) * shape.activity
        return FairDay(
            open=exp(self._log_base + beta * shape.open) / self._tick,
            high=exp(self._log_base + beta * shape.high) / self._tick,
            low=exp(self._log_base + beta * shape.low) / self._tick,
            close=exp(self._log_base + beta * shape.close) / self._tick,
            volume=volume,
            observed=False,
        )

    def _replayed(self, on: date) -> FairDay:
        """The file's row; flat where the file skips a day; the drawn path carried on from the file's ends."""
        assert self._first is not None
        assert self._last is not None
        row = self._rows.get(on)
        if row is not None:
            return self._from_row(row, on)
        if self._first < on < self._last:
            day = on - timedelta(days=1)
            while day not in self._rows:
                day -= timedelta(days=1)
            close = float(self._rows[day].close) / self._tick
            return FairDay(close, close, close, close, self._activity(0, on), True)
        if on > self._last:
            price = self._rows[self._last].close
            anchor = self._last if is_trade_date(self._last) else previous_trade_date(self._last)
        else:
            price, anchor = self._rows[self._first].open, previous_trade_date(self._first)
        shift = float(price) / self._tick - self._drawn(anchor).close
        fair = self._drawn(on)
        return FairDay(
            fair.open + shift, fair.high + shift, fair.low + shift, fair.close + shift, fair.volume, False
        )

    def _from_row(self, row: DailyBar, on: date) -> FairDay:
        opened, high, low, close = (float(p) / self._tick for p in (row.open, row.high, row.low, row.close))
        # Real settlements may lie off the day's range; the path has to reach them all the same.
        return FairDay(opened, max(high, close), min(low, close), close, self._activity(row.volume, on), True)

    def _activity(self, lots: int, on: date) -> float:
        share = volume_share(self.contract, on)
        return max(float(lots), _REPLAY_ACTIVITY_MIN * self.cal.adv) * share

    def _settle_month(self, year: int, month: int) -> dict[date, Settled]:
        """Run from the first trade date of the month before: no chain of locked days is longer than that."""
        day = date(year - 1, 12, 1) if month == 1 else date(year, month - 1, 1)
        day = day if is_trade_date(day) else next_trade_date(day)
        previous, locked = round(self.fair_day(day).close), False
        found: dict[date, Settled] = {}
        while (day.year, day.month) <= (year, month):
            reach = self.cal.limit_ticks
            reach = int(reach * _LIMIT_EXPANSION) if locked else reach
            fair = self.fair_day(day)
            down, up = previous - reach, previous + reach
            if fair.observed:
                down, up = min(down, round(fair.low)), max(up, round(fair.high))
            settle = min(up, max(down, round(fair.close)))
            found[day] = Settled(settle, down, up, previous)
            locked = settle in (down, up)
            previous = settle
            day = next_trade_date(day)
        return {on: settled for on, settled in found.items() if (on.year, on.month) == (year, month)}


@lru_cache(maxsize=64)
def _trade_dates(year: int) -> tuple[date, ...]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return tuple(on for on in days if on.year == year and is_trade_date(on))


class _Shapes:
    """The symbol's log path, a year at a time: bridges between yearly anchors, so that any date is cheap."""

    def __init__(self, seed: int, cal: Calibration) -> None:
        self._seed = seed
        self._cal = cal
        self._years: dict[int, dict[date, _Shape]] = {}

    def day(self, on: date) -> _Shape:
        if on.year not in self._years:
            self._years[on.year] = self._year(on.year)
        return self._years[on.year][on]

    def _anchor(self, year: int) -> float:
        """Where the log path stands at the end of a year; independent draws keep prices near their base."""
        sd = self._cal.vol_daily * (_DAYS_PER_YEAR / 2) ** 0.5
        return stream(self._seed, self._cal.symbol, "anchor", year).gauss(0.0, sd)

    def _year(self, year: int) -> dict[date, _Shape]:
        rng = stream(self._seed, self._cal.symbol, "year", year)
        dates = _trade_dates(year)
        gauss = rng.gauss
        mood, flow = gauss(0.0, 1.0), gauss(0.0, 1.0)
        mood_noise, flow_noise = (1 - _VOL_MEMORY**2) ** 0.5, (1 - _VOLUME_MEMORY**2) ** 0.5
        vols: list[float] = []
        moves: list[float] = []
        activity: list[float] = []
        for _ in dates:
            mood = _VOL_MEMORY * mood + mood_noise * gauss(0.0, 1.0)
            flow = _VOLUME_MEMORY * flow + flow_noise * gauss(0.0, 1.0)
            surprise = gauss(0.0, 1.0)
            vols.append(self._cal.vol_daily * exp(_VOL_OF_VOL * mood - _VOL_OF_VOL**2))
            moves.append(vols[-1] * surprise)
            activity.append(exp(_VOLUME_SD * flow + 0.15 * (abs(surprise) - 0.8)))
        previous = self._anchor(year - 1)
        drift = (self._anchor(year) - previous - sum(moves)) / len(dates)
        found: dict[date, _Shape] = {}
        for on, vol, move, lots in zip(dates, vols, moves, activity, strict=True):
            close = previous + move + drift
            opened = previous + _GAP_SHARE * (close - previous) + _GAP_NOISE * vol * gauss(0.0, 1.0)
            high = max(opened, close) + _RANGE * vol * abs(gauss(0.0, 1.0))
            low = min(opened, close) - _RANGE * vol * abs(gauss(0.0, 1.0))
            found[on] = _Shape(opened, high, low, close, lots)
            previous = close
        return found
