"""One world looked at closely: a trading month, or every crash point of a session."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from hydra.cli.output import print_json
from hydra.cli.progress import Progress
from hydra.domain.errors import UserError

if TYPE_CHECKING:
    from hydra.simulation.run import RunOptions

DEPTH_MAX = 3
SHOWN_MAX = 10


def require_sense(replay: str | None, only: str | None, days: int | None, crashes: int | None) -> None:
    """UserError HY-004 for options that mean nothing, or nothing together."""
    from hydra.simulation.month import DAYS_MAX

    asked = {"--replay": replay, "--days": days, "--crashes": crashes}
    names = [name for name, value in asked.items() if value is not None]
    if len(names) > 1:
        raise refused(names[1], f"{names[0]} asks for something else: give one of them")
    if only is not None and replay is None:
        raise refused("--only", "it chooses among the faults of one world: give --replay SEED, too")
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise refused("--days", f"{days} is not among 1 to {DAYS_MAX}")
    if crashes is not None and not 1 <= crashes <= DEPTH_MAX:
        raise refused("--crashes", f"{crashes} is not among 1 to {DEPTH_MAX}")


def show_days(seed: int, days: int, options: RunOptions, json: Path | None) -> bool:
    """Run the days and show each session; whether a law was found broken."""
    from hydra.simulation.campaign import quieten
    from hydra.simulation.month import run_month
    from hydra.wiring import build_id

    quieten()
    begun_s = perf_counter()
    month = run_month(seed, days, options)
    wall_s = perf_counter() - begun_s
    for one in month.evidence:
        print(
            f"{one.session_on}: {one.parents} parents, {one.orders} orders, {one.executions} executions,"
            f" {one.findings} findings, {one.in_doubt} in doubt"
        )
    print(
        f"{len(month.evidence)} of {len(month.days)} sessions on record for the paper gate,"
        f" {month.drops} disconnects, {month.nights} nightly restarts, {month.kills} kills;"
        f" ledger {month.world.digest[:16]}, {wall_s:.1f} s"
    )
    for found in month.world.violations:
        print(found)
    if json is not None:
        document = {
            "version": build_id(),
            "seed": seed,
            "days": days,
            "sessions": len(month.days),
            "disconnects": month.drops,
            "nightly_restarts": month.nights,
            "kills": month.kills,
            "digest": month.world.digest,
            "violations": [asdict(found) for found in month.world.violations],
            "paper_gate": [asdict(one) for one in month.evidence],
            "wall_s": round(wall_s, 1),
        }
        with json.open("w") as file:
            print_json(document, file)
    return bool(month.world.violations)


def show_crashes(seed: int, depth: int, options: RunOptions, jobs: int, json: Path | None) -> bool:
    """Kill at every point of the session of this seed; whether a law was found broken."""
    from hydra.simulation.campaign import quieten
    from hydra.simulation.crash_points import enumerate_crashes, every_crash
    from hydra.wiring import build_id

    quieten()
    begun_s = perf_counter()
    points = list(every_crash(seed, options, depth, jobs))
    progress = Progress(len(points), "crash points")
    report = enumerate_crashes(seed, options, points, jobs, progress.show)
    wall_s = perf_counter() - begun_s
    for deaths, worlds in sorted(report.worlds.items()):
        print(f"{deaths} death(s): {report.reached[deaths]}/{worlds} points reached")
    print(f"{len(report.broken)} broken; ledgers {report.digest[:16]}, {wall_s:.1f} s")
    for one in report.broken[:SHOWN_MAX]:
        print(f"killed {', then '.join(map(str, one.crashes))}: {one.violations[0]}")
    if len(report.broken) > SHOWN_MAX:
        print(f"and {len(report.broken) - SHOWN_MAX} more, all in the document of --json")
    if json is not None:
        document = {
            "version": build_id(),
            "seed": seed,
            "points": {str(deaths): worlds for deaths, worlds in sorted(report.worlds.items())},
            "reached": {str(deaths): count for deaths, count in sorted(report.reached.items())},
            "broken": [[str(point) for point in one.crashes] for one in report.broken],
            "digest": report.digest,
            "wall_s": round(wall_s, 1),
        }
        with json.open("w") as file:
            print_json(document, file)
    return bool(report.broken)


def refused(option: str, problem: str) -> UserError:
    """What an option of `hydra simulate` was given and cannot be."""
    return UserError("HY-004", command="hydra simulate", given=option, problem=problem, hint="")
