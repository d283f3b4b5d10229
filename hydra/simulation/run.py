"""One world from its seed to its verdict: `run_world`. The same seed and options give the same bytes."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from hydra.clock import SystemClock
from hydra.domain.errors import HydraError, UserError
from hydra.persistence.open import open_ledger
from hydra.simgateway.books import Books, books_of
from hydra.simulation.crew import Crew
from hydra.simulation.effects import EFFECTS
from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.injector import Injector
from hydra.simulation.loop import Stuck
from hydra.simulation.oracle import Violation
from hydra.simulation.scenario import Scenario, scenario_of
from hydra.simulation.verdict import HALTING, filled_lots
from hydra.simulation.world import Tell, World

TEMPLATE_NAME: Final = "template.sqlite3"
_MEMORY_FILES: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a world may draw from and what is kept of it; `folder` holds the template ledger.

    `change` and `begin` alter a world before it is built, and once it stands.
    """

    folder: Path
    kinds: tuple[str, ...] = tuple(FAULTS)
    keep: Path | None = None
    change: Callable[[Scenario], Scenario] | None = None
    begin: Callable[[World, Crew], None] | None = None


@dataclass(slots=True)
class WorldResult:
    """One world's outcome, as plain values."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    hits: list[tuple[str, str]] = field(default_factory=list)
    filled: int = 0
    wanted: int = 0
    runs: int = 0
    statuses: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    end_s: float = 0.0
    is_denied: bool = False
    is_stopped: bool = False
    is_calm_early: bool = False
    digest: str = ""
    wall_s: float = 0.0


def run_world(seed: int, options: RunOptions, tell: Tell | None = None) -> WorldResult:
    """Run the world of this seed to its end and judge it; never raises for what happens inside."""
    scenario = scenario_of(seed, options.kinds)
    if options.change is not None:
        scenario = options.change(scenario)
    return run_scenario(scenario, options, tell)


def run_scenario(
    scenario: Scenario, options: RunOptions, tell: Tell | None = None, crew_of: Callable[[World], Crew] = Crew
) -> WorldResult:
    """As `run_world`, for a world that is written down; `crew_of` says who keeps it running."""
    begun_s = perf_counter()
    folder = Path(tempfile.mkdtemp(prefix=f"world-{scenario.seed}-", dir=options.folder))
    try:
        result = _run(scenario, options, folder, tell, crew_of)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.wall_s = perf_counter() - begun_s
    return result


@contextmanager
def prepared_folder() -> Iterator[Path]:
    """A folder for worlds, in memory where the machine has such a file system, with one migrated ledger.

    UserError HY-803 when neither memory nor the place for temporary files can be written.
    """
    place = _MEMORY_FILES if os.access(_MEMORY_FILES, os.W_OK) else Path(tempfile.gettempdir())
    try:
        made = tempfile.TemporaryDirectory(prefix="hydra-worlds-", dir=place)
    except OSError as problem:
        raise UserError("HY-803", path=place, problem=problem.strerror) from problem
    with made as folder:
        make_template(Path(folder))
        yield Path(folder)


def make_template(folder: Path) -> None:
    """One empty ledger, migrated once; every world begins with a copy of it."""
    clock = SystemClock()
    open_ledger(folder / TEMPLATE_NAME, now=clock.now, wall_s=clock.wall_s).close()
    (folder / f"{TEMPLATE_NAME}.heads").unlink(missing_ok=True)


def _run(
    scenario: Scenario,
    options: RunOptions,
    folder: Path,
    tell: Tell | None,
    crew_of: Callable[[World], Crew],
) -> WorldResult:
    shutil.copyfile(options.folder / TEMPLATE_NAME, folder / "ledger.sqlite3")
    world = World(scenario, folder, tell)
    crew = crew_of(world)
    injector = Injector(world, crew, EFFECTS)
    crew.on_calm = injector.end

    async def work() -> None:
        if options.begin is not None:
            options.begin(world, crew)
        injector.begin()
        await crew.work()

    try:
        world.run(work)
    except Stuck:
        world.oracle.breach("f", "everybody waits for somebody else")
    end_s = world.loop.time()
    world.close()
    lines = _export(world)
    if options.keep is not None:
        kinds = sorted({fault.kind for fault in scenario.faults})
        _keep(options.keep / str(scenario.seed), books_of(world.gateway.gateway.core.state), lines, kinds)
    filled, wanted = filled_lots(world.oracle)
    parents = world.oracle.ledger.parents
    return WorldResult(
        seed=scenario.seed,
        violations=world.oracle.violations,
        hits=injector.hits,
        filled=filled,
        wanted=wanted,
        runs=len(world.processes),
        statuses=tuple(parents[name].status for name in sorted(parents)),
        ends=tuple(_ends(world, crew)),
        end_s=round(end_s, 6),
        is_denied=bool(crew.denied or world.oracle.ledger.breakers)
        or any(one.status == "DENIED" for one in parents.values()),
        is_stopped=bool(world.oracle.ledger.halts) or any(kind in HALTING for kind, _ in injector.hits),
        is_calm_early=crew.is_calm_early,
        digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    )


def _ends(world: World, crew: Crew) -> Iterator[str]:
    """How every parent ended, and why symbols without one were not traded."""
    for name, parent in sorted(world.oracle.ledger.parents.items()):
        yield f"{name} {parent.status}" + (f": {parent.reason}" if parent.reason else "")
    for symbol, reasons in sorted(crew.denied.items()):
        if not any(one.plan["symbol"] == symbol for one in world.oracle.ledger.parents.values()):
            yield f"{symbol} denied: {'; '.join(reasons)}"
    if crew.failure:
        yield f"the last run failed with: {crew.failure}"


def _export(world: World) -> list[str]:
    """The ledger as `hydra ledger export --json` writes it; all that was told at commits must be there."""
    try:
        ledger = open_ledger(
            world.ledger_path, now=world.clock.now, wall_s=world.clock.wall_s, read_only=True
        )
    except (HydraError, ValueError) as problem:  # a damaged ledger may be one that nobody can open
        return [f"unreadable: {type(problem).__name__}"]
    try:
        rows = list(ledger.export())
    except (HydraError, ValueError) as problem:
        return [f"unreadable: {type(problem).__name__}"]
    finally:
        ledger.close()
    there = {(row["stream"], row["seq"]) for row in rows}
    lost = {(row.stream, row.seq) for row in world.oracle.lost_rows}
    for row in world.committed_rows:
        if (row.stream, row.seq) not in there and (row.stream, row.seq) not in lost:
            world.oracle.breach("c", f"{row.kind} {row.seq} of {row.stream} had committed and is gone")
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]


def _keep(folder: Path, books: Books, lines: list[str], kinds: list[str]) -> None:
    """What judges from outside may read: both sides' books, and the kinds of faults the world had."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "books.json").write_text(json.dumps(books, indent=1) + "\n")
    (folder / "faults.json").write_text(json.dumps(kinds) + "\n")
    (folder / "ledger.jsonl").write_text("".join(f"{line}\n" for line in lines))
