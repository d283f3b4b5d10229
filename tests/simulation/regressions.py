"""Worlds that once broke a law, with their faults: a grown catalogue draws others from the same seed.

`python -m tests.simulation.regressions SEED "WHAT WAS WRONG" [--only N,N]` adds the world of a seed.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.faults import Fault
from hydra.simulation.run import RunOptions, WorldResult, run_scenario
from hydra.simulation.scenario import Scenario, faults_of, scenario_with

FILE = Path(__file__).with_suffix(".json")


def regressions() -> list[dict[str, Any]]:
    """Every world: its seed, what was wrong, its faults."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text())
    return found


def scenario_again(entry: dict[str, Any]) -> Scenario:
    return scenario_with(entry["seed"], tuple(Fault(**fault) for fault in entry["faults"]))


def run_again(entry: dict[str, Any], options: RunOptions) -> WorldResult:
    return run_scenario(scenario_again(entry), options)


def main(seed: int, why: str, only: str = "") -> None:
    faults = faults_of(seed, FAULTS)
    kept = [faults[int(at)] for at in only.split(",")] if only else faults
    entry = {"seed": seed, "why": why, "faults": [asdict(fault) for fault in kept]}
    entries = [*(regressions() if FILE.exists() else []), entry]
    FILE.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--only"]
    main(int(words[0]), *words[1:])
