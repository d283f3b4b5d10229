"""`make prove`: everything the simulation can show, and its figures written into docs/simulation.md."""

import json
import subprocess
import sys
import time
from pathlib import Path

from hydra.simulation.report import EARLY, EARLY_OR_STOPPED
from tests.simulation.mutants import CAUGHT, MUTANTS, load

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "prove"
PAGE = ROOT / "docs" / "simulation.md"
JUDGE = ROOT / "hydra" / "demo" / "compare_books.py"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
WORLDS = 10_000
JUDGED = 1_000
# Law (f2): the shares of worlds that must reach their targets.
FILLED_CALM_MIN = 0.95
FILLED_EARLY_MIN = 0.80


def run(name: str, *command: object) -> bool:
    """Whether a step found nothing wrong; its output is the terminal's."""
    begun_s = time.monotonic()
    done = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=False)
    print(f"{name}: exit {done.returncode}, {time.monotonic() - begun_s:.0f} s", flush=True)
    return done.returncode == 0


def simulate(name: str, *options: object) -> bool:
    return run(name, "-m", "hydra.cli", "simulate", *options, "--json", BUILD / f"{name}.json")


def said(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((BUILD / f"{name}.json").read_text())
    return found


def table() -> str:
    """The figures as the page shows them."""
    worlds, month, crashes = said("worlds"), said("month"), said("crashes")
    caught = json.loads(CAUGHT.read_text())
    shares = worlds["filled_share"]
    assert isinstance(shares, dict)
    points = crashes["reached"]
    assert isinstance(points, dict)
    lines = [
        "| what | figure |",
        "|---|---|",
        f"| worlds, of which with faults | {worlds['worlds']}, {worlds['faulted_worlds']} |",
        f"| laws broken | {len(worlds['violations'])} |",  # type: ignore[arg-type]
        f"| 95 % bound on the share of worlds that break one | {worlds['bound_95']} |",
        f"| worlds a second | {worlds['worlds_per_second']} |",
        f"| faults, kinds | {sum(worlds['faults_injected'].values())}, {len(worlds['faults_injected'])} |",  # type: ignore[attr-defined,arg-type]
        f"| reachable cells of the matrix left empty, impossible ones hit | {len(worlds['matrix_empty'])}, "  # type: ignore[arg-type]
        f"{len(worlds['matrix_impossible'])} |",  # type: ignore[arg-type]
        f"| target reached without faults | {shares.get('none')} |",
        f"| target reached, faults over one ladder before the end; halted worlds among them | "
        f"{shares.get(EARLY)}; {shares.get(EARLY_OR_STOPPED)} |",
        f"| worlds the second judge agrees on | {JUDGED} |",
        f"| crash points by deaths in a row, all reached | {points} |",
        f"| days, sessions, disconnects, nightly restarts, kills | {month['days']}, {month['sessions']}, "
        f"{month['disconnects']}, {month['nightly_restarts']}, {month['kills']} |",
        "",
        "| mutant | caught by law | first seed |",
        "|---|---|---|",
        *(f"| {name} | {one['law']} | {one['seed']} |" for name, one in sorted(caught.items())),
    ]
    return "\n".join(lines)


def main() -> int:
    load()
    BUILD.mkdir(parents=True, exist_ok=True)
    kept = BUILD / "worlds"
    steps = [
        simulate("worlds", "--seeds", f"0:{WORLDS}"),
        simulate("judged", "--seeds", f"0:{JUDGED}", "--keep", kept),
        run("second judge", JUDGE, "--worlds", kept),
        simulate("crashes", "--crashes", 3, "--seed", 3),
        simulate("month", "--days", 30, "--seed", 1),
        simulate("month-again", "--days", 30, "--seed", 1),
        run("mutants", "-m", "tests.simulation.mutants"),
    ]
    worlds = said("worlds")
    steps.append(not worlds["matrix_empty"] and not worlds["matrix_impossible"])
    print(f"cells empty: {worlds['matrix_empty']}; hit though impossible: {worlds['matrix_impossible']}")
    shares = worlds["filled_share"]
    assert isinstance(shares, dict)
    steps.append(shares["none"] >= FILLED_CALM_MIN and shares[EARLY] >= FILLED_EARLY_MIN)
    is_same = said("month")["digest"] == said("month-again")["digest"]
    print(f"the month again: {'the same' if is_same else 'another ledger'}")
    if set(json.loads(CAUGHT.read_text())) != {name for name, one in MUTANTS.items() if one.is_caught}:
        steps.append(False)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")
    return 0 if all(steps) and is_same else 1


if __name__ == "__main__":
    sys.exit(main())
