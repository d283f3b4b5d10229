"""Real daily bars as a price path: the CSV file of `--bars`, read strictly and line by line."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from hydra.domain.errors import UserError
from hydra.simgateway.calendar import is_trade_date

HEADER: Final = "date,open,high,low,close,volume"
# Vendors swap high and low by a tick or two on settled-only days; beyond this share of price it is an error.
_SWAP_TOLERATED: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One trade date: prices as quoted, of any sign; the close may be a settlement off the range."""

    on: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def parse_bars(lines: Iterable[str], where: str) -> tuple[DailyBar, ...]:
    """The bars of a file named `where`; UserError HY-209 names the line at fault."""
    bars: list[DailyBar] = []
    numbered = enumerate((line.strip().lstrip("\ufeff") for line in lines), start=1)
    _, header = next(numbered, (1, ""))
    if header.replace(" ", "").lower() != HEADER:
        raise _malformed(f"{where}:1", f"the first line must be {HEADER}, not {header or 'empty'}")
    for n, line in numbered:
        if not line:
            continue
        bar = _bar(line, f"{where}:{n}")
        if bars and bar.on <= bars[-1].on:
            raise _malformed(
                f"{where}:{n}", f"date {bar.on} does not come after {bars[-1].on}, the bar before it"
            )
        bars.append(bar)
    if not bars:
        raise _malformed(f"{where}:1", "no bars follow the header")
    return tuple(bars)


def _bar(line: str, where: str) -> DailyBar:
    fields = [field.strip() for field in line.split(",")]
    names = HEADER.split(",")
    if len(fields) != len(names):
        raise _malformed(where, f"{len(fields)} fields instead of {len(names)}")
    opened, high, low, close = (
        _number(text, name, where) for name, text in zip(names[1:5], fields[1:5], strict=True)
    )
    if high < low:
        if high - low < -_SWAP_TOLERATED * max(abs(high), abs(low)):
            raise _malformed(where, f"high {high} is below low {low}")
        high, low = low, high
    if not low <= opened <= high:
        raise _malformed(where, f"open {opened} is outside {low} to {high}")
    volume = _number(fields[5], "volume", where)
    if volume < 0 or volume != volume.to_integral_value():
        raise _malformed(where, f"volume {volume} is not a whole number of lots")
    return DailyBar(_date(fields[0], where), opened, high, low, close, int(volume))


def _date(text: str, where: str) -> date:
    try:
        if len(text) == len("2026-11-23"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _malformed(where, f"date {text!r} is not YYYY-MM-DD")


def _number(text: str, name: str, where: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _malformed(where, f"{name} {text!r} is not a number") from None
    if not number.is_finite():
        raise _malformed(where, f"{name} {text!r} is not a finite number")
    return number


def ending_on(bars: tuple[DailyBar, ...], on: date) -> tuple[DailyBar, ...]:
    """The same rows on the trade dates that end with `on`: a file of the past is the present's price path.

    A file that reaches `on` keeps its own dates.
    """
    if not bars or bars[-1].on >= on:
        return bars
    dated: list[DailyBar] = []
    for bar in reversed(bars):
        while not is_trade_date(on):
            on -= timedelta(days=1)
        dated.append(replace(bar, on=on))
        on -= timedelta(days=1)
    return tuple(reversed(dated))


def _malformed(where: str, problem: str) -> UserError:
    return UserError("HY-209", where=where, problem=problem)
