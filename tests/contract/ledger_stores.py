"""The stores every ledger test runs on: a SQLite file, and a PostgreSQL server where its binary is."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from hydra.persistence.ledger import SqlLedger
from tests.contract.ledger_facts import Hands, opened_ledger

_numbers = count(1)


@dataclass
class Store:
    """One empty ledger that several connections may open."""

    kind: str
    place: Path | str
    folder: Path
    opened: list[SqlLedger] = field(default_factory=list)

    def open(self, hands: Hands, **options: object) -> SqlLedger:
        """A connection that waits 50 ms for another writer and is closed after the test."""
        given = {"folder": self.folder, "busy_timeout_s": 0.05, **options}
        ledger = opened_ledger(self.place, hands, **given)
        self.opened.append(ledger)
        return ledger

    def close(self) -> None:
        for ledger in self.opened:
            ledger.close()


@dataclass(frozen=True)
class PostgresServer:
    """A server on a socket file, without a port; `template1` holds no ledger."""

    socket: Path

    def new_database(self) -> str:
        import psycopg

        name = f"ledger_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server of this test session; the server refuses to run as root, so root runs it as its own user."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    if found[-1] is None:
        pytest.skip("no PostgreSQL server binary (Debian: apt-get install postgresql)")
    binaries = Path(found[-1]).parent
    user = "postgres" if os.geteuid() == 0 else None
    # Not below pytest's own folder: each test run by root closes that one to everybody else.
    folder = Path(tempfile.mkdtemp(prefix="hydra-pg-"))
    if user is not None:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"

    def run(binary: str, *args: str) -> None:
        subprocess.run([binaries / binary, *args], user=user, cwd=folder, check=True, capture_output=True)

    run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=40"
    run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
    try:
        yield PostgresServer(folder)
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made = Store("sqlite", tmp_path / "ledger.db", tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        made = Store("postgresql", server.new_database(), tmp_path)
    yield made
    made.close()
