"""`hydra bars`: the bar store of the research side: import files, fetch from the gateway, list."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hydra.cli import cot
from hydra.cli.invocation import invocation
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import UserError

if TYPE_CHECKING:
    from hydra.config import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The bar store: import, fetch, list.")
app.add_typer(cot.app, name="cot")

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
SESSIONS = 1250


@app.command("import")
def imported(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet: date, open, high, low, close.")
    ],
    series: Annotated[str, typer.Option(metavar="NAME", help="A symbol, or SYMBOL-YYYYMM for one expiry.")],
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Leave out rows that cannot be read, and list them.")
    ] = False,
    json: Json = False,
) -> None:
    """Add a file's bars; what differs from before becomes a revision, nothing is overwritten.

    Zero and negative prices are legal: everything here works on price differences. Dates must rise.
    Example: hydra bars import ZO.csv --series ZO
    """
    from hydra.persistence.bar_files import read_csv_bars, read_parquet_bars
    from hydra.research.series import require_moving

    settings = invocation(ctx).settings()
    rejected: list[UserError] = []
    if file.suffix == ".parquet":
        bars = read_parquet_bars(file)
    else:
        bars = read_csv_bars(file, rejected if lenient else None)
    require_moving(bars, str(file))
    added = _store(settings).put(series, bars, _now(settings), file.name)
    told = {"series": series, "bars": len(bars), "new": added, "left_out": [str(one) for one in rejected]}
    if json:
        print_json(told)
        return
    for one in rejected:
        print(one)
    print(f"{series}: {len(bars)} bars from {bars[0].on} to {bars[-1].on}, {added} new or revised.")


@app.command("list")
def listed(ctx: typer.Context, json: Json = False) -> None:
    """Every series: how many bars, from when to when, and what is wrong with the newest."""
    from hydra.research.series_checks import check_bars, recent

    store = _store(invocation(ctx).settings())
    rows = []
    for name in store.series():
        bars = store.bars(name)
        faults = recent(check_bars(bars), bars[-1].on, 30)
        problem = f"{faults[-1].problem} on {faults[-1].on}" if faults else ""
        rows.append(
            {"series": name, "bars": len(bars), "from": bars[0].on, "to": bars[-1].on, "fault": problem}
        )
    if json:
        print_json(rows)
    elif rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        print("The bar store is empty: `hydra bars import FILE --series SYMBOL`, or `hydra bars fetch`.")


@app.command()
def check(
    ctx: typer.Context,
    series: Annotated[str, typer.Argument(metavar="NAME", help="One series; see `hydra bars list`.")],
    days: Annotated[int, typer.Option(min=1, help="How many days back.")] = 365,
    logarithms: Annotated[
        bool,
        typer.Option("--log-returns", help="Also refuse prices of zero or below, for a family of yours."),
    ] = False,
    json: Json = False,
) -> None:
    """Every doubt about a series: missing days, stale or impossible bars, outliers; exit 2 on a fault."""
    from hydra.research.series import log_returns
    from hydra.research.series_checks import check_bars, recent

    bars = _store(invocation(ctx).settings()).bars(series)
    if logarithms:
        log_returns(bars, series)
    since = bars[-1].on - timedelta(days=days)
    found = [one for one in check_bars(bars) if one.on > since]
    faults = recent(found, bars[-1].on, days)
    if json:
        print_json({"series": series, "bars": len(bars), "findings": found})
    elif found:
        print_table(("problem", "on", "detail"), [(one.problem, one.on, one.detail) for one in found])
    if faults:
        last = faults[-1]
        raise UserError(
            "HY-870",
            series=series,
            count=len(faults),
            days=days,
            problem=last.problem,
            on=last.on,
            detail=last.detail,
        )
    if not json:
        print(f"{series}: {len(bars)} bars, no fault in {days} days.")


@app.command()
def fetch(ctx: typer.Context, json: Json = False) -> None:
    """Bring every instrument of the book up to date from the gateway, each expiry a series of its own."""
    import asyncio

    rows = asyncio.run(fetched(invocation(ctx).settings()))
    if json:
        print_json(rows)
    else:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


async def fetched(settings: Settings) -> list[dict[str, Any]]:
    """A row a series: what came, what is missing, why nothing came; on the client id that never sends."""
    from hydra.bootstrap import reading_broker
    from hydra.domain.contract import Contract
    from hydra.usecases.bars import HistoryPace
    from hydra.usecases.market_data import update_bars
    from hydra.wiring import clock_of

    clock = clock_of(settings)
    broker = await reading_broker(settings, clock)
    try:
        contracts, rows = [], []
        for symbol in settings.healing.symbols or settings.trading.symbols:
            found = await broker.qualify(symbol)
            if isinstance(found, Contract):
                contracts.append(found)
            else:
                rows.append({"series": symbol, "new": 0, "missing": 0, "problem": str(found)})
        today = clock.now().date()
        updated = await update_bars(
            broker, _store(settings), clock, contracts, today, SESSIONS, HistoryPace()
        )
        for one in updated:
            got = one.fetched
            told = {"series": got.series, "new": got.added, "missing": len(one.missing)}
            rows.append({**told, "problem": got.problem or ""})
        return rows
    finally:
        await broker.close()


def _store(settings: Settings) -> Any:
    from hydra.config import ensure_data_dir
    from hydra.persistence.bars import ParquetBarStore
    from hydra.wiring import BARS_FOLDER

    return ParquetBarStore(ensure_data_dir(settings) / BARS_FOLDER)


def _now(settings: Settings) -> Any:
    from hydra.wiring import clock_of

    return clock_of(settings).now()
