"""The oracle is tested, too: a wrong engine is found out in the world that first found it out.

`python -m tests.simulation.mutants [NAME …]` searches anew and writes the table.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.simulation.campaign import run_campaign
from hydra.simulation.run import RunOptions, WorldResult, prepared_folder
from tests.simulation.mutants import CAUGHT, MUTANTS, SEEDS_MAX, caught_by, load
from tests.simulation.mutants.exports import judged_outside

load()
TABLE = json.loads(CAUGHT.read_text())
# Enough worlds in which a process ends with children alive.
FINALLY_SEEDS = range(22, 40)

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with prepared_folder() as place:
        yield place


def worlds(folder: Path, *seeds: int) -> list[WorldResult]:
    """In a forked process, as a campaign's worlds are: a patch that is in force goes with it."""
    found = run_campaign(seeds, RunOptions(folder), jobs=1)
    return sorted(found, key=lambda one: one.seed)


def test_every_mutant_was_caught_within_its_seeds() -> None:
    assert set(TABLE) == {name for name, one in MUTANTS.items() if one.is_caught}
    assert all(0 <= caught["seed"] < SEEDS_MAX for caught in TABLE.values())
    assert len(MUTANTS) == 19


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_mutant_is_caught_in_its_world(name: str, folder: Path) -> None:
    seed = TABLE[name]["seed"]
    with MUTANTS[name].patched():
        (wrong,) = worlds(folder, seed)
    assert caught_by(wrong.violations), name


def test_the_true_engine_breaks_no_law_in_any_world_that_caught_a_mutant(folder: Path) -> None:
    seeds = sorted({caught["seed"] for caught in TABLE.values()})
    assert [one for one in worlds(folder, *seeds) if one.violations] == []


@pytest.mark.parametrize("name", sorted(name for name, caught in TABLE.items() if caught["judge"]))
def test_a_mutant_that_the_exports_show_is_seen_by_the_judge_from_outside(name: str, folder: Path) -> None:
    with MUTANTS[name].patched():
        assert judged_outside(TABLE[name]["seed"], folder)


def test_cancelling_in_finally_makes_no_world_better(folder: Path) -> None:
    """What is live is safe without it: it dies by itself, and is proven by whoever comes next."""
    with MUTANTS["children cancelled in finally"].patched():
        wrong = worlds(folder, *FINALLY_SEEDS)
    true = worlds(folder, *FINALLY_SEEDS)
    for one, other in zip(true, wrong, strict=True):
        assert one.violations == []
        doubts = one.statuses.count("IN_DOUBT"), other.statuses.count("IN_DOUBT")
        assert doubts[0] <= doubts[1], f"seed {one.seed}"
    assert sum(one.filled for one in true) >= sum(one.filled for one in wrong)
