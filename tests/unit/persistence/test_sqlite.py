import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hydra.persistence.sqlite import has_wal_reset_bug, reserve_wal
from tests.contract.ledger_facts import Desk, Hands, opened_ledger

RESERVE = 1 << 18


@pytest.mark.parametrize(
    ("version", "is_affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_those_of_the_change_log(
    version: tuple[int, int, int], is_affected: bool
) -> None:
    assert has_wal_reset_bug(version) is is_affected


def test_every_commit_reaches_the_disk_and_no_checkpoint_comes_by_itself(tmp_path: Path) -> None:
    ledger = opened_ledger(tmp_path / "ledger.db", Hands())
    asked = {name: ledger.database.rows(f"PRAGMA {name}")[0][0] for name in PRAGMAS}
    assert asked["journal_mode"] == "wal"
    assert asked["synchronous"] == 2
    assert asked["mmap_size"] == 0
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        assert asked["wal_autocheckpoint"] == 0
    ledger.close()


PRAGMAS = ("journal_mode", "synchronous", "mmap_size", "wal_autocheckpoint")


def test_another_thread_may_not_use_the_connection(tmp_path: Path) -> None:
    from threading import Thread

    ledger = opened_ledger(tmp_path / "ledger.db", Hands())
    caught: list[Exception] = []

    def use() -> None:
        try:
            ledger.database.execute("SELECT 1")
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    thread = Thread(target=use)
    thread.start()
    thread.join()
    assert "thread" in str(caught[0])
    ledger.close()


def test_a_reserve_lies_behind_the_log_and_costs_no_event(tmp_path: Path) -> None:
    place, hands = tmp_path / "ledger.db", Hands()
    ledger = opened_ledger(place, hands, wal_reserve_bytes=RESERVE)
    desk = Desk(ledger, hands)
    log = place.with_name("ledger.db-wal")
    reserved = log.stat().st_size
    assert reserved > RESERVE
    parent = desk.sent(desk.opened(), 2)
    assert log.stat().st_size == reserved, "commits overwrite the reserve"
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):  # what a crash leaves: the file and its log with zeros at the end
        copy.with_name(f"copy.db{suffix}").write_bytes(place.with_name(f"ledger.db{suffix}").read_bytes())
    recovered = opened_ledger(copy, hands, read_only=True)
    assert recovered.load(parent.parent_id) == parent
    recovered.close()
    ledger.close()
    assert not log.exists(), "the last connection's end moves the log into the ledger"


def test_a_used_up_reserve_is_renewed_and_an_unused_one_is_left(tmp_path: Path) -> None:
    place, hands = tmp_path / "ledger.db", Hands()
    ledger = opened_ledger(place, hands, wal_reserve_bytes=RESERVE)
    desk = Desk(ledger, hands)
    log = place.with_name("ledger.db-wal")
    reserved = log.stat().st_size
    assert ledger.renew(desk.lease)
    assert log.stat().st_size == reserved
    for n in range(1, 8):
        desk.opened(n=n)
        desk.opened("HE", n=n)
    assert ledger.renew(desk.lease)
    assert log.stat().st_size > reserved
    ledger.close()


def test_a_reserve_for_a_log_that_is_not_there_is_nothing(tmp_path: Path) -> None:
    reserve_wal(tmp_path / "none.db", RESERVE)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_made_alone_or_not_at_all(tmp_path: Path) -> None:
    place, hands = tmp_path / "ledger.db", Hands(at=datetime(2026, 8, 21, 14, tzinfo=UTC))
    ledger = opened_ledger(place, hands)
    parent = Desk(ledger, hands).opened()
    other = opened_ledger(place, hands, read_only=True)
    assert other.load(parent.parent_id) == parent
    assert not ledger.checkpoint()
    assert ledger.load(parent.parent_id) == parent
    other.close()
    assert ledger.checkpoint()
    assert place.with_name("ledger.db-wal").stat().st_size == 0
    again = opened_ledger(place, hands, read_only=True)
    assert again.load(parent.parent_id) == parent, "and the ledger is open to others again"
    again.close()
    ledger.close()
