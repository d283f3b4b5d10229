"""Finds the first seed that catches each mutant: `python -m tests.simulation.mutants [NAME …]`.

Writes `caught.json` beside this file; exit 1 when a mutant survives all seeds, or an unpatched world of a
seed that caught one breaks a law.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from hydra.simulation.campaign import run_campaign
from hydra.simulation.run import RunOptions, prepared_folder
from tests.simulation.mutants import CAUGHT, MUTANTS, SEEDS_MAX, caught_by, load
from tests.simulation.mutants.exports import judged_outside

JOBS = 2


def first_catch(name: str) -> dict[str, object] | None:
    """The first seed in whose world the oracle finds this mutant out, while the true engine is clean."""
    with prepared_folder() as folder:
        options = RunOptions(folder)
        with MUTANTS[name].patched():
            results = run_campaign(range(SEEDS_MAX), options, jobs=1)
            for result in results:
                laws = caught_by(result.violations)
                if laws and _is_clean(result.seed):
                    results.close()  # type: ignore[attr-defined]
                    return {
                        "seed": result.seed,
                        "law": laws[0].law,
                        "found": laws[0].detail,
                        "judge": bool(judged_outside(result.seed, folder)),
                    }
    return None


def _is_clean(seed: int) -> bool:
    """Whether the unpatched product breaks no law in that world."""
    command = [sys.executable, "-m", "hydra.cli", "simulate", "--seeds", str(seed), "--jobs", "1"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _search(name: str) -> tuple[str, dict[str, object] | None]:
    command = [sys.executable, "-m", "tests.simulation.mutants", "--one", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    caught: dict[str, object] | None = json.loads(done.stdout)
    print(f"{name}: {'survives' if caught is None else caught}", file=sys.stderr, flush=True)
    return name, caught


def main(names: list[str]) -> int:
    load()
    if names[:1] == ["--one"]:
        print(json.dumps(first_catch(names[1])))
        return 0
    wanted = names or [name for name, one in MUTANTS.items() if one.is_caught]
    table = json.loads(CAUGHT.read_text()) if CAUGHT.exists() else {}
    found: dict[str, dict[str, object] | None] = {}
    with ThreadPoolExecutor(JOBS) as pool:
        for name, caught in pool.map(_search, wanted):
            found[name] = caught
            if caught is not None:
                table[name] = caught
                CAUGHT.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
