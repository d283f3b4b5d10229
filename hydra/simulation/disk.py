"""The disk below the ledger: every statement passes here on its way to the driver, and may fail as disks do.

What commits is told on, row by row, so that whoever watches sees exactly what became durable and when.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hydra.persistence.sqlite import SqliteBackend
from hydra.simulation.process import SimProcess

BUSY: Final = 5
IO_ERROR: Final = 10
FULL: Final = 13
CANNOT_OPEN: Final = 14
_EVENTS: Final = "INSERT INTO order_events"
_LEASE: Final = "INSERT INTO leases"
_WRITES: Final = ("INSERT", "UPDATE", "DELETE")
_COLUMNS: Final = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One event as the ledger's export shows it."""

    stream: str
    seq: int
    kind: str
    payload: dict[str, Any]
    recorded_at: str


@dataclass(slots=True)
class Transaction:
    """What one transaction has written so far."""

    process: SimProcess
    rows: list[Row] = field(default_factory=list)
    leases: list[tuple[int, int]] = field(default_factory=list)

    @property
    def sends(self) -> bool:
        return any(row.kind == "ChildSending" for row in self.rows)


def _unmoved(transaction: Transaction, is_after: bool) -> None:
    """Nothing happens at a commit."""


class Disk:
    """The storage of one machine: its faults in force, and who is told of commits."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.busy_until_s = -1.0
        self.full_until_s = -1.0
        self.is_full_at_commit = False
        self.io_errors = 0
        self.is_committed_at_error = False
        self.is_out_of_files = False
        self.at_commit: Callable[[Transaction, bool], None] = _unmoved
        self.committed: Callable[[Transaction], None] = lambda _: None
        self.now_s = now_s

    def under(self, process: SimProcess) -> Callable[[Any], Any]:
        """What `open_ledger` puts around the driver's connection of this process."""

        def watch(raw: Any) -> "WatchedConnection":
            if self.is_out_of_files:
                raise _failure(CANNOT_OPEN, "unable to open database file")
            return WatchedConnection(raw, self, process)

        return watch

    def before_statement(self, sql: str) -> None:
        """Raises what SQLite would raise instead of running the statement."""
        now_s = self.now_s()
        if sql.startswith("BEGIN IMMEDIATE") and now_s < self.busy_until_s:
            raise _failure(BUSY, "database is locked")
        if now_s < self.full_until_s and (
            sql == "COMMIT" if self.is_full_at_commit else sql.startswith(_WRITES)
        ):
            raise _failure(FULL, "database or disk is full")

    def takes_io_error(self) -> bool:
        """Whether this COMMIT is the one that fails."""
        if self.io_errors == 0:
            return False
        self.io_errors -= 1
        return True


class WatchedConnection:
    """The driver's connection, seen through the disk's state."""

    def __init__(self, raw: Any, disk: Disk, process: SimProcess) -> None:
        self._raw = raw
        self._disk = disk
        self._process = process
        self.transaction = Transaction(process)

    @property
    def in_transaction(self) -> bool:
        return bool(self._raw.in_transaction)

    def cursor(self) -> "WatchedCursor":
        return WatchedCursor(self._raw.cursor(), self)

    def execute(self, sql: str, values: Sequence[object] = ()) -> "WatchedCursor":
        return self.cursor().execute(sql, values)

    def run(self, cursor: Any, sql: str, values: Sequence[object]) -> None:
        self._disk.before_statement(sql)
        if sql == "COMMIT":
            self._commit(cursor)
            return
        cursor.execute(sql, values)
        if sql.startswith("BEGIN") or sql == "ROLLBACK":
            self.transaction = Transaction(self._process)
        elif sql.startswith(_EVENTS):
            self.transaction.rows += _rows(values)
        elif sql.startswith(_LEASE):
            self.transaction.leases.append((int(str(values[0])), int(str(values[1]))))

    def _commit(self, cursor: Any) -> None:
        done, self.transaction = self.transaction, Transaction(self._process)
        self._disk.at_commit(done, False)
        fails = self._disk.takes_io_error()
        if fails and not self._disk.is_committed_at_error:
            raise _failure(IO_ERROR, "disk I/O error")
        cursor.execute("COMMIT")
        self._disk.committed(done)
        self._disk.at_commit(done, True)
        if fails:
            raise _failure(IO_ERROR, "disk I/O error")


class WatchedCursor:
    """The driver's cursor; `fetchone` and the rest are its own."""

    def __init__(self, raw: Any, connection: WatchedConnection) -> None:
        self._raw = raw
        self._connection = connection
        self.fetchone = raw.fetchone
        self.fetchall = raw.fetchall

    def execute(self, sql: str, values: Sequence[object] = ()) -> "WatchedCursor":
        self._connection.run(self._raw, sql, values)
        return self

    @property
    def rowcount(self) -> int:
        return int(self._raw.rowcount)

    @property
    def description(self) -> Any:
        return self._raw.description


def _rows(values: Sequence[Any]) -> list[Row]:
    """The events of one INSERT, whose values follow each other column by column."""
    found = []
    for at in range(0, len(values), _COLUMNS):
        stream, seq, kind, _, payload, recorded_at, _, _ = values[at : at + _COLUMNS]
        found.append(Row(stream, seq, kind, json.loads(payload), recorded_at))
    return found


def _failure(code: int, text: str) -> Exception:
    error = SqliteBackend.errors[0](text)
    error.sqlite_errorcode = code  # type: ignore[attr-defined]
    return error
