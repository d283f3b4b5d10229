"""Bars from files of others: CSV and Parquet in, read bars out; every refusal names file, line and cause.

A row that cannot be read is refused, or, where the caller gives a list for them, left out and listed there.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from hydra.domain.errors import UserError
from hydra.domain.market import DailyBar
from hydra.research.cot import CotWeek, cot_week
from hydra.research.series import ContractSeries, require_ordered

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "on": ("on", "date", "day", "datetime", "time"),
    "open": ("open", "open_px"),
    "high": ("high", "high_px"),
    "low": ("low", "low_px"),
    "close": ("close", "close_px", "settle", "settlement"),
    "volume": ("volume", "vol"),
}
_PRICES: Final = ("open", "high", "low", "close")
_VOLUME_MAX: Final = 10**12


def read_csv_bars(path: Path, rejected: list[UserError] | None = None) -> tuple[DailyBar, ...]:
    """Daily bars of one series. HY-850: NaN, duplicate or unsorted dates, a column missing.

    HY-876 for a file that cannot be read. Columns are found by name (date, open, high, low, close or settle,
    volume); zero and negative prices pass.
    """
    lines: list[int] = []
    bars: list[DailyBar] = []
    for line, row in _rows(path):
        with _refusing(rejected):
            bars.append(_bar(row, str(path), line))
            lines.append(line)
    _require_ordered(bars, str(path), lines)
    return tuple(bars)


def read_parquet_bars(path: Path) -> tuple[DailyBar, ...]:
    """The same from Parquet, with the same columns; the "line" of an error is the row, from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError("HY-876", where=path, problem=_unreadable(error, "not Parquet")) from error
    columns = {name.lower(): name for name in table.column_names}
    found = _columns(list(columns), str(path))
    picked = table.select([columns[name] for name in found.values()]).rename_columns(list(found))
    bars = [_bar(row, str(path), line) for line, row in enumerate(picked.to_pylist(), start=1)]
    _require_ordered(bars, str(path), list(range(1, len(bars) + 1)))
    return tuple(bars)


def read_csv_contracts(path: Path, rejected: list[UserError] | None = None) -> tuple[ContractSeries, ...]:
    """Several expiries in one file: date, contract, last_trade_date, close, volume; one close a day each."""
    bars: dict[str, list[DailyBar]] = {}
    lines: dict[str, list[int]] = {}
    ends: dict[str, date] = {}
    for line, row in _dict_rows(path, ("date", "contract", "last_trade_date", "close")):
        name, where = str(row["contract"]), str(path)
        with _refusing(rejected):
            close = _price(row["close"], "close", where, line)
            volume = _volume(row.get("volume"), where, line)
            on, ends[name] = _day(row["date"], where, line), _day(row["last_trade_date"], where, line)
            bars.setdefault(name, []).append(DailyBar(on, close, close, close, close, volume))
            lines.setdefault(name, []).append(line)
    for name, found in bars.items():
        _require_ordered(found, f"{path} ({name})", lines[name])
    return tuple(ContractSeries(name, ends[name], tuple(found)) for name, found in bars.items())


def read_csv_cot(path: Path, delays: Mapping[date, int] | None = None) -> tuple[CotWeek, ...]:
    """The CFTC's legacy report, each week dated by its release."""
    wanted = ("market", "date", "open_interest")
    return tuple(cot_week(row, str(path), line, delays) for line, row in _dict_rows(path, wanted))


@contextmanager
def _refusing(rejected: list[UserError] | None) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        if rejected is None:
            raise
        rejected.append(error)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    columns: dict[str, str] | None = None
    for line, row in _dict_rows(path, ()):
        if columns is None:
            names = {str(name).strip().lower(): str(name) for name in row}
            columns = {key: names[name] for key, name in _columns(list(names), str(path)).items()}
        yield line, {key: row[name] for key, name in columns.items()}
    if columns is None:
        raise UserError("HY-852", where=path, problem="no row below its header")


def _dict_rows(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError("HY-850", where=path, line=1, problem=f"no column {missing[0]}")
            for row in reader:
                if None in row or None in row.values():
                    problem = "more or fewer fields than the header"
                    raise UserError("HY-850", where=path, line=reader.line_num, problem=problem)
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError("HY-850", where=path, line=reader.line_num, problem=str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("HY-876", where=path, problem=_unreadable(error, "not UTF-8 text")) from error


def _unreadable(error: Exception, otherwise: str) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else otherwise


def _columns(names: Sequence[str], where: str) -> dict[str, str]:
    """Our name → the file's, for the columns a bar needs; volume may be absent."""
    found = {}
    for key, aliases in _ALIASES.items():
        match = next((alias for alias in aliases if alias in names), None)
        if match is not None:
            found[key] = match
        elif key != "volume":
            raise UserError("HY-850", where=where, line=1, problem=f"no column {' or '.join(aliases)}")
    return found


def _bar(row: Mapping[str, Any], where: str, line: int) -> DailyBar:
    on = _day(row["on"], where, line)
    opened, high, low, close = (_price(row[name], name, where, line) for name in _PRICES)
    return DailyBar(on, opened, high, low, close, _volume(row.get("volume"), where, line))


def _day(value: Any, where: str, line: int) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError as error:
        raise UserError("HY-850", where=where, line=line, problem=f"{value!r} is no date") from error


def _price(value: Any, name: str, where: str, line: int) -> Decimal:
    try:
        px = Decimal(str(value).strip())
    except InvalidOperation as error:
        problem = f"{name} is {value!r}" if str(value).strip() else f"{name} is empty"
        raise UserError("HY-850", where=where, line=line, problem=problem) from error
    if not px.is_finite():
        raise UserError("HY-850", where=where, line=line, problem=f"{name} is {px}: a price must be a number")
    return px


def _volume(value: Any, where: str, line: int) -> int:
    if value is None or str(value).strip() in ("", "nan", "NaN"):
        return 0
    volume = _price(value, "volume", where, line)
    if volume != volume.to_integral_value() or not 0 <= volume <= _VOLUME_MAX:
        raise UserError("HY-850", where=where, line=line, problem=f"volume is {value}")
    return int(volume)


def _require_ordered(bars: Sequence[DailyBar], where: str, lines: Sequence[int]) -> None:
    days = [bar.on for bar in bars]
    for at in range(1, len(days)):
        if days[at] <= days[at - 1]:
            require_ordered(days[at - 1 : at + 1], where, lines[at] - 1)
