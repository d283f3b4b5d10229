"""A session killed at its crash points, and the simulated death compared with a real SIGKILL of a process."""

import contextvars
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from hydra.clock import SystemClock
from hydra.persistence.open import open_ledger
from hydra.simulation.campaign import quieten, run_jobs
from hydra.simulation.crash_points import CrashPoint, crash, points_of, promises_of
from hydra.simulation.crew import Crew
from hydra.simulation.process import SimProcess
from hydra.simulation.run import TEMPLATE_NAME, RunOptions, prepared_folder, run_world
from hydra.simulation.world import Trap, World

SEED = 3  # a short session: two children, the second one fills
POINTS = 20

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with prepared_folder() as place:
        yield place


@pytest.fixture(scope="module")
def points(folder: Path) -> list[CrashPoint]:
    """Twenty of all points, evenly spread, the promises among them."""
    (every,) = run_jobs(partial(_points, folder), [SEED], jobs=1)
    step = len(every) / POINTS
    return [every[int(number * step)] for number in range(POINTS)]


def _points(folder: Path, seed: int) -> list[CrashPoint]:
    options = RunOptions(folder)
    return [*points_of(seed, options), *promises_of(seed, options)]


def test_no_law_is_broken_wherever_the_process_dies(folder: Path, points: list[CrashPoint]) -> None:
    died = list(run_jobs(partial(crash, SEED, RunOptions(folder)), [(one,) for one in points], jobs=2))
    assert len(died) == POINTS
    assert [one.reached for one in died] == [1] * POINTS
    assert [one for one in died if one.violations] == []


def test_a_simulated_death_leaves_the_ledger_that_a_real_sigkill_leaves(
    folder: Path, points: list[CrashPoint], tmp_path: Path
) -> None:
    """The same point in the same world: once left by the simulation, once by SIGKILL of a real process."""
    for number, point in enumerate(points):
        left = []
        for name, die in (("simulated", _copy_and_leave), ("real", _die)):
            place = tmp_path / f"{name}-{number}"
            place.mkdir()
            shutil.copyfile(folder / TEMPLATE_NAME, place / TEMPLATE_NAME)
            process = get_context("fork").Process(target=_run, args=(place, point, die))
            process.start()
            process.join(60)
            assert process.exitcode == (0 if name == "simulated" else -signal.SIGKILL)
            found = place / "dead" if name == "simulated" else next(place.glob(f"world-{SEED}-*"))
            left.append(_events(found / "ledger.sqlite3"))
        assert left[0] == left[1], str(point)


def _run(place: Path, point: CrashPoint, die: object) -> None:
    """In a process of its own: the world up to the point, and whatever dying means there."""
    quieten()

    def begin(world: World, crew: Crew) -> None:
        def act(process: SimProcess) -> None:
            die(place, world, process)  # type: ignore[operator]

        world.traps.append(Trap(point.what, point.nth, point.is_after, act))

    run_world(SEED, replace(RunOptions(place), kinds=(), begin=begin))
    os._exit(0)


def _copy_and_leave(place: Path, world: World, process: SimProcess) -> None:
    def copy() -> None:
        shutil.copytree(world.ledger_path.parent, place / "dead", dirs_exist_ok=True)
        os._exit(0)

    world.loop.call_soon(copy, context=contextvars.Context())
    world.kill(process)


def _die(place: Path, world: World, process: SimProcess) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _events(path: Path) -> list[str]:
    clock = SystemClock()
    ledger = open_ledger(path, now=clock.now, wall_s=clock.wall_s, read_only=True)
    try:
        return [json.dumps(row, sort_keys=True) for row in ledger.export()]
    finally:
        ledger.close()
