"""What looks wrong in a daily series, day by day: missing, stale, beyond all measure, or off the market.

A finding is evidence, not an error: locked limits and thin days make true prices look strange. `is_fault`
tells those that stop an instrument until a person has looked.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from hydra.domain.market import DailyBar

GAP_DAYS_MAX: Final = 5  # calendar days between bars without a calendar: a long weekend has four
STALE_DAYS: Final = 5
OUTLIER_SIGMAS: Final = 12.0
OUTLIER_WINDOW: Final = 60
OUTLIER_WINDOW_MIN: Final = 20
_MAD_TO_SIGMA: Final = 1.4826
_MEAN_TO_SIGMA: Final = 1.2533


class DataProblem(StrEnum):
    """What is wrong with a day's bar."""

    MISSING_DAY = "MISSING_DAY"  # the exchange traded, we have no bar
    GAP = "GAP"  # without a calendar: too many days since the bar before
    LATE = "LATE"  # the newest bar is older than it should be
    STALE = "STALE"  # the same bar again and again
    OUTLIER = "OUTLIER"  # a move beyond all measure of the days before
    IMPOSSIBLE = "IMPOSSIBLE"  # high below low, or open outside both
    OFF_MARKET = "OFF_MARKET"  # settled outside of what was traded: happens, worth a look


@dataclass(frozen=True, slots=True)
class DataFinding:
    """One problem on one day."""

    problem: DataProblem
    on: date
    detail: str

    @property
    def is_fault(self) -> bool:
        return self.problem is not DataProblem.OFF_MARKET


def check_bars(
    bars: Sequence[DailyBar], *, sessions: Sequence[date] | None = None, expected_last: date | None = None
) -> tuple[DataFinding, ...]:
    """Every finding, oldest first. `sessions` are the days the exchange traded, if known."""
    found = [*_missing(bars, sessions), *_late(bars, expected_last), *_impossible(bars)]
    found += [*_stale(bars), *_outliers(bars)]
    return tuple(sorted(found, key=lambda one: (one.on, one.problem)))


def missing_sessions(bars: Sequence[DailyBar], sessions: Sequence[date]) -> tuple[date, ...]:
    """Sessions between the first and last bar (and up to the last session) without a bar."""
    if not bars:
        return tuple(sessions)
    have = {bar.on for bar in bars}
    return tuple(day for day in sessions if day >= bars[0].on and day not in have)


def _missing(bars: Sequence[DailyBar], sessions: Sequence[date] | None) -> Iterator[DataFinding]:
    if sessions is not None:
        for day in missing_sessions(bars, sessions):
            yield DataFinding(DataProblem.MISSING_DAY, day, "the exchange traded, there is no bar")
        return
    for earlier, later in itertools.pairwise(bars):
        days = (later.on - earlier.on).days
        if days > GAP_DAYS_MAX:
            yield DataFinding(DataProblem.GAP, later.on, f"{days} days after the bar of {earlier.on}")


def _late(bars: Sequence[DailyBar], expected_last: date | None) -> Iterator[DataFinding]:
    if expected_last is not None and bars and bars[-1].on < expected_last:
        yield DataFinding(DataProblem.LATE, bars[-1].on, f"a bar of {expected_last} should be there")


def _impossible(bars: Sequence[DailyBar]) -> Iterator[DataFinding]:
    for bar in bars:
        if bar.high_px < bar.low_px:
            text = f"its high {bar.high_px} is below its low {bar.low_px}"
            yield DataFinding(DataProblem.IMPOSSIBLE, bar.on, text)
        elif not bar.low_px <= bar.close_px <= bar.high_px:
            text = f"close {bar.close_px} outside of {bar.low_px} to {bar.high_px}"
            yield DataFinding(DataProblem.OFF_MARKET, bar.on, text)


def _stale(bars: Sequence[DailyBar]) -> Iterator[DataFinding]:
    """A run of bars that repeat each other in everything is told once, on the day it became too long."""
    run = 1
    for earlier, later in itertools.pairwise(bars):
        same = (
            earlier.open_px == later.open_px
            and earlier.high_px == later.high_px
            and earlier.low_px == later.low_px
            and earlier.close_px == later.close_px
            and earlier.volume == later.volume
        )
        run = run + 1 if same else 1
        if run == STALE_DAYS:
            yield DataFinding(
                DataProblem.STALE, later.on, f"{run} times the same bar, close {later.close_px}"
            )


def _outliers(bars: Sequence[DailyBar]) -> Iterator[DataFinding]:
    """A change of more than twelve robust standard deviations of the sixty changes before it.

    The deviation is the larger of the median's and the mean's estimate: in a market that often stands still
    the median alone would be zero.
    """
    changes = np.diff([float(bar.close_px) for bar in bars])
    for day in range(OUTLIER_WINDOW_MIN, changes.size):
        before = np.abs(changes[max(0, day - OUTLIER_WINDOW) : day])
        sigma = max(_MAD_TO_SIGMA * float(np.median(before)), _MEAN_TO_SIGMA * float(before.mean()))
        if sigma > 0 and abs(changes[day]) > OUTLIER_SIGMAS * sigma:
            moved = f"moved by {changes[day]:g}, {abs(changes[day]) / sigma:.0f} times its usual day"
            yield DataFinding(DataProblem.OUTLIER, bars[day + 1].on, moved)


def recent(findings: Sequence[DataFinding], on: date, days: int) -> tuple[DataFinding, ...]:
    """Faults of the last `days` calendar days: what is older was looked at, or never mattered."""
    since = on - timedelta(days=days)
    return tuple(one for one in findings if one.is_fault and one.on > since)
