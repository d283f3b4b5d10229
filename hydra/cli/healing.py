"""`hydra run | diagnose | status | promote | rollback | retire | pause`: the cycle and who decides in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hydra.cli.invocation import begin_log, invocation, session_day
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.domain.champion import ArmRetired
    from hydra.usecases.improve.cycle import Cycle
    from hydra.usecases.improve.workshop import Workshop

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The daily cycle: observe, diagnose, mutate, promote."
)

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="DATE", help="The session planned for; default: after the newest bar."),
]
Arm = Annotated[str, typer.Argument(metavar="MODEL", help="An arm of the book; see `hydra status`.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.")]


@app.command()
def run(
    ctx: typer.Context,
    on: On = None,
    fetch: Annotated[
        bool, typer.Option("--fetch/--no-fetch", help="First bring the bars up to date from the gateway.")
    ] = False,
    candidate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A spec of your own (JSON) to try beside the playbook's."),
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option("--approve", metavar="NAME", help="Your name: the change of champion may be made."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plot there (PNG).")] = None,
    json: Json = False,
) -> None:
    """Run, or run again, the daily cycle: observe, diagnose, mutate, experiment, decide, plan.

    The next execution session trades what it plans. It may be run again at any moment: a session's book is
    decided once. Where a person must be asked (healing.autonomy), it shows the evidence and plans with the
    book as it is; --approve NAME makes the change. Example: hydra run --on 2026-11-23
    """
    from hydra.reports.cycle import plot_data, verdict, weights_history
    from hydra.usecases.improve.run import run_cycle

    settings = invocation(ctx).settings()
    begin_log(settings)
    if fetch:
        _fetch(settings)
    with _workshop(settings) as shop:
        ran = run_cycle(shop, _session(shop, on), _candidates(candidate), approve or "")
        history = weights_history(shop.journal.books())
        if plot is not None:
            _write_plot(plot, plot_data(ran.cycle, history))
        if json:
            print_json({**_told(ran.cycle), "verdict": verdict(ran.cycle, ran.waits), "waits": ran.waits})
            return
        _print_cycle(ran.cycle)
        print(verdict(ran.cycle, ran.waits) + ".")
        if ran.waits is not None:
            _print_rows(_evidence(dict(ran.waits.evidence)))
            print(f"To make the change: hydra run --on {ran.cycle.on} --approve NAME")


@app.command()
def diagnose(ctx: typer.Context, on: On = None, json: Json = False) -> None:
    """What is wrong, if anything: causes in the order in which they can be known, with the evidence.

    Nothing is tried, decided or written. "POWER_TOO_LOW" means: nothing alarmed, and the years it takes to
    see what is missing stand beside it.
    """
    from hydra.reports.cycle import diagnosis_rows, drift_rows, impact_rows, observation_rows, reason_rows
    from hydra.research.reasons import reasons_of
    from hydra.usecases.improve.run import look

    with _workshop(invocation(ctx).settings()) as shop:
        cycle = look(shop, _session(shop, on))
        seen = observation_rows(cycle.observations)
        impact = impact_rows(cycle.observations)
        causes, drift = diagnosis_rows(cycle.diagnoses), drift_rows(cycle.observations)
        why = reason_rows(reasons_of(cycle.arena, cycle.book))
        if json:
            told = {"on": cycle.on, "diagnoses": causes, "observations": seen}
            print_json({**told, "impact": impact, "drift": drift, "reasons": why})
            return
        for rows in (causes, seen, impact, [row for row in drift if row["drifted"]], why):
            _print_rows(rows)


@app.command()
def status(ctx: typer.Context, json: Json = False) -> None:
    """Who leads and since when, the book's weights, what the next session is to hold, who is asked."""
    from hydra.usecases.improve.state import status_of

    with _workshop(invocation(ctx).settings()) as shop:
        found = status_of(shop)
    if json:
        print_json(found)
        return
    facts = {key.replace("_", " "): value for key, value in found.items() if not isinstance(value, list)}
    print_table(("what", "value"), facts.items())
    _print_rows(found["weights"])
    _print_rows(found["targets"])
    _print_rows(found["reasons"])
    _print_rows(found["changes"])
    _print_rows(found["retired"])


