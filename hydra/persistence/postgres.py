"""PostgreSQL as the ledger's store, for more than one machine: the same statements through the same code."""

from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from hydra.persistence.database import Failure

_DECIDE_AGAIN: Final = ("40001", "40P01")
_LOCK_NOT_AVAILABLE: Final = "55P03"
_UNIQUE_VIOLATION: Final = "23505"


class PostgresBackend:
    """A server; `busy_timeout_s` is how long BEGIN waits for another writer."""

    name = "postgresql"
    # LOCK TABLE takes no snapshot, so the snapshot is younger than the lock: serializable alone would let a
    # sending commit after a halt it did not see, as if it had come before.
    begin: tuple[str, ...] = ("BEGIN ISOLATION LEVEL SERIALIZABLE", "LOCK TABLE write_gate IN EXCLUSIVE MODE")

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        import psycopg

        self.errors: tuple[type[Exception], ...] = (psycopg.Error,)
        self._idle = psycopg.pq.TransactionStatus.IDLE
        self._url = url.set(drivername="postgresql+psycopg")
        self._busy_timeout_ms = round(busy_timeout_s * 1000)

    def create_engine(self) -> Engine:
        return create_engine(self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def configure(self, raw: Any, *, read_only: bool) -> None:
        raw.execute(f"SET lock_timeout = {self._busy_timeout_ms}")
        raw.execute("SET synchronous_commit = on")
        raw.execute("SET TIME ZONE 'UTC'")
        if read_only:
            raw.execute("SET default_transaction_read_only = on")

    def text(self, sql: str) -> str:
        return sql.replace("?", "%s")

    def is_open(self, raw: Any) -> bool:
        return not raw.closed and raw.info.transaction_status != self._idle

    def tidy(self, raw: Any) -> bool:
        return True  # the server looks after its own log

    def close(self) -> None:
        pass

    def failure(self, error: Exception, *, at_commit: bool) -> Failure:
        state = getattr(error, "sqlstate", None)
        if state in _DECIDE_AGAIN:
            return Failure.STALE
        if at_commit:
            return Failure.UNKNOWN
        if state == _LOCK_NOT_AVAILABLE:
            return Failure.BUSY
        return Failure.TAKEN if state == _UNIQUE_VIOLATION else Failure.FAILED
