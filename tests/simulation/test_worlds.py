"""Whole worlds, run as a person runs them: through the command line, in processes of their own."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from hydra.demo import compare_books
from hydra.simgateway.orders import Status
from hydra.simulation.campaign import run_jobs
from hydra.simulation.crew import Crew
from hydra.simulation.disk import Transaction
from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.faults import Fault
from hydra.simulation.run import RunOptions, prepared_folder, run_world
from hydra.simulation.scenario import scenario_of
from hydra.simulation.world import World
from tests.simulation.regressions import regressions, run_again

JUDGE = Path(compare_books.__file__)
FRESH = 1_000_000 + date.today().toordinal() % 9000 * 1000


def simulate(*args: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hydra.cli", "simulate", *args],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=False,
    )


@pytest.mark.process
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("first", "worlds"), [(1000, 80), (FRESH, 20)], ids=["known", "fresh"])
def test_a_hundred_worlds_break_no_law(first: int, worlds: int, tmp_path: Path) -> None:
    """Twenty of them are new every day; what fails is replayed by the command in the output."""
    found = tmp_path / "worlds.json"
    kept = tmp_path / "kept"
    done = simulate("--seeds", f"{first}:{first + worlds}", "--json", str(found), "--keep", str(kept))
    assert done.returncode == 0, done.stdout
    document = json.loads(found.read_text())
    assert document["violations"] == []
    assert document["worlds"] == worlds
    assert document["bound_95"] == pytest.approx(3 / worlds)
    assert sum(document["faults_injected"].values()) > worlds / 2
    assert all(" worlds, " in line for line in done.stderr.splitlines()), done.stderr  # how far it is
    judged = subprocess.run(
        [sys.executable, "-I", str(JUDGE), "--worlds", str(kept)], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stdout
    assert json.loads(judged.stdout) == {"worlds": worlds, "wanting": 0}


@pytest.mark.process
def test_the_same_seed_gives_the_same_bytes_under_another_hash_seed(tmp_path: Path) -> None:
    for name, hash_seed in (("one", "1"), ("two", "4711")):
        done = simulate("--seeds", "40:52", "--keep", str(tmp_path / name), hash_seed=hash_seed)
        assert done.returncode == 0, done.stdout
    for seed in range(40, 52):
        for file in ("books.json", "ledger.jsonl"):
            one = (tmp_path / "one" / str(seed) / file).read_bytes()
            assert one == (tmp_path / "two" / str(seed) / file).read_bytes(), (seed, file)
            assert one


@pytest.mark.process
@pytest.mark.timeout(120)
def test_a_world_that_once_broke_a_law_breaks_it_no_more() -> None:
    with prepared_folder() as folder:
        again = partial(run_again, options=RunOptions(folder))
        found = list(run_jobs(again, regressions(), jobs=2))
    assert len(found) == len(regressions())
    broken = {one.seed: [str(found) for found in one.violations] for one in found if one.violations}
    assert broken == {}, {entry["seed"]: entry["why"] for entry in regressions()}


@pytest.mark.process
def test_worlds_without_faults_reach_their_targets(tmp_path: Path) -> None:
    found = tmp_path / "worlds.json"
    done = simulate("--seeds", "0:60", "--faults", "none", "--json", str(found))
    assert done.returncode == 0, done.stdout
    document = json.loads(found.read_text())
    assert document["filled_share"]["none"] >= 0.95
    assert document["faults_injected"] == {}


@pytest.mark.process
def test_a_replay_shows_a_timeline_a_person_can_read() -> None:
    done = simulate("--replay", "11")
    assert done.returncode == 0, done.stdout
    assert "trader-1   starts" in done.stdout
    assert "OrderAccepted" in done.stdout
    assert done.stderr == ""


def test_every_kind_of_fault_is_drawn_and_a_seed_draws_the_same_again() -> None:
    drawn = {fault.kind for seed in range(1500) for fault in scenario_of(seed).faults}
    assert drawn == set(FAULTS)
    assert scenario_of(5) == scenario_of(5)
    assert len({str(scenario_of(seed).faults) for seed in range(50)}) > 35


@pytest.mark.process
def test_an_order_that_works_although_its_end_was_proven_is_cancelled_halted_and_told() -> None:
    """The gateway takes its word back: an order it had cancelled is on its books once more."""
    with prepared_folder() as folder:
        (found,) = run_jobs(partial(run_world, options=RunOptions(folder, (), begin=_revive)), [2], jobs=1)
    assert {one.law for one in found.violations} == {"f"}  # the oracle calls it a halt without need
    assert all("WORKS_AFTER_END" in one.detail for one in found.violations), found.violations
    assert found.is_stopped


def _revive(world: World, crew: Crew) -> None:
    done: list[str] = []

    def look(committed: Transaction) -> None:
        ended = [row.payload["order_ref"] for row in committed.rows if row.kind == "ChildCancelled"]
        if ended and not done:
            done.extend(ended)
            orders = world.gateway.gateway.core.state.orders
            (order,) = [one for one in orders.by_perm.values() if one.order_ref == ended[0]]
            order.status = Status.SUBMITTED
            orders.working[order.perm_id] = order

    world.watchers.append(look)


@pytest.mark.process
def test_whoever_lost_the_lease_ends_so_that_a_successor_gets_the_client_id() -> None:
    """A holder that was stopped wakes after another process took its lease and failed by 326."""
    stalled = Fault("stall_split", 0.0, aim="PENDING_NEW", for_s=30.0)
    with prepared_folder() as folder:
        options = RunOptions(folder, (), change=lambda scenario: replace(scenario, faults=(stalled,)))
        found = list(run_jobs(partial(run_world, options=options), [2, 6], jobs=1))
    assert [(one.filled, one.violations) for one in found] == [(one.wanted, []) for one in found]
    assert all(one.runs >= 4 and ("stall_split", "PENDING_NEW") in one.hits for one in found)


@pytest.mark.process
def test_quotes_that_were_refused_after_a_break_are_asked_for_again() -> None:
    """Else the session denies itself every order by a stale quote, up to its end."""
    with prepared_folder() as folder:
        options = RunOptions(folder, ("quotes_refused",))
        found = list(run_jobs(partial(run_world, options=options), [7, 30], jobs=1))
    assert [(one.filled, one.violations) for one in found] == [(one.wanted, []) for one in found]
    assert all(one.hits for one in found)
