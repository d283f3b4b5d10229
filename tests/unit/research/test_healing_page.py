"""The page on healing gets its tables from what was measured, each in its place, however often."""

import json
from pathlib import Path

import pytest

from bench.healing import POLICIES
from bench.healing_page import ROOT, blocks, read, renewed, tried
from bench.healing_tried import TRIED
from bench.healing_worlds import SCENARIOS

PAGE = (ROOT / "docs" / "healing.md").read_text(encoding="utf-8")
ROW = {
    "false_promotions_per_year": [0.0111, 0.005, 0.017],
    "delta_sharpe": [-0.0481, -0.056, -0.041],
    "recovery": [0.21, 0.19, 0.23],
    "detection_days": 9.0,
    "detected_in_a_year": 0.3,
    "right_leads": 0.07,
    "max_drawdown": 1.5,
}


def written(folder: Path, name: str, years: int, instruments: int, scenarios: tuple[str, ...]) -> None:
    policies = {one: dict.fromkeys(scenarios, ROW) for one in ("never", "strong")}
    raw = {"worlds": 500, "seed": 1, "years": years, "instruments": instruments, "policies": policies}
    (folder / name).write_text(json.dumps(raw))


def test_every_place_of_the_page_is_filled_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    written(tmp_path, "a.json", 3, 2, SCENARIOS[:3])
    written(tmp_path, "b.json", 3, 2, SCENARIOS[3:])
    written(tmp_path, "ten.json", 10, 2, ("nochange", "null"))
    written(tmp_path, "eight.json", 3, 8, SCENARIOS)
    every = {name: dict.fromkeys(SCENARIOS, ROW) for name in TRIED}
    facts = {"worlds": 300, "seed": 7, "tried": {"three": every, "ten": every}}
    (tmp_path / "tried.json").write_text(json.dumps(facts))
    row = {"sharpe": [0.1, -0.2, 0.3], "delta_sharpe": [0, 0, 0], "max_drawdown": 2.0}
    (tmp_path / "real.json").write_text(json.dumps({"policies": {"never": {"ZO T8": row}}}))
    found = dict(blocks(*read(tmp_path)))
    assert [f"<!-- {name} -->" in PAGE for name in found] == [True] * PAGE.count("<!-- end of ")
    once = renewed(PAGE, iter(found.items()))
    assert renewed(once, iter(found.items())) == once
    assert "| strong | 0.011 [0.005, 0.017] |" in once
    assert "−0.048 [−0.056, −0.041]" in once
    assert "| ZO T8 | 0.10 [−0.20, 0.30]; 2.0 |" in once
    assert "500 worlds of seed 1" in once


def test_what_was_not_run_leaves_its_table_as_it_is(tmp_path: Path) -> None:
    written(tmp_path, "half.json", 3, 2, ("nochange", "flip"))
    assert list(blocks(*read(tmp_path))) == []
    with pytest.raises(ValueError, match="no place for nowhere"):
        renewed(PAGE, iter([("nowhere", "x")]))


def test_every_policy_that_must_be_shown_is_measured_and_every_rule_tried_has_a_row() -> None:
    must = ("never", "const75", "blind_month", "windows", "statistical", "ddstop", "cost", "strong", "mild")
    assert set(must) <= set(POLICIES)
    every = {name: dict.fromkeys(SCENARIOS, ROW) for name in TRIED}
    raw = {"worlds": 300, "seed": 7, "tried": {"three": every, "ten": every}}
    assert tried(raw).count("\n| ") == len(TRIED) + 1