@app.command()
def promote(
    ctx: typer.Context,
    model: Arm,
    by: By,
    reason: Reason,
    on: On = None,
    json: Json = False,
) -> None:
    """Make another arm the champion, by a person's word; the next session trades it.

    Pointer and plan change in one transaction; a session that has sized its symbols already keeps them.
    Example: hydra promote trend-16-64@708e78 --by anna --reason "slower since the new tick size"
    """
    from hydra.domain.champion import Change
    from hydra.usecases.improve.people import by_hand
    from hydra.usecases.improve.state import arms_of, book_planned

    with _deciding(ctx, by, reason) as shop:
        _require_arm(model, arms_of(book_planned(shop)))
        cycle = _looked(shop, on, model)
        decision = by_hand(shop, cycle, model, Change.PROMOTED, by, reason)
        _print_change(decision.book.champion, decision.predecessor, decision.on, decision.forecasts, json)


@app.command()
def rollback(ctx: typer.Context, by: By, reason: Reason, on: On = None, json: Json = False) -> None:
    """Back to the champion before this one; the next session trades it.

    Example: hydra rollback --by anna --reason "the new one trades twice as much as it said"
    """
    from hydra.domain.champion import Change
    from hydra.usecases.improve.people import by_hand
    from hydra.usecases.improve.state import arms_of, book_planned

    with _deciding(ctx, by, reason) as shop:
        pointer = shop.ledger.champions.pointer()
        if pointer is None or not pointer.predecessor_id:
            leader = pointer.champion_id if pointer is not None else "the seed"
            raise UserError("HY-863", champion=leader)
        _require_arm(pointer.predecessor_id, arms_of(book_planned(shop)))
        cycle = _looked(shop, on, pointer.predecessor_id)
        decision = by_hand(shop, cycle, pointer.predecessor_id, Change.ROLLED_BACK, by, reason)
        _print_change(decision.book.champion, decision.predecessor, decision.on, decision.forecasts, json)


@app.command()
def retire(
    ctx: typer.Context,
    model: Arm,
    by: By,
    reason: Reason,
    on: On = None,
    json: Json = False,
) -> None:
    """Take an arm out of the book, by a person's word; the next session trades without it.

    What was traded of it is cash until the next cycle divides it among the rest by the book's rule. The
    champion cannot be taken out: promote another first. Record and artefact of the arm stay; the cycle does
    not propose it again, `hydra run --candidate` may. Taken out twice is taken out once.
    Example: hydra retire trend-2-8@0d1cf5 --by anna --reason "too dear since the new fees"
    """
    from hydra.usecases.improve.people import retire as taken_out
    from hydra.usecases.improve.record import Aside
    from hydra.usecases.improve.run import look
    from hydra.usecases.improve.state import book_planned, may_retire, retired_before

    with _deciding(ctx, by, reason) as shop:
        book, known = book_planned(shop), may_retire(shop)
        earlier = retired_before(shop, model)
        if earlier is not None and model not in (book.champion, *known):
            _print_retired(model, earlier, book.champion, json)
            return
        if model == book.champion:
            raise UserError("HY-864", given=model, known=", ".join(known))
        _require_arm(model, known)
        decision = taken_out(shop, look(shop, _session(shop, on), Aside(model)), model, by, reason)
        freed = sum(arm.weight for arm in book.arms if arm.spec_id == model)
        if json:
            told = {"model": model, "on": decision.on, "changed": True, "champion": book.champion}
            print_json({**told, "freed_weight": freed, "forecasts": dict(decision.forecasts)})
            return
        cash = f"; its weight of {freed:.3f} is cash until the next cycle divides it" if freed else ""
        print(f"{model} is out of the book from {decision.on}{cash}. The next session is to hold:")
        _print_forecasts(decision.forecasts)


@app.command()
def pause(
    ctx: typer.Context,
    by: By,
    reason: Reason,
    level: Annotated[
        str,
        typer.Option(help="lockdown (nothing changes), supervised, semi or autonomous."),
    ] = "lockdown",
    json: Json = False,
) -> None:
    """Say what the healing cycle may do by itself, from now on and over the configuration.

    lockdown leaves the book as it is, also its weights; faulty data still stops an instrument, and trading
    goes on. End a pause by naming the level that is to hold. To stop orders: hydra trading, hydra kill.
    """
    from hydra.domain.champion import Autonomy, AutonomyChanged

    names = [one.value.lower() for one in Autonomy]
    if level.lower() not in names:
        hint = did_you_mean(level, names)
        problem = f"{level} is none of {', '.join(names)}"
        raise UserError("HY-004", command="hydra pause", given="--level", problem=problem, hint=hint)
    with _deciding(ctx, by, reason) as shop:
        shop.ledger.record([AutonomyChanged(Autonomy(level.upper()), reason, by)])
    if json:
        print_json({"autonomy": level.lower(), "by": by, "reason": reason})
    else:
        print(f"Autonomy is {level.lower()} from now on, by {by}; it holds over the configuration.")


