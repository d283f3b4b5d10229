"""`hydra bars cot`: the CFTC's commitments of traders, each week dated by when it became public."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.research.cot import CotWeek

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="CFTC weeks, dated by their release: import, list."
)

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command("import")
def imported(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CFTC's legacy report as CSV.")],
    symbol: Annotated[str, typer.Option(metavar="SYMBOL", help="The instrument whose market it is.")],
    market: Annotated[
        str, typer.Option(metavar="NAME", help="The report's own name of it, or its beginning.")
    ] = "",
    late: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE=DAYS", help="That Tuesday's release came so many days late; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Add one market's weeks; a decision sees a Tuesday only after the Friday on which it is published.

    A holiday or a shutdown delays a release: say so with --late. What differs from before becomes a revision.
    Example: hydra bars cot import cot.csv --symbol LE --market "LIVE CATTLE" --late 2025-01-07=3
    """
    from hydra.persistence.bar_files import read_csv_cot

    settings = invocation(ctx).settings()
    every = read_csv_cot(file, dict(_delay(one) for one in late or ()))
    weeks = _of_market(every, market, str(file))
    added = _store(settings).put(symbol, weeks, _now(settings), file.name)
    first, last = weeks[0], weeks[-1]
    if json:
        told = {"symbol": symbol, "market": first.market, "weeks": len(weeks), "new": added}
        print_json({**told, "last_as_of": last.as_of, "last_released_on": last.released_on})
        return
    print(f"{symbol}: {len(weeks)} weeks of {first.market}, {added} new or revised.")
    print(f"The newest is of {last.as_of}, public since the evening of {last.released_on}.")


@app.command("list")
def listed(ctx: typer.Context, json: Json = False) -> None:
    """Every symbol: its market, how many weeks, and the newest with its release and net position."""
    store = _store(invocation(ctx).settings())
    rows = [_row(symbol, store.weeks(symbol)) for symbol in store.symbols()]
    if json:
        print_json(rows)
    elif rows:
        print_table(tuple(name.replace("_", " ") for name in rows[0]), [tuple(row.values()) for row in rows])
    else:
        print("No CFTC weeks: `hydra bars cot import FILE --symbol SYMBOL --market NAME`.")


def _row(symbol: str, weeks: Sequence[CotWeek]) -> dict[str, Any]:
    last = weeks[-1]
    facts = {"symbol": symbol, "market": last.market, "weeks": len(weeks), "as_of": last.as_of}
    net = round(last.speculators_net_share, 4)
    return {**facts, "released_on": last.released_on, "speculators_net_share": net}


def _of_market(weeks: Sequence[CotWeek], wanted: str, where: str) -> list[CotWeek]:
    """The weeks of the one market that is meant, oldest first; HY-872 where none or several are."""
    names = sorted({one.market for one in weeks})
    found = [name for name in names if name.upper().startswith(wanted.upper())]
    exact = [name for name in found if name.upper() == wanted.upper()]
    chosen = exact or found
    if len(chosen) != 1:
        count = f"{len(chosen)} of its markets begin with {wanted}" if chosen and wanted else ""
        problem = count or (f"no market is named {wanted}" if wanted else f"it has {len(names)} markets")
        hint = (
            did_you_mean(wanted.upper(), [name.partition(" - ")[0] for name in names])
            if wanted and not chosen
            else ""
        )
        raise UserError(
            "HY-872",
            where=where,
            problem=problem,
            hint=hint,
            known=", ".join(name.partition(" - ")[0] for name in names),
        )
    return sorted((one for one in weeks if one.market == chosen[0]), key=lambda one: one.as_of)


def _delay(text: str) -> tuple[date, int]:
    day, _, days = text.partition("=")
    try:
        delay = date.fromisoformat(day), int(days)
    except ValueError as error:
        raise UserError("HY-873", given=text) from error
    if delay[1] < 0:
        raise UserError("HY-873", given=text)
    return delay


def _store(settings: Settings) -> Any:
    from hydra.config import ensure_data_dir
    from hydra.persistence.cot import COT_FOLDER, ParquetCotStore

    return ParquetCotStore(ensure_data_dir(settings) / COT_FOLDER)


def _now(settings: Settings) -> Any:
    from hydra.wiring import clock_of

    return clock_of(settings).now()
