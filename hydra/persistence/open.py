"""Opens a ledger: a file or a URL in, a migrated `SqlLedger` out."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from hydra.domain.errors import Unavailable, UserError
from hydra.persistence.anchor import HeadsFile
from hydra.persistence.control import ControlReader
from hydra.persistence.database import Backend, Database
from hydra.persistence.leases import LeaseBook
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.migrate import ensure_schema
from hydra.persistence.postgres import PostgresBackend
from hydra.persistence.seat import LOCKS_FOLDER, Host
from hydra.persistence.sqlite import SqliteBackend, reserve_wal

BUSY_TIMEOUT_S: Final = 0.5
RESEARCH_BUSY_TIMEOUT_S: Final = 5.0
WAL_RESERVE_BYTES: Final = 8 << 20
_OPENING_WAIT_S: Final = 5.0


def open_ledger(
    url_or_path: str | Path,
    *,
    now: Callable[[], datetime],
    wall_s: Callable[[], float],
    settle: timedelta = timedelta(seconds=10),
    folder: Path | None = None,
    heads_file: Path | None = None,
    read_only: bool = False,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    wal_reserve_bytes: int = 0,
    around: Callable[[Any], Any] | None = None,
    host: Host | None = None,
) -> SqlLedger:
    """The ledger at a path or URL (sqlite:///FILE, postgresql://…), created or migrated unless `read_only`.

    `settle` is market time. `folder` holds lock files and the heads file; it defaults to the ledger's own
    folder and must be given for a server. `wal_reserve_bytes` > 0 is for the process that sends: it keeps
    that much of the WAL allocated ahead, outside of the order path (see `reserve_wal`). `around` is put
    between the ledger and the driver's connection; `host` is the machine that leases are taken on.
    Errors: HY-401 newer schema, HY-402 nothing to read, HY-405 cannot be opened, HY-409 no driver.
    """
    url, path, where = _located(url_or_path, read_only=read_only)
    place = folder or (path.parent if path is not None else None)
    if place is None:
        raise UserError("HY-405", where=where, problem="no folder is given for locks and heads")
    backend = _backend(url, path, where, busy_timeout_s)
    database = _connected(backend, where, read_only=read_only, around=around)
    name = path.name if path is not None else f"{url.database}.ledger"
    return SqlLedger(
        database,
        where,
        now=now,
        wall_s=wall_s,
        control=ControlReader(database, now, settle),
        leases=LeaseBook(database, place / LOCKS_FOLDER, wall_s, is_lock_shared=path is not None, host=host),
        heads=HeadsFile(heads_file or place / f"{name}.heads"),
        reserve=_reserve(database, path, wal_reserve_bytes),
    )


def open_research_tables(
    url_or_path: str | Path, *, read_only: bool = False, busy_timeout_s: float = RESEARCH_BUSY_TIMEOUT_S
) -> tuple[Database, str]:
    """A connection of its own to the plain tables of experiments, models and books, and where they are.

    They live in the ledger's database and are migrated with it; whoever opens them does not write orders, so
    he waits for the writer who does. Errors as of `open_ledger`; HY-857 for an older schema, `read_only`.
    """
    url, path, where = _located(url_or_path, read_only=read_only)
    backend = _backend(url, path, where, busy_timeout_s)
    return _connected(backend, where, read_only=read_only, around=None), where


def _located(url_or_path: str | Path, *, read_only: bool) -> tuple[URL, Path | None, str]:
    url = _url(url_or_path)
    path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    where = str(path) if path is not None else url.render_as_string(hide_password=True)
    if path is not None and read_only and not path.exists():
        raise UserError("HY-402", where=where)
    return url, path, where


def _url(url_or_path: str | Path) -> URL:
    text = str(url_or_path)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise UserError("HY-409", where=text, problem=error) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UserError("HY-409", where=url.render_as_string(), problem=f"unknown kind {url.drivername}")
    return url


def _backend(url: URL, path: Path | None, where: str, busy_timeout_s: float) -> Backend:
    if path is not None:
        return SqliteBackend(path, busy_timeout_s)
    try:
        return PostgresBackend(url, busy_timeout_s)
    except ImportError as error:
        raise UserError("HY-409", where=where, problem=error) from error


def _connected(
    backend: Backend, where: str, *, read_only: bool, around: Callable[[Any], Any] | None
) -> Database:
    """A migrated connection. Two processes that create one ledger at once meet here: the later one waits."""
    deadline = time.monotonic() + _OPENING_WAIT_S
    failures: tuple[type[Exception], ...] = (DBAPIError, OSError, *backend.errors)
    while True:
        database: Database | None = None
        try:
            database = Database(backend, read_only=read_only, around=around)
            ensure_schema(database, where, read_only=read_only)
            return database
        except failures as error:
            if database is not None:
                database.close()
            backend.close()
            cause = getattr(error, "orig", None) or error
            if "locked" not in str(cause) or time.monotonic() > deadline:
                raise Unavailable("HY-405", where=where, problem=cause) from error
            time.sleep(0.02)
        except BaseException:
            if database is not None:
                database.close()
            raise


def _reserve(database: Database, path: Path | None, reserve_bytes: int) -> Callable[[], None] | None:
    if path is None or reserve_bytes <= 0:
        return None
    found = path

    def reserve() -> None:
        with database.transaction():
            reserve_wal(found, reserve_bytes)

    return reserve
