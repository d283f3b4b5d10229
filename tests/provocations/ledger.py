"""HY-4xx."""

import shutil
import sqlite3
from pathlib import Path
from subprocess import CompletedProcess

from hydra.persistence.chain import Head, hash_of, rows_after
from tests.contract.ledger_facts import Desk, Hands, opened_ledger, planned
from tests.provocations import Scene, provokes

PARENT = "20260821-ZO-1"
NARROW = ("trading", "set", "HALTED", "--scope", "ZO", "--by", "anna")


def traded(scene: Scene) -> Path:
    """A ledger with one parent and one child, where the command line looks for it."""
    folder = scene.here / "data"
    folder.mkdir()
    hands = Hands()
    ledger = opened_ledger(folder / "ledger.sqlite3", hands)
    desk = Desk(ledger, hands)
    desk.sent(desk.opened(), 2)
    ledger.close()
    return folder / "ledger.sqlite3"


def changed(place: Path, *statements: str) -> None:
    with sqlite3.connect(place) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def appended(place: Path, kind: str, payload: str) -> None:
    """One more event at the parent's end, with a hash that fits: another build's, or a broken one's."""
    with sqlite3.connect(place) as connection:
        head = Head(
            *connection.execute(f"SELECT seq, hash FROM parents WHERE parent_id = '{PARENT}'").fetchone()
        )
        (row,) = rows_after(head, PARENT, [planned(PARENT, 1)], "2026-08-21T15:00:00.000000+00:00")
        made = row._replace(kind=kind, payload=payload)
        made = made._replace(hash=hash_of(made))
        connection.execute("INSERT INTO order_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", made)
        connection.execute("UPDATE parents SET seq = ?, hash = ?", (made.seq, made.hash))
    connection.close()


@provokes("HY-401")
def a_ledger_of_a_later_build(scene: Scene) -> CompletedProcess[str]:
    changed(traded(scene), "UPDATE alembic_version SET version_num = '9999'")
    return scene.hydra("ledger", "positions")


@provokes("HY-402")
def no_ledger_yet(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("ledger", "verify")


@provokes("HY-403")
def an_event_of_a_later_build(scene: Scene) -> CompletedProcess[str]:
    appended(traded(scene), "ChildTeleported", "{}")
    return scene.hydra("ledger", "show", PARENT)


@provokes("HY-404")
def an_event_without_its_facts(scene: Scene) -> CompletedProcess[str]:
    appended(traded(scene), "ChildFilled", "{}")
    return scene.hydra("ledger", "show", PARENT)


@provokes("HY-405")
def a_file_that_is_no_ledger(scene: Scene) -> CompletedProcess[str]:
    folder = scene.here / "data"
    folder.mkdir()
    (folder / "ledger.sqlite3").write_text("date,open,high,low,close,volume\n" * 100)
    return scene.hydra("ledger", "export", "--json")


@provokes("HY-406")
def a_ledger_that_another_process_keeps_locked(scene: Scene) -> CompletedProcess[str]:
    connection = sqlite3.connect(traded(scene), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        return scene.hydra(*NARROW, "--reason", "test")
    finally:
        connection.close()


@provokes("HY-407")
def a_disk_that_fails_at_the_commit(scene: Scene) -> CompletedProcess[str]:
    """No file may grow beyond what the log needs: the commit, and only it, meets the limit."""
    traded(scene)
    args = ["hydra", *NARROW, "--reason", "x" * 60_000]
    return scene.python(
        "import resource, sys, hydra.cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))\n"
        f"sys.argv = {args!r}\n"
        "hydra.cli.main()\n"
    )


@provokes("HY-408")
def a_parent_that_was_never_planned(scene: Scene) -> CompletedProcess[str]:
    traded(scene)
    return scene.hydra("ledger", "show", "20260821-ZO-2")


@provokes("HY-409")
def a_database_of_another_kind(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("ledger", "positions", env={"HYDRA_LEDGER_URL": "mysql://localhost/hydra"})


@provokes("HY-410")
def a_ledger_with_a_position_made_by_hand(scene: Scene) -> CompletedProcess[str]:
    place = traded(scene)
    changed(place, "INSERT INTO positions VALUES (101, 'ZO', 5)")
    return scene.hydra("ledger", "verify")


@provokes("HY-410")
def a_ledger_whose_last_event_was_dropped(scene: Scene) -> CompletedProcess[str]:
    drop = "DELETE FROM order_events WHERE seq = 4"
    changed(traded(scene), "DROP TRIGGER order_events_no_delete", drop)
    return scene.hydra("ledger", "verify", "--json")


@provokes("HY-411")
def an_older_copy_of_the_ledger(scene: Scene) -> CompletedProcess[str]:
    """What is only in the lost events was promised: a sender may not go on from here."""
    place = traded(scene)
    copy = shutil.copy(place, scene.here / "copy")
    assert scene.hydra(*NARROW, "--reason", "test").returncode == 0
    shutil.copy(copy, place)
    return scene.hydra("session", "run", "--on", "2026-11-23", "--targets", "ZO=1")


@provokes("HY-900")
def an_event_that_was_changed(scene: Scene) -> CompletedProcess[str]:
    place = traded(scene)
    wrong = "UPDATE order_events SET payload = replace(payload, '10', '11') WHERE seq = 1"
    changed(place, "DROP TRIGGER order_events_no_update", wrong)
    return scene.hydra("ledger", "show", PARENT)
