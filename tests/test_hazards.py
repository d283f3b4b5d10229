"""The table of docs/ib_hazards.md is whole, and every test it names exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "ib_hazards.md"
BROKER = ROOT / "hydra" / "broker"
HAZARDS = 32


def rows() -> dict[int, str]:
    lines = [line for line in TABLE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    return {int(line.split("|")[1]): line for line in lines}


def defined_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def broker_calls() -> list[tuple[str, str, str]]:
    """(file, receiver, method) of every method call in the adapter."""
    return [
        (path.name, ast.unparse(node.func.value), node.func.attr)
        for path in BROKER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_every_hazard_has_its_row() -> None:
    assert sorted(rows()) == list(range(1, HAZARDS + 1))


def test_every_row_names_tests_that_exist() -> None:
    defined = defined_tests()
    for number, row in rows().items():
        named = re.findall(r"`(test_\w+)`", row)
        assert named, f"row {number} names no test"
        assert set(named) <= defined, f"row {number}: {sorted(set(named) - defined)} do not exist"


def test_the_library_is_never_asked_to_block() -> None:
    """The IB object is used to connect only; requests go through its client, which never waits."""
    on_the_ib = [(file, method) for file, receiver, method in broker_calls() if re.search(r"\bib$", receiver)]
    assert [method for _, method in on_the_ib] == ["connectAsync"]
    imported = {
        name.name
        for path in BROKER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not imported & {"util", "startLoop", "nest_asyncio", "ib_insync"}


def test_no_live_bars_are_subscribed() -> None:
    keywords = [
        (keyword.arg, ast.unparse(keyword.value))
        for node in ast.walk(ast.parse((BROKER / "history.py").read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    ]
    assert ("keepUpToDate", "False") in keywords
    assert "reqRealTimeBars" not in {method for _, _, method in broker_calls()}


def test_the_librarys_own_times_are_never_read() -> None:
    read = {
        node.attr
        for path in BROKER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert not read & {"lastTime", "lastTimestamp", "rtTime", "connectionStats"}
