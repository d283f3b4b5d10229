"""One deployed database for every Prefect server of a test run: making it costs ten core seconds."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

DATABASE = Path("prefect") / "prefect.db"


@contextmanager
def deployed_once(factory: pytest.TempPathFactory, home: Path) -> Iterator[Callable[[], None] | None]:
    """Put the run's database into a server's home; where there is none yet, a call keeps this server's own.

    The first process holds the lock until its server is deployed; the others wait, which costs no core.
    """
    made = _of_all_processes(factory) / "deployed.db"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            yield lambda: _copy(home / DATABASE, made)
            return
    (home / DATABASE).parent.mkdir(exist_ok=True)
    shutil.copyfile(made, home / DATABASE)
    yield None


def _of_all_processes(factory: pytest.TempPathFactory) -> Path:
    mine = factory.getbasetemp()
    return mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine


def _copy(running: Path, to: Path) -> None:
    """A consistent copy beside the running server, whole or not at all."""
    part = to.with_suffix(".part")
    with closing(sqlite3.connect(running)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.rename(to)
