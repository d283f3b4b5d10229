"""One connection and its transactions, the same for SQLite and PostgreSQL.

SQLAlchemy makes the connection, the schema and the reports. On the order path the statements are constant
texts given straight to the driver, which prepares each once: SQLAlchemy's execution costs 10 µs a statement
there, a third of the whole budget.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from hydra.domain.errors import Unavailable


class Failure(StrEnum):
    """Why a transaction did not end with a known commit."""

    BUSY = "BUSY"  # another writer held the lock for the whole timeout; nothing written
    TAKEN = "TAKEN"  # a unique key exists already; nothing written
    STALE = "STALE"  # the database asks to decide again (SQLSTATE 40001); nothing written
    FAILED = "FAILED"  # storage or connection failed before COMMIT; nothing written
    UNKNOWN = "UNKNOWN"  # COMMIT itself failed


class TransactionFailed(Exception):
    """A transaction that did not end with a known commit; `failure` says what may be concluded."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


class Backend(Protocol):
    """What differs between databases."""

    name: str
    begin: tuple[str, ...]
    errors: tuple[type[Exception], ...]

    def create_engine(self) -> Engine: ...
    def configure(self, raw: Any, *, read_only: bool) -> None: ...
    def text(self, sql: str) -> str: ...
    def is_open(self, raw: Any) -> bool: ...
    def tidy(self, raw: Any) -> bool: ...
    def close(self) -> None: ...
    def failure(self, error: Exception, *, at_commit: bool) -> Failure: ...


Rows = list[tuple[Any, ...]]


class Database:
    """A connection that one thread owns; it is opened again after a failure that may have broken it."""

    def __init__(
        self, backend: Backend, *, read_only: bool = False, around: Callable[[Any], Any] | None = None
    ) -> None:
        """`around` may put something between this and the driver's connection: a watcher, a bad disk."""
        self.backend = backend
        self._around = around
        self.engine = backend.create_engine()
        self.before_statement: Callable[[str], None] | None = None
        self.where: str | None = None
        """Named once the ledger is in use: from then on a failing read is one coded line."""
        self._is_inside = False
        self._read_only = read_only
        self._text = cache(backend.text)
        self._connection: Connection | None = None
        self._raw: Any = None
        self._cursor: Any = None
        self.connect()

    def connect(self) -> None:
        """Opens the connection (again); raises what the driver raises."""
        self.disconnect()
        self._connection = self.engine.connect()
        self._raw = self._connection.connection.dbapi_connection
        self.backend.configure(self._raw, read_only=self._read_only)
        if self._around is not None:
            self._raw = self._around(self._raw)
        self._cursor = self._raw.cursor()

    def disconnect(self) -> None:
        connection, self._connection, self._raw, self._cursor = self._connection, None, None, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def close(self) -> None:
        connection, self._connection, self._raw, self._cursor = self._connection, None, None, None
        if connection is not None:
            connection.close()
        self.engine.dispose()
        self.backend.close()

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's face of the same connection, for schema and reports."""
        if self._connection is None:
            self.connect()
        assert self._connection is not None
        return self._connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:
        """One statement with `?` for its values; the cursor is this connection's one and only."""
        if self.before_statement is not None:
            self.before_statement(sql)
        if self._raw is None:
            self.connect()
        return self._cursor.execute(self._text(sql), values)

    def rows(self, sql: str, values: Sequence[object] = ()) -> Rows:
        try:
            self.execute(sql, values)
            found: Rows = self._cursor.fetchall()
        except self.backend.errors as error:
            self._raise_coded(error)
            raise
        return found

    def row(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        try:
            self.execute(sql, values)
            found: tuple[Any, ...] | None = self._cursor.fetchone()
        except self.backend.errors as error:
            self._raise_coded(error)
            raise
        return found

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows one by one, on a cursor of their own: other statements may run in between."""
        try:
            cursor: Any = self.connection.connection.cursor()
            cursor.execute(self._text(sql), values)
            # `yield from` would close the cursor with the generator, which may be after the connection
            for row in cursor:  # noqa: UP028
                yield row
        except self.backend.errors as error:
            self._raise_coded(error)
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All inside commits together; else TransactionFailed or the body's own exception, and nothing."""
        self._is_inside = True
        try:
            for statement in self.backend.begin:
                self.execute(statement)
            yield
        except self.backend.errors as error:
            self._roll_back()
            raise self._failed(error, at_commit=False) from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._is_inside = False
        try:
            self.execute("COMMIT")
        except self.backend.errors as error:
            self._roll_back()
            raise self._failed(error, at_commit=True) from error
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several reads of one state: nothing written in between is seen."""
        try:
            self.execute("BEGIN")
            yield
        finally:
            self._roll_back()

    def _raise_coded(self, error: Exception) -> None:
        """A failing read as one coded line; within a transaction the driver's error says what it means."""
        if self._is_inside or self.where is None:
            return
        self.disconnect()
        raise Unavailable("HY-405", where=self.where, problem=error) from error

    def _failed(self, error: Exception, *, at_commit: bool) -> TransactionFailed:
        failure = self.backend.failure(error, at_commit=at_commit)
        if failure in (Failure.UNKNOWN, Failure.FAILED):
            self.disconnect()
        return TransactionFailed(failure, f"{type(error).__name__}: {error}".strip())

    def _roll_back(self) -> None:
        """Leaves no transaction open, whatever state the failure left the connection in."""
        if self._raw is None or not self.backend.is_open(self._raw):
            return
        try:
            self._raw.execute("ROLLBACK")
        except self.backend.errors:
            self.disconnect()
