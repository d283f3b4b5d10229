"""`hydra ledger verify` names what was done to the file: edited, swapped, cut, restored, rewritten."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hydra.domain.errors import BrokenLaw
from hydra.persistence.anchor import HeadsFile
from hydra.persistence.chain import EventRow, hash_of
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.verify import Damage, Proof, verify
from tests.contract.ledger_facts import Desk, Hands, halted, opened_ledger
from tests.contract.ledger_stores import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger with two parents and a halt, as a day leaves it."""
    place = tmp_path / "ledger.db"
    trade_a_day(place)
    return place


def trade_a_day(place: Path, n: int = 1, lots: int = 2) -> None:
    hands = Hands()
    ledger = opened_ledger(place, hands)
    desk = Desk(ledger, hands, last_id=100 * n)
    for symbol in ("ZO", "HE"):
        parent = desk.sent(desk.opened(symbol, n=n), 4)
        desk.fill(parent, lots, f"{symbol}{n}.01")
    ledger.record([halted("LE")])
    ledger.close()


def proof_of(place: Path) -> Proof:
    ledger = opened_ledger(place, Hands(), read_only=True)
    try:
        return verify(ledger.database, ledger.heads)
    finally:
        ledger.close()


def tampered(place: Path, *statements: str) -> None:
    """What anybody with the file and a SQLite shell can do: the triggers go first."""
    with sqlite3.connect(place) as connection:
        connection.execute("DROP TRIGGER order_events_no_update")
        connection.execute("DROP TRIGGER order_events_no_delete")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    connection.close()


ZO = "stream = '20260821-ZO-1'"
SWAP_CONTENT = (
    "CREATE TABLE old AS SELECT * FROM order_events",
    "UPDATE order_events AS one SET (kind, version, payload, recorded_at) ="
    " (SELECT kind, version, payload, recorded_at FROM old WHERE old.stream = one.stream"
    f"  AND old.seq = 7 - one.seq) WHERE {ZO} AND seq IN (3, 4)",
)
SWAP_PLACE = (
    f"UPDATE order_events SET seq = 99 WHERE {ZO} AND seq = 3",
    f"UPDATE order_events SET seq = 3 WHERE {ZO} AND seq = 4",
    f"UPDATE order_events SET seq = 4 WHERE {ZO} AND seq = 99",
)


def test_an_untouched_ledger_proves_itself(path: Path) -> None:
    proof = proof_of(path)
    assert proof.findings == ()
    assert (proof.streams, proof.events) == (3, 11)
    assert proof.anchored >= 7


@pytest.mark.parametrize(
    ("statements", "damage", "place"),
    [
        (
            [f"UPDATE order_events SET payload = replace(payload, '350', '340') WHERE {ZO} AND seq = 2"],
            "EDITED",
            2,
        ),
        ([f"UPDATE order_events SET recorded_at = '2026-08-20' WHERE {ZO} AND seq = 5"], "EDITED", 5),
        (SWAP_CONTENT, "SWAPPED", 3),
        (SWAP_PLACE, "SWAPPED", 3),
        ([f"DELETE FROM order_events WHERE {ZO} AND seq = 3"], "REMOVED", 3),
        ([f"DELETE FROM order_events WHERE {ZO} AND seq >= 4"], "DROPPED_TAIL", 4),
        ([f"DELETE FROM order_events WHERE {ZO}"], "DROPPED_TAIL", 1),
    ],
)
def test_what_was_done_to_an_event_is_named_with_its_place(
    path: Path, statements: list[str], damage: str, place: int
) -> None:
    tampered(path, *statements)
    first = proof_of(path).findings[0]
    assert (first.damage, first.stream, first.seq) == (damage, "20260821-ZO-1", place)


def test_yesterdays_file_restored_is_named(path: Path, tmp_path: Path) -> None:
    yesterday = tmp_path / "backup.db"
    shutil.copy(path, yesterday)
    trade_a_day(path, n=2)
    shutil.copy(yesterday, path)
    (finding,) = proof_of(path).findings
    assert finding.damage is Damage.OLDER_FILE


