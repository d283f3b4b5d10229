"""What the judge from outside finds in the exports of one world, mutant or not."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hydra.demo.compare_books import judge_world
from hydra.simulation.campaign import run_campaign
from hydra.simulation.run import RunOptions


def judged_outside(seed: int, folder: Path) -> list[str]:
    """Run the world of this seed, under whatever patch is in force, and judge what it leaves."""
    with TemporaryDirectory() as kept:
        options = replace(RunOptions(folder), keep=Path(kept))
        list(run_campaign([seed], options, jobs=1))
        left = Path(kept) / str(seed)
        lines = (left / "ledger.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        books = json.loads((left / "books.json").read_text())
        return judge_world(books, events, json.loads((left / "faults.json").read_text()))
