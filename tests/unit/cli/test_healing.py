"""The commands of the daily cycle, as a person uses them one after the other, on made-up bars."""

import json
from pathlib import Path
from typing import Any

import pytest

from hydra.cli.app import run
from tests.improve.worlds import edge_bars

DECISION = ("--by", "anna", "--reason", "seen on the plot")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs one command line in this process and returns what it printed as JSON."""
    monkeypatch.setenv("HYDRA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HYDRA_HEALING_SYMBOLS", "ZO,HE")
    monkeypatch.setenv("HYDRA_HEALING_BUDGET", "0")
    monkeypatch.chdir(tmp_path)
    for seed, symbol in enumerate(("ZO", "HE"), start=1):
        rows = [
            f"{bar.on},{bar.open_px},{bar.high_px},{bar.low_px},{bar.close_px},{bar.volume}"
            for bar in edge_bars(seed, 300, sharpe=1.0)
        ]
        (tmp_path / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))

    def command(*args: str) -> Any:
        code = run([*args, "--json"])
        out = capsys.readouterr()
        assert code == 0, out.err
        return json.loads(out.out)

    return command


def test_from_files_to_a_plan_and_a_person_who_knows_better(told: Any, tmp_path: Path) -> None:
    for symbol in ("ZO", "HE"):
        assert told("bars", "import", f"{symbol}.csv", "--series", symbol)["new"] == 300
        assert told("bars", "import", f"{symbol}.csv", "--series", symbol)["new"] == 0
    assert {row["series"]: row["bars"] for row in told("bars", "list")} == {"ZO": 300, "HE": 300}
    assert told("status")["weights"] == []
    ran = told("run", "--plot", "cycle.png")
    assert (ran["change"], ran["waits"]) == ("BEGUN", None)
    assert (tmp_path / "cycle.png").read_bytes().startswith(b"\x89PNG")
    assert {row["instrument"] for row in ran["targets"]} == {"ZO", "HE"}
    assert told("run")["targets"] == ran["targets"]
    seen = told("diagnose")
    assert {row["instrument"] for row in seen["diagnoses"]} == {"ZO", "HE"}
    assert {(row["orders"], row["impact_y"], row["counted_with"]) for row in seen["impact"]} == {
        (0, 0.1, 0.15)
    }
    other = next(row["model"] for row in ran["weights"] if row["role"] == "mutant")
    assert told("promote", other, *DECISION)["champion"] == other
    assert told("status")["champion"] == other
    assert told("run")["verdict"].startswith(f"{other} leads, by anna's word")
    assert told("rollback", *DECISION)["predecessor"] == other
    third = next(row["model"] for row in ran["weights"] if row["role"] == "mutant" and row["model"] != other)
    out = told("retire", third, *DECISION)
    assert (out["changed"], out["on"], out["champion"]) == (True, ran["on"], ran["champion"])
    assert told("retire", third, *DECISION)["changed"] is False
    assert third not in {row["model"] for row in told("status")["weights"]}
    assert [(row["model"], row["by"]) for row in told("status")["retired"]] == [(third, "anna")]
    assert told("run")["verdict"].endswith("the plan without it stands")
    assert told("pause", *DECISION)["autonomy"] == "lockdown"
    now = told("status")
    assert (now["champion"], now["autonomy"]) == (ran["champion"], "lockdown")
    assert [row["change"] for row in now["changes"]] == ["BEGUN", "PROMOTED", "ROLLED_BACK"]
    assert told("journal", "list")["experiments"] == []
