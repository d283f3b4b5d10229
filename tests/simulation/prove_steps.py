"""The steps of `make prove`: what each runs, what it leaves, and what must be true of that."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hydra.simulation.report import EARLY
from tests.simulation.mutants import CAUGHT, MUTANTS, load

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / "build" / "prove"
KEPT: Final = BUILD / "worlds"
# Law (f2): the shares of worlds that must reach their targets.
FILLED_CALM_MIN: Final = 0.95
FILLED_EARLY_MIN: Final = 0.80
DISCONNECTS_MIN: Final = 5
SHOWN_MAX: Final = 10
TESTS: Final = ("tests/simulation", "tests/unit/execution/test_machines.py")
Document = dict[str, Any]
Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the proof: its commands run at the same time, and leave these files in build/prove."""

    name: str
    shows: str
    commands: tuple[Command, ...]
    leaves: tuple[str, ...]
    problems: Callable[[], list[str]]
    size: int = 1


def steps_of(worlds: int, judged: int, deaths: int) -> list[Step]:
    """Every step; the sizes are worlds, worlds for the second judge, deaths in a row."""
    judge = str(ROOT / "hydra" / "demo" / "compare_books.py")
    return [
        Step(
            "worlds",
            f"{worlds} worlds full of faults",
            (_simulate("worlds", "--seeds", f"0:{worlds}"),),
            ("worlds.json",),
            _worlds,
            worlds,
        ),
        Step(
            "judged",
            f"{judged} worlds once more, both sides' books kept",
            (_simulate("judged", "--seeds", f"0:{judged}", "--keep", str(KEPT)),),
            ("judged.json",),
            list,
            judged,
        ),
        Step(
            "judge",
            "the second judge, which imports nothing of ours, on those books",
            ((judge, "--worlds", str(KEPT)),),
            (),
            _judge,
            judged,
        ),
        Step(
            "crashes",
            f"every crash point of one session, up to {deaths} deaths in a row",
            (_simulate("crashes", "--crashes", str(deaths), "--seed", "3"),),
            ("crashes.json",),
            _crashes,
            deaths,
        ),
        Step(
            "month",
            "a trading month, twice at the same time, under two hash seeds",
            tuple(_simulate(name, "--days", "30", "--seed", "1") for name in ("month", "month-again")),
            ("month.json", "month-again.json"),
            _month,
        ),
        Step(
            "mutants",
            "every wrong engine hunted from seed 0 on",
            (("-m", "tests.simulation.mutants"),),
            (),
            _mutants,
        ),
        Step(
            "tests",
            "regression worlds, mutants before the second judge, real SIGKILL beside the simulated, machines",
            (("-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", *TESTS),),
            (),
            list,
        ),
    ]


def said(name: str) -> Document:
    """The document that a step left."""
    found: Document = json.loads((BUILD / f"{name}.json").read_text())
    return found


def _simulate(name: str, *options: str) -> Command:
    return ("-m", "hydra.cli", "simulate", *options, "--json", str(BUILD / f"{name}.json"))


def _worlds() -> list[str]:
    worlds = said("worlds")
    shares = worlds["filled_share"]
    found = [
        f"{len(cells)} {what}: {', '.join(cells[:SHOWN_MAX])}{' …' if len(cells) > SHOWN_MAX else ''}"
        for cells, what in (
            (worlds["matrix_empty"], "reachable cells were never hit"),
            (worlds["matrix_impossible"], "cells were hit and are called impossible"),
        )
        if cells
    ]
    if shares["none"] < FILLED_CALM_MIN or shares[EARLY] < FILLED_EARLY_MIN:
        found.append(
            f"(f2) targets reached: {shares['none']} without faults, {shares[EARLY]} with early ones"
        )
    return found


def _judge() -> list[str]:
    kept, ran = len(list(KEPT.glob("*/books.json"))), said("judged")["worlds"]
    return [] if kept == ran else [f"{ran} worlds ran, {kept} were judged"]


def _crashes() -> list[str]:
    crashes = said("crashes")
    return [] if crashes["points"] == crashes["reached"] else ["not every point was reached"]


def _month() -> list[str]:
    first, again = said("month"), said("month-again")
    found = [] if first["digest"] == again["digest"] else ["the month again left another ledger"]
    found += [f"law ({one['law']}): {one['detail']}" for one in first["violations"][:SHOWN_MAX]]
    if first["disconnects"] < DISCONNECTS_MIN:
        found.append(f"{first['disconnects']} disconnects, at least {DISCONNECTS_MIN}")
    if len(first["paper_gate"]) != first["sessions"]:
        found.append("a session without evidence for the paper gate")
    return found


def _mutants() -> list[str]:
    load()
    missing = {name for name, one in MUTANTS.items() if one.is_caught} ^ set(json.loads(CAUGHT.read_text()))
    return [f"{name} has no seed that caught it" for name in sorted(missing)]
