"""The days on which the simulated exchanges are closed, close early, or reopen in the evening."""

from datetime import date, timedelta
from functools import lru_cache

_MONDAY, _THURSDAY = 0, 3


@lru_cache(maxsize=256)
def holidays(year: int) -> frozenset[date]:
    """The full closings of one year, as observed by US futures exchanges."""
    return frozenset(
        {
            *evening_reopens(year),
            easter(year) - timedelta(days=2),
            thanksgiving(year),
            *(day for day in map(_observed, (date(year, 7, 4), date(year, 12, 25))) if day.year == year),
            *([_observed(date(year, 6, 19))] if year >= 2022 else []),
            *([_observed(date(year, 1, 1))] if date(year, 1, 1).weekday() != 5 else []),
        }
    )


@lru_cache(maxsize=256)
def evening_reopens(year: int) -> frozenset[date]:
    """The Monday holidays, whose evening already belongs to Tuesday's trade date."""
    memorial = date(year, 5, 31)
    memorial -= timedelta(days=memorial.weekday())
    return frozenset(
        {_nth(year, 1, _MONDAY, 3), _nth(year, 2, _MONDAY, 3), memorial, _nth(year, 9, _MONDAY, 1)}
    )


def is_holiday(day: date) -> bool:
    """Whether the exchanges stay shut on this weekday."""
    return day in holidays(day.year)


def is_early_close(day: date) -> bool:
    """The day after Thanksgiving, and the weekdays before Independence Day and Christmas."""
    if day == thanksgiving(day.year) + timedelta(days=1):
        return True
    return (day.month, day.day) in ((7, 3), (12, 24)) and not is_holiday(day)


def thanksgiving(year: int) -> date:
    """The fourth Thursday of November."""
    return _nth(year, 11, _THURSDAY, 4)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    if day.weekday() == 5:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == 6 else day