@contextmanager
def _workshop(settings: Settings) -> Iterator[Workshop]:
    from hydra.workshop import open_workshop

    with open_workshop(settings) as shop:
        yield shop


@contextmanager
def _deciding(ctx: typer.Context, by: str, reason: str) -> Iterator[Workshop]:
    for option, text in (("--by NAME", by), ("--reason TEXT", reason)):
        if not text.strip():
            raise UserError("HY-003", command=ctx.command_path, given=option)
    with _workshop(invocation(ctx).settings()) as shop:
        yield shop


def _require_arm(model: str, known: list[str]) -> None:
    if model not in known:
        raise UserError("HY-862", given=model, hint=did_you_mean(model, known), known=", ".join(known))


def _looked(shop: Workshop, on: str | None, leader: str) -> Cycle:
    """Observed and diagnosed: a plan by hand stops what the cycle would stop."""
    from hydra.usecases.improve.run import look_at_change

    return look_at_change(shop, _session(shop, on), leader)


def _session(shop: Workshop, on: str | None) -> date:
    from hydra.usecases.improve.cycle import next_session

    return next_session(shop) if on is None else session_day(on)


def _candidates(path: Path | None) -> list[Any]:
    import json

    if path is None:
        return []
    try:
        return [json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise UserError("HY-860", problem=f"{path}: {error}") from error


def _fetch(settings: Settings) -> None:
    import asyncio

    from hydra.cli.bars import fetched

    for row in asyncio.run(fetched(settings)):
        if row["problem"]:
            print(f"{row['series']}: {row['problem']}")


def _write_plot(path: Path, data: dict[str, Any]) -> None:
    from hydra.reports.plot_process import CYCLE_PLOT, drawn

    path.write_bytes(drawn(data, CYCLE_PLOT))


def _told(cycle: Cycle) -> dict[str, Any]:
    from hydra.reports.cycle import (
        book_now,
        diagnosis_rows,
        experiment_rows,
        leaderboard_rows,
        observation_rows,
        reason_rows,
        target_rows,
        weight_rows,
    )

    decided = cycle.decision
    return {
        "on": cycle.on,
        "champion": decided.book.champion if decided else cycle.book.champion,
        "change": decided.change if decided else None,
        "diagnoses": diagnosis_rows(cycle.diagnoses),
        "observations": observation_rows(cycle.observations),
        "experiments": experiment_rows(cycle.experiments),
        "weights": weight_rows(decided.book if decided else cycle.book),
        "targets": target_rows(decided.forecasts, decided.stops) if decided else [],
        "reasons": reason_rows(decided.reasons) if decided else [],
        "leaderboard": leaderboard_rows(cycle.arena, book_now(cycle)),
        "notes": cycle.notes,
    }


def _print_cycle(cycle: Cycle) -> None:
    told = _told(cycle)
    for key in ("diagnoses", "experiments", "weights", "targets", "reasons"):
        _print_rows(told[key])
    for note in cycle.notes:
        print(note)


def _print_change(leader: str, before: str, on: date, forecasts: Any, json: bool) -> None:
    if json:
        print_json({"champion": leader, "predecessor": before, "on": on, "forecasts": dict(forecasts)})
        return
    print(f"{leader} leads from {on}, after {before}.")
    _print_forecasts(forecasts)


def _print_retired(model: str, earlier: ArmRetired, champion: str, json: bool) -> None:
    since = earlier.from_session
    if json:
        print_json({"model": model, "on": since, "changed": False, "champion": champion})
    else:
        print(f"{model} is out of the book since {since}, by {earlier.by}: nothing to do.")


def _print_forecasts(forecasts: Any) -> None:
    _print_rows([{"instrument": symbol, "forecast": round(said, 3)} for symbol, said in forecasts.items()])


def _evidence(evidence: dict[str, float]) -> list[dict[str, Any]]:
    from hydra.reports.cycle import evidence_rows

    return evidence_rows(evidence)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if rows:
        print_table(tuple(name.replace("_", " ") for name in rows[0]), [tuple(row.values()) for row in rows])
