"""When a contract trades: sessions by trade date, in UTC, right across DST, weekends and exchange holidays.

A trade date is the day a session is booked under: the night session of oats that opens on Sunday
evening belongs to Monday. DAY orders live to the last close of the trade date.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from hydra.simgateway.calibration import IANA_ZONES, SessionHours, calibration
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.holidays import evening_reopens, is_early_close, is_holiday

PRE_OPEN_FOR: Final = timedelta(minutes=30)
_DAY: Final = timedelta(days=1)
_SEARCH_DAYS_MAX: Final = 15

Segment = tuple[datetime, datetime]


class SessionState(StrEnum):
    """What the venue accepts: orders queue in CLOSED and PRE_OPEN, match in OPEN, neither in HALTED."""

    CLOSED = "CLOSED"
    PRE_OPEN = "PRE_OPEN"
    OPEN = "OPEN"
    HALTED = "HALTED"


@lru_cache(maxsize=4096)
def is_trade_date(on: date) -> bool:
    """Whether the exchanges book a session under this date."""
    return on.weekday() < 5 and not is_holiday(on)


def next_trade_date(on: date) -> date:
    """The first trade date after `on`."""
    on += _DAY
    while not is_trade_date(on):
        on += _DAY
    return on


def previous_trade_date(on: date) -> date:
    """The last trade date before `on`."""
    on -= _DAY
    while not is_trade_date(on):
        on -= _DAY
    return on


def segments(contract: SimContract, on: date) -> tuple[Segment, ...]:
    """The sessions booked under trade date `on`, in UTC, in time order; empty when it is none."""
    return _segments(contract.symbol, on)


def trade_date(contract: SimContract, at: datetime) -> date:
    """The trade date in force at `at`: the first whose last close is still ahead."""
    on = at.astimezone(_zone(contract.symbol)).date()
    if not is_trade_date(on) or _segments(contract.symbol, on)[-1][1] <= at:
        return next_trade_date(on)
    return on


def session_state(contract: SimContract, at: datetime) -> SessionState:
    """What the timetable says at `at` (never HALTED, which is the exchange's own doing)."""
    on = trade_date(contract, at)
    if on > contract.last_trade_on:
        return SessionState.CLOSED
    for opens, closes in _segments(contract.symbol, on):
        if opens <= at < closes:
            return SessionState.OPEN
        if opens - PRE_OPEN_FOR <= at < opens:
            return SessionState.PRE_OPEN
    return SessionState.CLOSED


def next_open(contract: SimContract, at: datetime) -> datetime:
    """The first opening strictly after `at` by the product's timetable, expiry or not."""
    on = trade_date(contract, at)
    for _ in range(_SEARCH_DAYS_MAX):
        for opens, _closes in _segments(contract.symbol, on):
            if opens > at:
                return opens
        on = next_trade_date(on)
    raise AssertionError("no exchange rests this long")


def session_close(contract: SimContract, at: datetime) -> datetime:
    """The last close of the trade date in force at `at`: the moment DAY orders die."""
    return _segments(contract.symbol, trade_date(contract, at))[-1][1]


def next_change(contract: SimContract, at: datetime) -> datetime:
    """The first instant after `at` at which the timetable enters another state."""
    on = trade_date(contract, at)
    for _ in range(_SEARCH_DAYS_MAX):
        for opens, closes in _segments(contract.symbol, on):
            for edge in (opens - PRE_OPEN_FOR, opens, closes):
                if edge > at:
                    return edge
        on = next_trade_date(on)
    raise AssertionError("no exchange rests this long")


def next_common_open(contracts: Iterable[SimContract], at: datetime) -> datetime:
    """The first instant at or after `at` at which every one of `contracts` is open at once."""
    listed = tuple(contracts)
    while any(session_state(c, at) is not SessionState.OPEN for c in listed):
        at = max(next_open(c, at) for c in listed if session_state(c, at) is not SessionState.OPEN)
    return at


def trading_hours(contract: SimContract, first: date, days: int) -> str:
    """IB's text in the contract's zone, each session under the day it opens on.

    For example `20261122:1900-20261123:0745;20261123:0830-20261123:1320;20261126:CLOSED`.
    """
    zone = _zone(contract.symbol)
    parts: list[str] = []
    for day in (first + _DAY * n for n in range(days)):
        opening = _opening_on(contract, day, zone)
        parts.extend(f"{opens:%Y%m%d:%H%M}-{closes:%Y%m%d:%H%M}" for opens, closes in opening)
        if not opening:
            parts.append(f"{day:%Y%m%d}:CLOSED")
    return ";".join(parts)


def _opening_on(contract: SimContract, day: date, zone: ZoneInfo) -> list[Segment]:
    booked = [on for on in (day, day + _DAY) if on <= contract.last_trade_on]
    local = [
        (opens.astimezone(zone), closes.astimezone(zone))
        for on in booked
        for opens, closes in _segments(contract.symbol, on)
    ]
    return [segment for segment in local if segment[0].date() == day]


@lru_cache(maxsize=64)
def _zone(symbol: str) -> ZoneInfo:
    return ZoneInfo(IANA_ZONES[calibration(symbol).time_zone])


@lru_cache(maxsize=65536)
def _segments(symbol: str, on: date) -> tuple[Segment, ...]:
    if not is_trade_date(on):
        return ()
    cal, zone = calibration(symbol), _zone(symbol)
    held: list[Segment] = []
    for hours in cal.sessions:
        if hours.on_eve and not _held_on_eve(on - _DAY):
            continue
        closes = hours.closes
        if is_early_close(on) and closes == cal.sessions[-1].closes:
            closes = cal.early_close
        held.append((_utc(zone, _eve(hours, on), hours.opens), _utc(zone, on, closes)))
    return tuple(held)


def _held_on_eve(eve: date) -> bool:
    """No evening session after a holiday, but for the Mondays on which the exchange reopens at night."""
    return eve.weekday() != 5 and (not is_holiday(eve) or eve in evening_reopens(eve.year))


def _eve(hours: SessionHours, on: date) -> date:
    return on - _DAY if hours.on_eve else on


def _utc(zone: ZoneInfo, day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
