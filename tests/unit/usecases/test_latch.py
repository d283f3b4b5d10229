"""The latch file between processes: no kill is lost, whatever another process does to the file meanwhile."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hydra.domain.latch import Latched
from hydra.usecases.latch import blocking, let_through, lift_latch, read_latch, set_latch

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
PARENT = "20261123-ZO-1"


def kill(scope: str, number: int = 0) -> Latched:
    return Latched(scope, "anna", f"reason {number}", AT + timedelta(seconds=number))


def test_no_latch_blocks_nothing(tmp_path: Path) -> None:
    assert read_latch(tmp_path / "latch") == ()
    assert blocking(tmp_path / "latch", "ZO", PARENT) is None
    assert blocking(None, "ZO", PARENT) is None


def test_kills_add_up_and_are_lifted_by_their_scope(tmp_path: Path) -> None:
    path = tmp_path / "new" / "latch"
    for one in (kill("ALL"), kill("ZO", 1), kill(PARENT, 2)):
        set_latch(path, one)
    assert lift_latch(path, "ALL") == (kill("ALL"),)
    assert read_latch(path) == (kill("ZO", 1), kill(PARENT, 2))
    assert blocking(path, "HE", "20261123-HE-1") is None
    assert blocking(path, "ZO", "20261124-ZO-1") == kill("ZO", 1)
    assert lift_latch(path, "LE") == ()
    lift_latch(path, "ZO")
    lift_latch(path, PARENT)
    assert not path.exists()


def test_a_kill_after_a_torn_line_stands_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "latch"
    path.write_text('{"scope":"ZO"')
    set_latch(path, kill("HE"))
    assert kill("HE") in read_latch(path)
    assert blocking(path, "LE", "20261123-LE-1") is not None


@pytest.mark.parametrize("damage", ["a directory", "no text"])
def test_a_latch_that_cannot_be_read_blocks_everything(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "latch"
    if damage == "a directory":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\xff")
    assert blocking(path, "ZO", PARENT) is not None
    assert read_latch(path)[0].scope == "ALL"


def test_a_flatten_passes_its_own_scope_only(tmp_path: Path) -> None:
    path = tmp_path / "latch"
    set_latch(path, kill("ZO"))
    set_latch(path, kill("HE", 1))
    let_through(path, "ZO", "host/1/2")
    assert blocking(path, "ZO", PARENT, "host/1/2") is None
    assert blocking(path, "ZO", PARENT, "host/9/9") is not None
    assert blocking(path, "HE", "20261123-HE-1", "host/1/2") is not None


@pytest.mark.parametrize("left", ["", '{"scope":"ZO","by"'])
def test_what_a_crash_left_is_lifted_with_everything_and_with_nothing_less(tmp_path: Path, left: str) -> None:
    path = tmp_path / "latch"
    path.write_text(left)
    lift_latch(path, "ZO")
    assert blocking(path, "HE", "20261123-HE-1") is not None
    lift_latch(path, "ALL")
    assert not path.exists()


def test_no_kill_is_lost_while_others_are_lifted(tmp_path: Path) -> None:
    """Two kill as fast as they can while two others lift other scopes again and again."""
    path, wanted = tmp_path / "latch", 60
    over = threading.Event()

    def kills(first: int) -> None:
        for number in range(first, first + wanted):
            set_latch(path, kill("ZO", number))

    def lifts(scope: str) -> None:
        while not over.is_set():
            set_latch(path, kill(scope))
            lift_latch(path, scope)

    lifting = [threading.Thread(target=lifts, args=(scope,)) for scope in ("HE", "LE")]
    killing = [threading.Thread(target=kills, args=(first,)) for first in (1, 1000)]
    for thread in (*lifting, *killing):
        thread.start()
    for thread in killing:
        thread.join()
    over.set()
    for thread in lifting:
        thread.join()
    held = set(read_latch(path))
    assert {kill("ZO", number) for first in (1, 1000) for number in range(first, first + wanted)} <= held
