"""The exception tree and the catalogue: every line renders, every use in the code fits its entry."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.domain.errors import (
    BROKEN,
    CATALOGUE,
    COULD_NOT_RUN,
    BrokenLaw,
    Entry,
    HydraError,
    Unavailable,
    UserError,
    did_you_mean,
)

ROOT = Path(__file__).parents[3]
KINDS = {kind.__name__ for kind in (HydraError, BrokenLaw, UserError, Unavailable)}


def uses() -> Iterator[tuple[str, str, str, set[str] | None]]:
    """(where, kind, code, names given or None where a mapping is unpacked) of every literal use."""
    for top in ("hydra", "flows", "tasks"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS
                ):
                    continue
                if node.args and isinstance(node.args[0], ast.Constant):
                    names = {word.arg for word in node.keywords if word.arg}
                    is_open = any(word.arg is None for word in node.keywords)
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield where, node.func.id, str(node.args[0].value), None if is_open else names


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_entry_renders_as_one_line_that_ends_with_its_fix(code: str) -> None:
    entry = CATALOGUE[code]
    error = UserError(code, **{name: f"<{name}>" for name in entry.fields})
    assert re.fullmatch(rf"{code} \S[^\n]*[.?] Fix: \S[^\n]*[^.]\.", str(error)), str(error)
    assert not entry.what.endswith(".")
    assert not entry.fix.endswith(".")
    assert entry.exit_code in (1, 2, 3, 4)


def test_every_use_in_the_code_gives_exactly_the_values_of_its_entry() -> None:
    wrong = []
    for where, _, code, names in uses():
        entry = CATALOGUE.get(code)
        if entry is None:
            wrong.append(f"{where}: {code} is not in the catalogue")
        elif names is not None and names != entry.fields:
            wrong.append(f"{where}: {code} takes {sorted(entry.fields)}, not {sorted(names)}")
    assert wrong == []


def test_the_kind_of_an_error_agrees_with_its_exit_code() -> None:
    by_kind = {"BrokenLaw": {BROKEN}, "Unavailable": {COULD_NOT_RUN}, "UserError": {2, 3, 4}}
    wrong = [
        f"{where}: {kind} {code} exits {CATALOGUE[code].exit_code}"
        for where, kind, code, _ in uses()
        if code in CATALOGUE and CATALOGUE[code].exit_code not in by_kind.get(kind, {0, 1, 2, 3, 4})
    ]
    assert wrong == []


def test_no_code_is_in_the_catalogue_that_nothing_raises() -> None:
    catalogue = ROOT / "hydra/domain/catalogue"
    code = [path for path in (ROOT / "hydra").rglob("*.py") if catalogue not in path.parents]
    named = {found for path in code for found in re.findall(r"HY-\d{3}", path.read_text(encoding="utf-8"))}
    assert sorted(CATALOGUE.keys() - named) == []


def test_a_code_stands_in_the_file_of_its_block_once() -> None:
    blocks = {"0": "command_line", "1": "configuration", "2": "simulated_gateway", "3": "connection"}
    blocks |= {"4": "ledger", "5": "session", "6": "worker", "7": "risk", "9": "laws"}
    blocks |= {"80": "simulation", **dict.fromkeys(("85", "86", "87"), "research")}
    seen: dict[str, str] = {}
    for path in (ROOT / "hydra/domain/catalogue").glob("*.py"):
        for code in re.findall(r'^ {4}"(HY-\d{3})"', path.read_text(encoding="utf-8"), re.MULTILINE):
            assert code not in seen, f"{code} is in {seen[code]} and {path.name}"
            assert (blocks.get(code[3]) or blocks[code[3:5]]) == path.stem
            seen[code] = path.name
    assert seen.keys() == CATALOGUE.keys()


def test_an_unknown_code_and_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="HY-999 is not in the catalogue"):
        UserError("HY-999")
    with pytest.raises(ValueError, match="takes exactly"):
        UserError("HY-001", command="hydra")


def test_a_value_cannot_break_the_line_or_steer_the_terminal() -> None:
    error = UserError("HY-005", command="hydra", problem="one\ntwo\x1b[31m \x07end " + "x" * 1000)
    assert "\n" not in str(error)
    assert str(error).isprintable()
    assert r"one two\x1b[31m \x07end" in str(error)
    assert len(str(error)) < 500


def test_a_value_with_a_full_stop_of_its_own_gets_no_second_one() -> None:
    assert "by 3 s. Fix: " in str(Unavailable("HY-311", problem="late by 3 s."))


def test_an_error_keeps_its_line_across_processes() -> None:
    error = Unavailable("HY-005", command="hydra", problem="gone")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.exit_code) == (Unavailable, str(error), error.exit_code)


def test_a_braced_value_is_shown_as_it_is() -> None:
    assert "{0!r} {x}" in str(UserError("HY-005", command="hydra", problem="{0!r} {x}"))


@pytest.mark.parametrize(("given", "hint"), [("sesion", ", did you mean session?"), ("xyzzy", ""), ("", "")])
def test_a_near_name_is_suggested_and_a_far_one_is_not(given: str, hint: str) -> None:
    assert did_you_mean(given, ["session", "ledger", "gateway"]) == hint


def test_the_fields_of_an_entry_are_those_of_both_templates() -> None:
    assert Entry(2, "{a}: {b}", "see {c}").fields == {"a", "b", "c"}
