"""The stand-alone judge: equal books pass, and every single damage done to them is named."""

import ast
import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hydra.demo import compare_books

Books = dict[str, list[dict[str, Any]]]
Events = list[dict[str, Any]]
REF = "H-20261123-ZO-1-C01"


def _books() -> Books:
    return {
        "orders": [
            {"order_ref": REF, "symbol": "ZO", "side": "BUY", "qty": 3, "filled": 3, "status": "Filled"}
        ],
        "executions": [
            {"exec_id": "a.1.01", "order_ref": REF, "con_id": 1, "side": "BUY", "qty": 1, "price": "400"},
            {"exec_id": "a.2.01", "order_ref": REF, "con_id": 1, "side": "BUY", "qty": 2, "price": "-1.25"},
        ],
        "positions": [{"con_id": 1, "symbol": "ZO", "qty": 3}],
        "frames": [
            {"kind": "placeOrder", "order_ref": REF, "at": "2026-11-23T15:00:01+00:00"},
            {"kind": "cancelOrder", "order_ref": REF, "at": "2026-11-23T15:00:02+00:00"},
        ],
    }


def _event(kind: str, **payload: Any) -> dict[str, Any]:
    return {
        "stream": "20261123-ZO-1",
        "kind": kind,
        "payload": payload,
        "recorded_at": "2026-11-23T15:00:00+00:00",
    }


def _fill(exec_id: str, lots: int, px: str) -> dict[str, Any]:
    return _event(
        "ChildFilled", exec_id=exec_id, order_ref=REF, con_id=1, side="BUY", last_qty=lots, last_px=px
    )


def _events() -> Events:
    return [
        _event("ParentOpened", parent_id="20261123-ZO-1", order_qty=3),
        _event("ChildSending", order_ref=REF, side="BUY", qty=3),
        _fill("a.1.01", 1, "400.0"),
        _fill("a.2.01", 2, "-1.25"),
    ]


def test_equal_books_are_equal() -> None:
    assert compare_books.compare(_books(), _events()) == {
        "equal": True,
        "orders": 1,
        "executions": 2,
        "duplicates": 0,
        "lost": 0,
        "problems": [],
    }


def test_a_correction_counts_once_by_its_highest_revision() -> None:
    books, events = _books(), _events()
    books["executions"].append({**books["executions"][0], "exec_id": "a.1.02", "price": "401"})
    events.append(_fill("a.1.02", 1, "401"))
    assert compare_books.compare(books, events)["equal"]


def _foreign(books: Books, events: Events) -> None:
    """A person's trade at the screen: an order of nobody's, booked as foreign."""
    books["orders"].append(
        {"order_ref": "", "client_id": 0, "side": "SELL", "qty": 1, "filled": 1, "status": "Filled"}
    )
    books["executions"].append(
        {"exec_id": "m.1.01", "order_ref": "", "con_id": 2, "side": "SELL", "qty": 1, "price": "9"}
    )
    books["positions"].append({"con_id": 2, "symbol": "HE", "qty": -1})
    events.append({**_fill("m.1.01", 1, "9"), "kind": "ForeignExecutionBooked"})
    events[-1]["payload"].update(order_ref="", con_id=2, side="SELL")


def _crowd(books: Books, ended_at: str | None) -> None:
    """A second order of the parent, accepted after the first one's fill of two and its end at `ended_at`."""
    first = books["orders"][0]
    first.update(accepted_at="2026-11-23T15:00:01+00:00", ended_at=ended_at, filled=2)
    second = {"order_ref": f"{REF[:-2]}02", "accepted_at": "2026-11-23T15:00:05+00:00", "qty": 1, "filled": 0}
    books["orders"].append({**first, **second, "ended_at": "2026-11-23T15:00:06+00:00"})


def test_foreign_trades_are_equal_once_they_are_booked_as_such() -> None:
    books, events = _books(), _events()
    _foreign(books, events)
    assert compare_books.compare(books, events)["equal"]
    events.pop()
    assert "execution m.1 is not in the ledger" in compare_books.compare(books, events)["problems"]


def test_what_was_filled_and_what_works_never_exceed_the_approval_together() -> None:
    """The same two orders: one after the other, and at once."""
    for ended_at, overlap in (("2026-11-23T15:00:04+00:00", False), (None, True)):
        books = _books()
        _crowd(books, ended_at)
        found = compare_books.overcommitted(books, _events())
        assert bool(found) is overlap, found


Damage = Callable[[Books, Events], Any]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "sent twice": (lambda b, e: b["frames"].append(dict(b["frames"][0])), "was sent 2 times"),
    "two orders": (lambda b, e: b["orders"].append(dict(b["orders"][0])), "is 2 orders"),
    "booked twice": (lambda b, e: e.append(copy.deepcopy(e[2])), "is booked 2 times"),
    "a fill lost": (lambda b, e: e.pop(), "is not in the ledger"),
    "a fill invented": (lambda b, e: e.append(_fill("b.1.01", 1, "400")), "is unknown to the gateway"),
    "another price": (lambda b, e: e[2]["payload"].update(last_px="400.5"), "execution a.1"),
    "another side": (lambda b, e: e[2]["payload"].update(side="SELL"), "execution a.1"),
    "another size": (lambda b, e: e[2]["payload"].update(last_qty=2), "contract 1"),
    "a position moved": (lambda b, e: b["positions"][0].update(qty=2), "contract 1: gateway 2, ledger 3"),
    "never promised": (lambda b, e: e.pop(1), "has no ChildSending"),
    "promised otherwise": (lambda b, e: e[1]["payload"].update(qty=4), "promised was otherwise"),
    "promised later": (
        lambda b, e: e[1].update(recorded_at="2026-11-23T15:00:01.5+00:00"),
        "before its ChildSending",
    ),
    "overfilled": (lambda b, e: e[0]["payload"].update(order_qty=2), "3 lots executed, 2 approved"),
    "never approved": (lambda b, e: e.pop(0), "3 lots executed, 0 approved"),
    "left working": (lambda b, e: b["orders"][0].update(status="Submitted"), "is still working"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_named(name: str) -> None:
    damage, said = DAMAGES[name]
    books, events = _books(), _events()
    damage(books, events)
    result = compare_books.compare(books, events)
    assert not result["equal"]
    assert any(said in problem for problem in result["problems"]), result


def test_the_judge_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(compare_books.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(("damaged", "code"), [(False, 0), (True, 1)])
def test_as_a_script_it_says_so_by_its_exit_code(tmp_path: Path, damaged: bool, code: int) -> None:
    books, ledger = tmp_path / "books.json", tmp_path / "ledger.jsonl"
    books.write_text(json.dumps(_books()))
    ledger.write_text("".join(json.dumps(one) + "\n" for one in _events()[: -1 if damaged else None]))
    argv = [sys.executable, "-I", compare_books.__file__, str(books), str(ledger)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == code
    assert json.loads(done.stdout)["equal"] is (code == 0)


def test_an_unreadable_file_is_neither_equal_nor_unequal(tmp_path: Path) -> None:
    assert compare_books.main(["", str(tmp_path / "none"), str(tmp_path / "none")]) == 2
