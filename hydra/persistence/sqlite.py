"""SQLite as the ledger's store: WAL, every commit on disk, and the write lock taken before the first read."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from hydra.persistence.database import Failure

_CACHE_KIB: Final = 65_536
_PRIMARY_CODE: Final = 0xFF
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether two connections writing and checkpointing at one instant can corrupt the file.

    SQLite's change log: every version from 3.7.0 up to 3.51.2 but for the back-ports 3.44.6 and 3.50.7.
    """
    if version >= (3, 51, 3) or version < (3, 7, 0):
        return False
    return not ((3, 44, 6) <= version < (3, 45, 0) or (3, 50, 7) <= version < (3, 51, 0))


def library_version() -> tuple[int, int, int]:
    """The SQLite that this Python is linked with."""
    major, minor, patch = sqlite3.sqlite_version_info
    return major, minor, patch


class SqliteBackend:
    """A file; `busy_timeout_s` is how long BEGIN waits for another writer."""

    name = "sqlite"
    # IMMEDIATE takes the write lock now: what is read below cannot change before COMMIT.
    begin: tuple[str, ...] = ("BEGIN IMMEDIATE",)
    # of a damaged file SQLite may quote the damaged bytes, and its own word can then not be read
    errors: tuple[type[Exception], ...] = (sqlite3.Error, UnicodeDecodeError)

    def __init__(self, path: Path, busy_timeout_s: float) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._mark: OpenMark | None = None

    def create_engine(self) -> Engine:
        return create_engine(
            URL.create("sqlite", database=str(self.path)),
            poolclass=NullPool,
            # The driver opens no transaction by itself; ours begin and end with explicit statements.
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": self._busy_timeout_s, "check_same_thread": True},
        )

    def configure(self, raw: Any, *, read_only: bool) -> None:
        if self._mark is None:
            self._mark = OpenMark(self.path)
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        if has_wal_reset_bug(sqlite3.sqlite_version_info):
            raw.execute("PRAGMA wal_autocheckpoint=0")
        if read_only:
            raw.execute("PRAGMA query_only=ON")
        elif raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raw.execute("PRAGMA journal_mode=WAL")

    def text(self, sql: str) -> str:
        return sql

    def is_open(self, raw: Any) -> bool:
        return bool(raw.in_transaction)

    def tidy(self, raw: Any) -> bool:
        """Moves the log into the file and empties it, while no other connection is open.

        On versions with the WAL-reset bug that is the only safe moment: nobody can write meanwhile.
        """

        def checkpoint() -> bool:
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy == 0)

        return self._mark is not None and self._mark.alone(checkpoint)

    def close(self) -> None:
        mark, self._mark = self._mark, None
        if mark is not None:
            mark.close()

    def failure(self, error: Exception, *, at_commit: bool) -> Failure:
        if at_commit:
            return Failure.UNKNOWN
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return Failure.FAILED
        if code & _PRIMARY_CODE in _BUSY:
            return Failure.BUSY
        if code in (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE):
            return Failure.TAKEN
        return Failure.FAILED


class OpenMark:
    """A lock file that every connection of ours shares, so that one can know that it is alone.

    SQLite's exclusive locking mode does not do for a log that is open already: it lets others in.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path.with_name(f"{path.name}.open"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self, act: Callable[[], bool]) -> bool:
        """What `act` returns, done while nobody else can open the ledger; False when somebody has it open."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return act()
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        os.close(self._descriptor)


def reserve_wal(path: Path, reserve_bytes: int) -> None:
    """Keeps at least half of `reserve_bytes` of zeros at the WAL's end; call it with the write lock held.

    A commit that overwrites allocated blocks costs half of one that makes the file grow, because fdatasync
    then has no new size to record. SQLite ignores what follows the last valid frame (its recovery stops at
    the first frame whose salt or checksum is wrong), and the lock keeps others from appending meanwhile. No
    lock of SQLite's lies on the WAL file itself, so that closing our descriptor drops none.
    """
    try:
        descriptor = os.open(f"{path}-wal", os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(descriptor).st_size
        if size == 0 or _is_unused(descriptor, size - reserve_bytes // 2):
            return
        end = size + reserve_bytes
        while size < end:
            size += os.pwrite(descriptor, bytes(min(1 << 20, end - size)), size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_unused(descriptor: int, offset: int) -> bool:
    """Whether no frame was ever written there: two pages' length always holds a frame header, never zero."""
    if offset < 0:
        return False
    window = os.pread(descriptor, 2 * 4200, offset)
    return not any(window)
