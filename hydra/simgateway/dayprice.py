"""The fair price within one trade date: a bridge through the day's fair bar, minute by minute."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final

from hydra.simgateway.calendar import Segment, segments
from hydra.simgateway.path import PricePath
from hydra.simgateway.streams import stream

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STEP_US: Final = 60_000_000
_NIGHT_STEP_US: Final = 300_000_000
_NIGHT_ACTIVITY: Final = 0.2
_NIGHT_HOURS_MIN: Final = timedelta(hours=8)
_NOISE: Final = 0.55
_JUMP_DAYS: Final = 0.15


def to_us(at: datetime) -> int:
    """Microseconds since 1970, the time unit inside the market."""
    return (at - _EPOCH) // _MICROSECOND


def to_datetime(us: int) -> datetime:
    """The UTC instant of `to_us`."""
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One session of the day on a grid: value i is the fair price at `opens + i * step`."""

    opens: int
    closes: int
    step: int
    values: list[float]
    night: bool
    volume_share: float


@dataclass(frozen=True, slots=True)
class _Grid:
    """One session before its path is drawn."""

    opens: int
    closes: int
    step: int
    night: bool

    @staticmethod
    def of(opens: datetime, closes: datetime) -> "_Grid":
        night = closes - opens > _NIGHT_HOURS_MIN
        return _Grid(to_us(opens), to_us(closes), _NIGHT_STEP_US if night else _STEP_US, night)

    @property
    def cells(self) -> int:
        return (self.closes - self.opens) // self.step


def _part(grid: _Grid, grids: list[_Grid], night_part: float) -> float:
    """The part of the day this session has; all of it where it is the only one (no night before it)."""
    if len(grids) == 1:
        return 1.0
    return night_part if grid.night else 1 - night_part


class DayPrice:
    """Fair price and traded volume within one trade date of one contract; prices in ticks."""

    def __init__(self, path: PricePath, on: date) -> None:
        self.on = on
        self.fair = path.fair_day(on)
        self.settled = path.settled(on)
        rng = stream(path.seed, path.contract.symbol, "day", on.isoformat())
        held = segments(path.contract, on)
        self.jump_at: int | None = None
        self._stretches = self._draw(rng, held, path.cal.night_share)

    def fair_at(self, us: int) -> float:
        """The fair price at an instant; the open before it, the last value between sessions and after."""
        value = self.fair.open
        for stretch in self._stretches:
            if us < stretch.opens:
                return value
            if us < stretch.closes:
                return self._within(stretch, us)
            value = stretch.values[-1]
        return value

    def volume_by(self, us: int) -> float:
        """The lots expected to have traded in this trade date by an instant."""
        return self.fair.volume * sum(s.volume_share * _traded(s, us) for s in self._stretches)

    def intensity(self, us: int) -> float:
        """Expected lots per second at an instant within a session."""
        for stretch in self._stretches:
            if stretch.opens <= us < stretch.closes:
                held = (stretch.closes - stretch.opens) / 1e6
                return self.fair.volume * stretch.volume_share * _busy(stretch, us) / held
        return 0.0

    def seen_by(self, since: int, until: int) -> list[float]:
        """The fair prices on the grid from `since` to before `until`; empty outside sessions."""
        seen: list[float] = []
        for stretch in self._stretches:
            first, last = max(since, stretch.opens), min(until, stretch.closes)
            if first >= last:
                continue
            seen.append(self._within(stretch, first))
            low = (first - stretch.opens) // stretch.step + 1
            seen.extend(stretch.values[low : (last - 1 - stretch.opens) // stretch.step + 1])
            seen.append(self._within(stretch, last - 1) if last < stretch.closes else stretch.values[-1])
        return seen

    def _within(self, stretch: _Stretch, us: int) -> float:
        cell, inside = divmod(us - stretch.opens, stretch.step)
        before, after = stretch.values[cell], stretch.values[cell + 1]
        if (
            self.jump_at is not None
            and 0 <= self.jump_at - stretch.opens - cell * stretch.step < stretch.step
        ):
            return before if us < self.jump_at else after
        return before + (after - before) * inside / stretch.step

    def _draw(self, rng: Random, held: tuple[Segment, ...], night_share: float) -> list[_Stretch]:
        grids = [_Grid.of(opens, closes) for opens, closes in held]
        clock = [0.0]
        for grid in grids:
            share = _part(grid, grids, _NIGHT_ACTIVITY)
            for _ in range(grid.cells):
                clock.append(clock[-1] + share / grid.cells)
        values, jump_cell = self._bridge(rng, clock)
        stretches: list[_Stretch] = []
        start = 0
        for grid in grids:
            part = values[start : start + grid.cells + 1]
            share = _part(grid, grids, night_share)
            stretches.append(_Stretch(grid.opens, grid.closes, grid.step, part, grid.night, share))
            if jump_cell is not None and start <= jump_cell < start + grid.cells:
                within = (jump_cell - start) * grid.step + int(grid.step * rng.uniform(0.2, 0.8))
                self.jump_at = grid.opens + within
            start += grid.cells
        return stretches

    def _bridge(self, rng: Random, clock: list[float]) -> tuple[list[float], int | None]:
        """Noise pinned at open, both extremes and close; on a jump day one step joins the extremes."""
        fair = self.fair
        spread = fair.high - fair.low
        walk = [0.0]
        gauss = rng.gauss
        for before, after in pairwise(clock):
            walk.append(walk[-1] + gauss(0.0, _NOISE * spread * (after - before) ** 0.5))
        early, late = sorted((rng.uniform(0.02, 0.98), rng.uniform(0.02, 0.98)))
        rising = rng.random() < (0.75 if fair.close > fair.open else 0.25)
        first, second = (fair.low, fair.high) if rising else (fair.high, fair.low)
        n = len(clock)
        i = min(n - 3, max(1, round(early * n)))
        j = min(n - 2, max(i + 1, round(late * n)))
        jumps = rng.random() < _JUMP_DAYS and j - i > 2 and spread > 0
        knots = [(0, fair.open), (i, first), (j, second), (n - 1, fair.close)]
        if jumps:
            k = rng.randrange(i + 1, j - 1)
            knots[2:2] = [(k, first), (k + 1, second)]
        values: list[float] = [fair.open]
        for (a, start), (b, end) in pairwise(knots):
            span = (clock[b] - clock[a]) or 1.0
            for m in range(a + 1, b + 1):
                u = (clock[m] - clock[a]) / span
                noise = walk[m] - walk[a] - u * (walk[b] - walk[a])
                values.append(_reflected(start + u * (end - start) + noise, fair.low, fair.high))
        return values, (k if jumps else None)


def _reflected(value: float, low: float, high: float) -> float:
    """The value, folded back at the ends of the day's range (clamped, it would stick to them for hours)."""
    if value > high:
        return max(low, 2 * high - value)
    return min(high, 2 * low - value) if value < low else value


def _busy(stretch: _Stretch, us: int) -> float:
    """Trading is busiest at both ends of a session; the mean over the session is 1."""
    if stretch.night:
        return 1.0
    u = (us - stretch.opens) / (stretch.closes - stretch.opens)
    return 0.7 + 0.9 * (2 * u - 1) ** 2


def _traded(stretch: _Stretch, us: int) -> float:
    """The share of a session's volume done by an instant: the integral of `_busy`."""
    u = min(1.0, max(0.0, (us - stretch.opens) / (stretch.closes - stretch.opens)))
    return u if stretch.night else 0.7 * u + 0.15 * ((2 * u - 1) ** 3 + 1)
