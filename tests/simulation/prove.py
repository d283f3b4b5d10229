"""`make prove`: everything the simulation can show, and its figures written into docs/simulation.md.

    python -m tests.simulation.prove [--worlds 10000] [--judged 1000] [--crashes 3] [--only STEP …]

Every step leaves its document and its verdict in build/prove. `--only` repeats single steps; the page is
written from what all steps left, when each of them has passed at its full size; it names their versions.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from hydra.wiring import build_id
from tests.simulation.prove_page import CRASHES, JUDGED, WORLDS, write_page
from tests.simulation.prove_steps import BUILD, KEPT, ROOT, Document, Step, steps_of

MINUTES_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step came to; `size` is what it was asked for, `version` the code it ran."""

    passed: bool
    problems: list[str]
    minutes: float
    size: int
    version: str


def main() -> int:
    asked = parsed()
    every = steps_of(asked.worlds, asked.judged, asked.crashes)
    chosen = [step for step in every if not asked.only or step.name in asked.only]
    BUILD.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(chosen, start=1):
        print(f"[{number}/{len(chosen)}] {step.name}: {step.shows}", flush=True)
        verdict = prove(step)
        keep(step, verdict)
        said = "passed" if verdict.passed else f"FAILED: {'; '.join(verdict.problems)}"
        print(f"[{number}/{len(chosen)}] {step.name}: {said}, {verdict.minutes:.1f} min", flush=True)
    return concluded(every)


def parsed() -> argparse.Namespace:
    asked = argparse.ArgumentParser(
        prog="make prove", description="Everything the simulation can show; its figures into the docs."
    )
    asked.add_argument("--worlds", type=int, default=WORLDS, metavar="N", help="worlds full of faults")
    asked.add_argument("--judged", type=int, default=JUDGED, metavar="N", help="worlds for the second judge")
    asked.add_argument("--crashes", type=int, default=CRASHES, choices=(1, 2, 3), help="deaths in a row")
    names = [step.name for step in steps_of(WORLDS, JUDGED, CRASHES)]
    asked.add_argument("--only", nargs="+", choices=names, metavar="STEP", help=f"of {', '.join(names)}")
    return asked.parse_args()


def prove(step: Step) -> Verdict:
    """Run a step's commands, those of one step at the same time, and look at what they left."""
    begun_s = time.monotonic()
    for name in step.leaves:
        (BUILD / name).unlink(missing_ok=True)
    if step.name == "judged":
        shutil.rmtree(KEPT, ignore_errors=True)
    running = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            stdout=None if len(step.commands) == 1 else subprocess.DEVNULL,
        )
        for number, command in enumerate(step.commands, start=1)
    ]
    exits = [process.wait() for process in running]
    problems = [f"exit {code}" for code in exits if code]
    if all((BUILD / name).exists() for name in step.leaves):
        problems += step.problems()
    elif not problems:
        problems.append("it left no document")
    minutes = round((time.monotonic() - begun_s) / 60, 2)
    return Verdict(not problems, problems, minutes, step.size, build_id())


def keep(step: Step, verdict: Verdict) -> None:
    (BUILD / f"{step.name}.verdict.json").write_text(json.dumps(asdict(verdict), indent=1) + "\n")


def kept(step: Step) -> Verdict | None:
    try:
        found: Document = json.loads((BUILD / f"{step.name}.verdict.json").read_text())
    except FileNotFoundError:
        return None
    return Verdict(**found)


def concluded(every: list[Step]) -> int:
    """The page, if every step has passed; else what is missing. Exit code 1 for a step that failed."""
    found: dict[str, Any] = {step.name: kept(step) for step in every}
    missing = [name for name, one in found.items() if one is None]
    known = [one for one in found.values() if one is not None]
    failed = [name for name, one in found.items() if one is not None and not one.passed]
    minutes = sum(one.minutes for one in known)
    full = steps_of(WORLDS, JUDGED, CRASHES)
    small = [step.name for step in full if found[step.name] and found[step.name].size < step.size]
    versions = sorted({one.version for one in known})
    print(f"{len(known)} of {len(every)} steps, {minutes:.1f} minutes (at most {MINUTES_MAX:.0f})")
    for names, why in ((missing, "not run yet"), (failed, "failed"), (small, "smaller than full")):
        if names:
            print(f"{why}: {', '.join(names)}")
    if missing or failed or small:
        print("docs/simulation.md stays as it is")
    else:
        write_page({name: one.minutes for name, one in found.items()}, " and ".join(versions))
        print(f"docs/simulation.md has the figures of version {' and '.join(versions)}")
    return 1 if failed or minutes > MINUTES_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
