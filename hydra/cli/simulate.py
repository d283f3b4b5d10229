"""`hydra simulate`: deterministic worlds full of faults, judged by an oracle of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json
from hydra.cli.progress import Progress
from hydra.domain.errors import BROKEN, UserError

if TYPE_CHECKING:
    from hydra.simulation.report import Summary
    from hydra.simulation.run import RunOptions, WorldResult

app = typer.Typer(add_completion=False)
SEEDS_MAX = 10_000_000
SHOWN_MAX = 20


@app.command()
def simulate(
    ctx: typer.Context,
    seeds: Annotated[
        str, typer.Option(metavar="FROM:TO", help="Seeds, e.g. 0:1000; or one seed.")
    ] = "0:1000",
    faults: Annotated[str, typer.Option(help="all, none, or kinds separated by commas.")] = "all",
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the JSON document there.")] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Leave books.json, ledger.jsonl and faults.json of each world there."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 2,
    replay: Annotated[
        str | None, typer.Option(metavar="SEED[@VERSION]", help="One world, with its timeline.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="N,N", help="With --replay: only these of its faults, from 0.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(metavar="N", help="Instead: N days in one world, a session on every trading day."),
    ] = None,
    crashes: Annotated[
        int | None,
        typer.Option(
            metavar="DEPTH",
            help="Instead: a kill at every commit and write of one session (1), its recovery (2)"
            " and the recovery of that (3).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="With --days and --crashes.")] = 1,
    list_faults: Annotated[bool, typer.Option("--list", help="List the kinds of faults.")] = False,
) -> None:
    """Run seeded worlds with faults of every kind; an oracle outside of the order path judges each step.

    Example: hydra simulate --seeds 0:1000 --json worlds.json
    """
    from hydra.cli.simulate_one import require_sense, show_crashes, show_days
    from hydra.simulation.fault_kinds import FAULTS
    from hydra.simulation.faults import parse_faults
    from hydra.simulation.run import RunOptions, prepared_folder

    invocation(ctx).settings()  # worlds have their own; a misspelt one is refused
    if list_faults:
        for kind in FAULTS.values():
            print(f"{kind.name:20} {kind.group:8} {kind.help}")
        return
    kinds = parse_faults(faults)
    require_sense(replay, only, days, crashes)
    chosen = range(0) if replay is not None else _seeds(seeds)
    _require_writable(json, keep)
    with prepared_folder() as folder:
        options = RunOptions(folder, kinds, keep)
        if days is not None:
            is_broken = show_days(seed, days, options, json)
        elif crashes is not None:
            is_broken = show_crashes(seed, crashes, options, jobs, json)
        elif replay is not None:
            is_broken = _replay(replay, options, only, json)
        else:
            is_broken = _campaign(chosen, options, jobs, json, faults)
    if is_broken:
        raise typer.Exit(BROKEN)


def _campaign(seeds: range, options: RunOptions, jobs: int, json: Path | None, faults: str) -> bool:
    from time import perf_counter

    from hydra.simulation.campaign import run_campaign
    from hydra.simulation.report import Summary
    from hydra.wiring import build_id

    summary, begun_s, failed = Summary(), perf_counter(), []
    progress = Progress(len(seeds), "worlds")
    for result in run_campaign(seeds, options, jobs):
        summary.add(result)
        if result.violations:
            failed.append(result)
        progress.show(summary.worlds, f", {len(summary.violations)} laws broken")
    wall_s = perf_counter() - begun_s
    document = summary.document(wall_s, build_id())
    if json is not None:
        with json.open("w") as file:
            print_json(document, file)
    _print_summary(summary, wall_s)
    if failed:
        _print_failures(sorted(failed, key=lambda one: one.seed), options, faults)
    return bool(failed)


def _print_summary(summary: Summary, wall_s: float) -> None:
    faults = sum(summary.faults.values())
    print(
        f"{summary.worlds} worlds in {wall_s:.1f} s ({summary.worlds / wall_s:.1f} a second),"
        f" {summary.virtual_s / 3600:.0f} virtual hours, {summary.runs} process runs, {faults} faults"
        f" of {len(summary.faults)} kinds"
    )
    if not summary.violations:
        print(
            f"No law broken: with 95 % confidence fewer than {summary.bound_95:.2%} of such worlds break one."
        )


def _print_failures(failed: Sequence[WorldResult], options: RunOptions, faults: str) -> None:
    """The first failing seed made small, and for the first ones the command that replays each."""
    from hydra.simulation.campaign import quieten
    from hydra.simulation.minimise import minimise

    quieten()
    print(f"{len(failed)} worlds broke a law:")
    for number, result in enumerate(failed[:SHOWN_MAX]):
        law = result.violations[0].law
        print(f"seed {result.seed}: {result.violations[0]}")
        more = ""
        if number == 0:
            kept, _ = minimise(result.seed, replace(options, keep=None), law)
            more = f" --only {','.join(map(str, kept))}" if kept else " --only none"
        print(f"  {_replay_command(result.seed, faults)}{more}")
    if len(failed) > SHOWN_MAX:
        print(f"and {len(failed) - SHOWN_MAX} more; --json FILE has them all")


def _replay_command(seed: int, faults: str) -> str:
    from hydra.wiring import build_id

    chosen = "" if faults == "all" else f" --faults {faults}"
    return f"hydra simulate --replay {seed}@{build_id()}{chosen}"


def _replay(text: str, options: RunOptions, only: str | None, json: Path | None) -> bool:
    from time import perf_counter

    from hydra.simulation.campaign import quieten
    from hydra.simulation.minimise import only as only_these
    from hydra.simulation.report import Summary
    from hydra.simulation.run import run_world
    from hydra.simulation.scenario import scenario_of
    from hydra.wiring import build_id

    seed_text, _, recorded = text.partition("@")
    if ":" in seed_text:
        raise UserError("HY-801", given=seed_text, problem="a replay shows one seed")
    seed = _seeds(seed_text)[0]
    if recorded and recorded != build_id():
        raise UserError("HY-804", seed=seed, recorded=recorded, version=build_id())
    quieten()
    scenario = scenario_of(seed, options.kinds)
    if only is not None:
        indexes = _indexes(only, len(scenario.faults))
        options = replace(options, change=only_these(indexes))
        scenario = only_these(indexes)(scenario)
    print(f"seed {seed}: {scenario.start:%Y-%m-%d %H:%M:%S} UTC, targets {dict(scenario.targets)}")
    for number, fault in enumerate(scenario.faults):
        print(f"  fault {number}: {fault}")
    begun_s = perf_counter()
    result = run_world(seed, options, lambda at_s, who, what: print(f"{at_s:12.4f} {who:10} {what}"))
    print(f"ended after {result.end_s:.1f} virtual seconds")
    for end in result.ends or ("nothing was planned",):
        print(f"  {end}")
    for found in result.violations:
        print(found)
    if json is not None:
        summary = Summary()
        summary.add(result)
        with json.open("w") as file:
            print_json(summary.document(perf_counter() - begun_s, build_id()), file)
    return bool(result.violations)


def _indexes(text: str, count: int) -> tuple[int, ...]:
    from hydra.cli.simulate_one import refused

    if text == "none":
        return ()
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = (-1,)
    if any(not 0 <= at < count for at in found):
        problem = f"{text} is not among the numbers 0 to {count - 1} of its faults"
        raise refused("--only", problem)
    return found


def _seeds(text: str) -> range:
    first, colon, last = text.partition(":")
    try:
        low = int(first)
        high = int(last) if colon else low + 1
    except ValueError:
        raise UserError("HY-801", given=text, problem="not whole numbers") from None
    if not 0 <= low < high:
        raise UserError("HY-801", given=text, problem="an empty range")
    if high - low > SEEDS_MAX:
        raise UserError("HY-801", given=text, problem=f"more than {SEEDS_MAX} worlds")
    return range(low, high)


def _require_writable(json: Path | None, keep: Path | None) -> None:
    """Found out now rather than after an hour of worlds."""
    for path, place in ((json, json.parent if json else None), (keep, keep)):
        if path is None or place is None:
            continue
        if path == json and path.is_dir():
            raise UserError("HY-803", path=path, problem="it is a folder")
        try:
            place.mkdir(parents=True, exist_ok=True)
            probe = place / f".hydra-{id(path)}"
            probe.touch()
            probe.unlink()
        except OSError as problem:
            raise UserError("HY-803", path=path, problem=problem.strerror) from problem