def test_a_tail_dropped_from_every_table_is_still_missed(path: Path) -> None:
    """Whoever also mends the state tables is betrayed by the heads kept outside."""
    cut = f"DELETE FROM order_events WHERE {ZO} AND seq = 5"
    head = (
        "UPDATE parents SET (seq, hash) = (SELECT seq, hash FROM order_events"
        f" WHERE {ZO} AND seq = 4) WHERE parent_id = '20260821-ZO-1'"
    )
    tampered(path, cut, head)
    (finding,) = proof_of(path).findings
    assert (finding.damage, finding.stream, finding.seq) == (Damage.DROPPED_TAIL, "20260821-ZO-1", 5)


def test_an_event_edited_together_with_all_hashes_after_it_is_named(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER order_events_no_update")
    columns = "stream, seq, kind, version, payload, recorded_at, prev_hash, hash"
    read = f"SELECT {columns} FROM order_events WHERE {ZO}"
    before = ""
    for row in map(EventRow._make, connection.execute(read + " ORDER BY seq").fetchall()):
        edited = row._replace(payload=row.payload.replace("350", "340"), prev_hash=before)
        before = hash_of(edited)
        values = (edited.payload, edited.prev_hash, before, row.seq)
        connection.execute(
            f"UPDATE order_events SET payload=?, prev_hash=?, hash=? WHERE {ZO} AND seq=?", values
        )
    connection.execute("UPDATE parents SET hash = ? WHERE parent_id = '20260821-ZO-1'", (before,))
    connection.commit()
    connection.close()
    assert {one.damage for one in proof_of(path).findings} == {Damage.REWRITTEN}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE positions SET lots = lots + 1",
        "UPDATE children SET reserved_qty = 0",
        "DELETE FROM children",
        "UPDATE parents SET messages = 0",
        "UPDATE sendings SET verdict = 'x' || verdict",
        "DELETE FROM executions",
        "DELETE FROM trading_states",
        "DELETE FROM messages",
    ],
)
def test_a_state_table_that_is_not_the_fold_is_named(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    findings = proof_of(path).findings
    assert {one.damage for one in findings} == {Damage.TABLE}
    assert {one.stream for one in findings} == {statement.split()[2 if "DELETE" in statement else 1]}


def test_a_torn_line_in_the_heads_file_proves_nothing(path: Path) -> None:
    heads = path.with_name("ledger.db.heads")
    heads.write_text(heads.read_text() + '["2026-08-21T14:3')
    assert proof_of(path).findings == ()


def test_a_ledger_ahead_of_its_heads_file_is_sound(path: Path) -> None:
    """A power failure keeps the commit and may lose the line written after it."""
    heads = path.with_name("ledger.db.heads")
    heads.write_text("".join(heads.read_text().splitlines(keepends=True)[:-3]))
    assert proof_of(path).findings == ()


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.ledger.load("20260821-ZO-1"),
        lambda desk: desk.ledger.append("20260821-ZO-1", 5, []),
    ],
)
def test_a_damaged_stream_is_not_traded_on(path: Path, act: Callable[[Desk], object]) -> None:
    tampered(path, f"UPDATE order_events SET payload = replace(payload, '350', '340') WHERE {ZO} AND seq = 4")
    hands = Hands()
    ledger = opened_ledger(path, hands)
    with pytest.raises(BrokenLaw, match="hash chain"):
        act(Desk(ledger, hands))
    ledger.close()


def test_every_store_proves_itself_after_a_day(store: Store) -> None:
    hands = Hands()
    desk = Desk(store.open(hands), hands)
    desk.fill(desk.sent(desk.opened(), 4), 2)
    desk.ledger.record([halted("LE")])
    ledger: SqlLedger = store.open(hands)
    assert isinstance(ledger.heads, HeadsFile)
    assert verify(ledger.database, ledger.heads).findings == ()
