"""What commands print: JSON for scripts, tables for people, and no time without its zone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from hydra.domain.errors import UserError


def print_json(value: object, stream: TextIO | None = None) -> None:
    """One JSON document, then a newline."""
    with written(stream) as out:
        print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2), file=out)


def print_json_lines(values: Iterable[object], stream: TextIO | None = None) -> None:
    """One compact JSON object a line."""
    with written(stream) as out:
        for value in values:
            line = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
            print(line, file=out)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "", stream: TextIO | None = None
) -> None:
    """A table for people; numbers to the right, nothing cut off when it goes to a file or a pipe."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(columns):
        is_number = bool(cells) and all(isinstance(row[at], int | float | Decimal | None) for row in cells)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(show(value)) for value in row))
    with written(stream) as out:
        console = Console(file=out, width=None if out and out.isatty() else 240)
        console.print(table)


@contextmanager
def written(stream: TextIO | None = None) -> Iterator[TextIO | None]:
    """What is printed inside is out at its end; UserError HY-006 where standard output cannot be written."""
    out = stream or sys.stdout
    try:
        yield out
        if out is not None:
            out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if out is not sys.stdout:
            raise
        leave_stdout()
        raise UserError("HY-006", where="standard output", problem=error.strerror) from error


def leave_stdout() -> None:
    """What is still to be written goes nowhere: the interpreter's own end would fail of it, with a trace."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(value: object, zone: str = "UTC") -> str:
    """A value as a person reads it; `None` is a dash, an instant has its zone."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return show_at(value, zone)
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def show_at(at: datetime, zone: str = "UTC") -> str:
    """An instant to the second with its zone, e.g. `2026-11-20 14:30:05 UTC`; a naive time is a mistake."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be shown: {at}")
    local = at.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def _plain(value: object) -> Any:
    """JSON for what json does not know: exact decimals as text, instants in UTC, records as objects."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be written: {value}")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
