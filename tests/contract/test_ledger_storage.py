"""When the disk is full, read-only, locked or damaged: a clear answer, and no promise that may not hold."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hydra.domain.errors import HydraError, Unavailable, UserError
from hydra.domain.events import ParentClosed
from hydra.domain.parent import ParentOrder
from hydra.ports import Conflict, InDoubtCommit, RecordedSending
from tests.contract.ledger_facts import Desk, Hands, halted, opened_ledger
from tests.contract.ledger_stores import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    hands = Hands()
    ledger = opened_ledger(path, hands, busy_timeout_s=0.05)
    yield Desk(ledger, hands)
    ledger.close()


def close(desk: Desk, parent: ParentOrder) -> ParentOrder | Conflict:
    return desk.ledger.append(parent.parent_id, parent.seq, [ParentClosed(parent.parent_id, "REMAINDER", "")])


@contextmanager
def no_pages_left(desk: Desk) -> Iterator[None]:
    """SQLite's own limit gives the error of a full disk before COMMIT."""
    pages = desk.ledger.database.rows("PRAGMA page_count")[0][0]
    desk.ledger.database.execute(f"PRAGMA max_page_count = {pages}")
    yield
    desk.ledger.database.execute("PRAGMA max_page_count = 1073741823")


@contextmanager
def no_growth_of_files(path: Path) -> Iterator[None]:
    """The kernel refuses to let the log grow: COMMIT itself fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(f"{path.name}-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_before_commit_means_not_sent_and_the_next_one_is(desk: Desk) -> None:
    """The connection is opened anew after the failure, and with it the disk has room again."""
    parents = [desk.opened("ZO", n=n) for n in range(1, 60)]
    with no_pages_left(desk):
        results = [(parent, desk.send(parent, 1)) for parent in parents]
    (_, first), refused = results[0], [(parent, one) for parent, one in results if isinstance(one, Conflict)]
    assert isinstance(first, RecordedSending)
    ((parent, conflict),) = refused
    assert "not sent" in conflict.reason
    assert "full" in conflict.reason
    assert desk.reload(parent) == parent
    assert isinstance(desk.send(parent, 1), RecordedSending)


def test_a_fact_that_finds_no_room_is_one_line(desk: Desk) -> None:
    with no_pages_left(desk), pytest.raises(Unavailable, match="HY-406"):
        desk.ledger.record([halted("X" * 30_000)])
    assert list(desk.ledger.export()) == []


def test_a_commit_that_fails_is_in_doubt_and_is_never_sent(desk: Desk, path: Path) -> None:
    """After it the ledger answers again, and says which it was; a retry finds its place."""
    parent = desk.opened()
    with no_growth_of_files(path):
        result = desk.send(parent, 1)
    assert isinstance(result, InDoubtCommit)
    now = desk.reload(parent)
    assert now.seq in (parent.seq, parent.seq + 2)
    assert isinstance(desk.send(now, 1), RecordedSending)


def test_an_append_whose_commit_fails_says_that_nobody_knows(desk: Desk, path: Path) -> None:
    parent = desk.opened()
    with no_growth_of_files(path), pytest.raises(Unavailable) as caught:
        close(desk, parent)
    assert caught.value.code == "HY-407"
    assert isinstance(close(desk, desk.reload(parent)), ParentOrder)


def test_a_locked_ledger_means_not_sent_and_nothing_written(desk: Desk, path: Path) -> None:
    parent = desk.opened()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        refused, unwritten = desk.send(parent, 1), close(desk, parent)
        with pytest.raises(Unavailable) as caught:
            desk.ledger.record([halted()])
        other.execute("ROLLBACK")
    other.close()
    assert isinstance(refused, Conflict)
    assert "not sent" in refused.reason
    assert "locked" in refused.reason
    assert isinstance(unwritten, Conflict)
    assert caught.value.code == "HY-406"
    assert desk.reload(parent) == parent
    assert isinstance(desk.send(parent, 1), RecordedSending)


def test_a_store_that_turned_read_only_sends_nothing_and_still_reads(desk: Desk) -> None:
    parent = desk.opened()
    desk.ledger.database.execute("PRAGMA query_only = ON")
    refused = desk.send(parent, 1)
    assert isinstance(refused, Conflict)
    assert "readonly" in refused.reason
    assert desk.reload(parent) == parent


def test_a_damaged_file_is_one_line_and_no_trace(path: Path) -> None:
    hands = Hands()
    ledger = opened_ledger(path, hands)
    for day in range(20):
        Desk(ledger, hands, last_id=day * 10).opened(n=day + 1)
    ledger.close()
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with pytest.raises(HydraError) as caught:
        read_all(path)
    assert caught.value.code in ("HY-405", "HY-900")


def read_all(path: Path) -> None:
    ledger = opened_ledger(path, Hands())
    try:
        ledger.unfinished()
        list(ledger.export())
    finally:
        ledger.close()


def test_a_file_that_is_no_ledger_is_refused(path: Path) -> None:
    path.write_bytes(b"date,open,high,low,close,volume\n" * 200)
    with pytest.raises(HydraError) as caught:
        opened_ledger(path, Hands())
    assert caught.value.code == "HY-405"


def test_somebody_elses_database_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE trades (id)")
    other.close()
    with pytest.raises(UserError) as caught:
        opened_ledger(path, Hands())
    assert caught.value.code == "HY-405"
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("trades",)]
    other.close()


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HydraError) as caught:
        opened_ledger(tmp_path / "no" / "where" / "ledger.db", Hands())
    assert caught.value.code == "HY-405"


def test_reading_creates_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        store.open(Hands(), read_only=True)
    assert caught.value.code == "HY-402"
    assert not (tmp_path / "ledger.db").exists()


def test_a_reader_cannot_write(store: Store) -> None:
    hands = Hands()
    desk = Desk(store.open(hands), hands)
    parent = desk.opened()
    reader = store.open(hands, read_only=True)
    assert reader.load(parent.parent_id) == parent
    with pytest.raises(Unavailable):
        reader.record([halted()])


def test_a_newer_schema_is_refused_in_one_line(store: Store) -> None:
    ledger = store.open(Hands())
    ledger.database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match=r"HY-401 .*9999"):
        store.open(Hands())
