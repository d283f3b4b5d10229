"""Series that are revised and never overwritten: one Parquet file a series, and a catalogue of versions.

A revision is a further row, known later, so that a series can be read as it was known at any moment and an
experiment repeated on the same data. Files are written whole, under a new name; the catalogue (SQLite, beside
them) names the current one with its sha256, and its transaction arbitrates between writers.
"""

import hashlib
import io
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from hydra.domain.errors import Unavailable, UserError

_SERIES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEPT_VERSIONS: Final = 2  # a reader that has just looked up the version before still finds its file
_BUSY_S: Final = 10.0
_CATALOGUE: Final = (
    "CREATE TABLE IF NOT EXISTS files (series TEXT NOT NULL, version INTEGER NOT NULL, file TEXT NOT NULL,"
    " sha256 TEXT NOT NULL, rows INTEGER NOT NULL, first_on TEXT NOT NULL, last_on TEXT NOT NULL,"
    " PRIMARY KEY (series, version)) WITHOUT ROWID"
)
_NEWEST: Final = "SELECT version, file, sha256 FROM files WHERE series = ? ORDER BY version DESC LIMIT 1"

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """How one kind of value lies in a row: columns beside `on`, `known_at` and `source`, there and back."""

    columns: Sequence[tuple[str, pa.DataType]]
    on_of: Callable[[T], date]
    row_of: Callable[[T], Row]
    value_of: Callable[[Row], T]

    @property
    def schema(self) -> pa.Schema:
        moment = ("known_at", pa.timestamp("us", tz="UTC"))
        return pa.schema([("on", pa.date32()), moment, *self.columns, ("source", pa.string())])


class RevisionFiles(Generic[T]):
    """Series of one shape in a folder; safe for several processes."""

    def __init__(self, folder: Path, shape: Shape[T]) -> None:
        self._folder = folder
        self._shape = shape
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._catalogue() as catalogue:
                catalogue.execute(_CATALOGUE)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable("HY-853", where=folder, problem=error) from error

    def put(self, series: str, values: Sequence[T], known_at: datetime, source: str) -> int:
        """Adds what is new or different from what was known; the number of such values, 0 on a repetition.

        `known_at` is when a trader could have had them; HY-853 when that moment has other values already.
        """
        if not _SERIES.fullmatch(series):
            raise UserError("HY-853", where=self._folder, problem=f"{series!r} is no name of a series")
        known_at = known_at.astimezone(UTC)
        with self._catalogue() as catalogue:
            catalogue.execute("BEGIN IMMEDIATE")
            found = catalogue.execute(_NEWEST, (series,)).fetchone()
            rows = self._read(series, found) if found else []
            fresh = self._news(series, rows, values, known_at, source)
            if fresh:
                version = found[0] + 1 if found else 1
                self._write(catalogue, series, version, [*rows, *fresh])
            catalogue.execute("COMMIT")
        return len(fresh)

    def values(self, series: str, as_of: datetime | None = None) -> tuple[T, ...]:
        """The series, oldest first, as it was known at that moment (None: now); empty when nothing was."""
        known = _known(self._rows(series), as_of.astimezone(UTC) if as_of is not None else None)
        return tuple(self._shape.value_of(known[on]) for on in sorted(known))

    def revisions(self, series: str, on: date) -> tuple[tuple[datetime, T], ...]:
        """Every value one day ever had, with when it became known."""
        rows = [row for row in self._rows(series) if row["on"] == on]
        return tuple((row["known_at"], self._shape.value_of(row)) for row in rows)

    def series(self) -> tuple[str, ...]:
        """The names of all series."""
        with self._catalogue() as catalogue:
            rows = catalogue.execute("SELECT DISTINCT series FROM files ORDER BY series").fetchall()
        return tuple(str(row[0]) for row in rows)

    def path(self, series: str) -> Path | None:
        """The current file of a series, if there is one."""
        with self._catalogue() as catalogue:
            found = catalogue.execute(_NEWEST, (series,)).fetchone()
        return self._folder / str(found[1]) if found is not None else None

    @contextmanager
    def _catalogue(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(
            self._folder / "catalogue.sqlite3", timeout=_BUSY_S, isolation_level=None
        )
        try:
            yield connection
        except sqlite3.Error as error:
            raise Unavailable("HY-853", where=self._folder, problem=error) from error
        finally:
            connection.close()  # an open transaction is rolled back

    def _rows(self, series: str) -> list[Row]:
        for attempt in (1, 2, 3):
            with self._catalogue() as catalogue:
                found = catalogue.execute(_NEWEST, (series,)).fetchone()
            if found is None:
                return []
            try:
                return self._read(series, found)
            except FileNotFoundError as error:  # replaced twice since it was looked up
                if attempt == 3:
                    raise Unavailable("HY-853", where=self._folder, problem=error) from error
        return []

    def _read(self, series: str, found: tuple[int, str, str]) -> list[Row]:
        version, name, sha256 = found
        data = (self._folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            problem = f"{name} (version {version} of {series}) is not the file that was written"
            raise Unavailable("HY-853", where=self._folder, problem=problem)
        rows: list[Row] = pq.read_table(io.BytesIO(data)).to_pylist()
        return rows

    def _news(
        self, series: str, rows: Sequence[Row], values: Sequence[T], known_at: datetime, source: str
    ) -> list[Row]:
        known = _known(rows, known_at)
        taken = {row["on"] for row in rows if row["known_at"] == known_at}
        fresh: list[Row] = []
        for one in values:
            on = self._shape.on_of(one)
            before = known.get(on)
            if before is not None and self._shape.value_of(before) == one:
                continue
            if on in taken:
                problem = f"{series} of {on} has another value already, known at {known_at.isoformat()}"
                raise UserError("HY-853", where=self._folder, problem=problem)
            taken.add(on)
            fresh.append({"on": on, "known_at": known_at, "source": source, **self._shape.row_of(one)})
        return fresh

    def _write(self, catalogue: sqlite3.Connection, series: str, version: int, rows: Sequence[Row]) -> None:
        ordered = sorted(rows, key=lambda row: (row["on"], row["known_at"]))
        buffer = io.BytesIO()
        try:
            pq.write_table(pa.Table.from_pylist(ordered, schema=self._shape.schema), buffer)
        except pa.ArrowException as error:
            raise UserError("HY-853", where=self._folder, problem=f"{series}: {error}") from error
        data = buffer.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        name = f"{series}.{version:06d}.{sha256[:8]}.parquet"
        try:
            _write_durably(self._folder / name, data)
        except OSError as error:
            raise Unavailable("HY-853", where=self._folder, problem=error) from error
        first, last = ordered[0]["on"].isoformat(), ordered[-1]["on"].isoformat()
        catalogue.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            (series, version, name, sha256, len(ordered), first, last),
        )
        old = catalogue.execute(
            "SELECT version, file FROM files WHERE series = ? AND version <= ?",
            (series, version - _KEPT_VERSIONS),
        ).fetchall()
        for old_version, old_name in old:
            (self._folder / str(old_name)).unlink(missing_ok=True)
            catalogue.execute("DELETE FROM files WHERE series = ? AND version = ?", (series, old_version))


def _known(rows: Sequence[Row], until: datetime | None) -> dict[date, Row]:
    """The last value of each day that was known by then; rows are ordered by day and moment."""
    return {row["on"]: row for row in rows if until is None or row["known_at"] <= until}


def _write_durably(path: Path, data: bytes) -> None:
    """The whole file or none of it, on disk when this returns."""
    part = path.with_suffix(f".part{os.getpid()}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
