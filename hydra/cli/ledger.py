"""`hydra ledger`: export the events, prove them, look at one parent and at the positions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import invocation, session_day
from hydra.cli.output import print_json, print_json_lines, print_table
from hydra.domain.errors import BrokenLaw, UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.persistence.ledger import SqlLedger

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Export and verify the ledger.")

Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command()
def export(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One event a line; the only form there is.")] = True,
) -> None:
    """Print every event, one JSON object a line: stream, seq, kind, payload, recorded_at."""
    with _reading(ctx) as ledger:
        print_json_lines(ledger.export())


@app.command()
def verify(ctx: typer.Context, json: Json = False) -> None:
    """Prove the ledger: hash chains, anchored heads, state tables; exit 1 with what was done to it."""
    from hydra.persistence.verify import verify as prove

    with _reading(ctx) as ledger:
        proof = prove(ledger.database, ledger.heads)
        where = ledger.where
    if json:
        print_json(proof)
    else:
        facts = [("streams", proof.streams), ("events", proof.events), ("anchored heads", proof.anchored)]
        print_table(("looked at", "number"), facts)
        if not proof.findings:
            print("Nothing was changed, removed or added: the ledger is as it was written.")
        else:
            rows = [(one.damage, one.stream, one.seq, one.detail) for one in proof.findings]
            print_table(("damage", "stream", "seq", "detail"), rows)
    if proof.findings:
        raise BrokenLaw("HY-410", where=where, count=len(proof.findings), first=proof.findings[0])


@app.command()
def show(
    ctx: typer.Context,
    parent: Annotated[str, typer.Argument(metavar="PARENT", help="A parent's id, e.g. 20260821-ZO-1.")],
    json: Json = False,
) -> None:
    """Print one parent order's events and where they leave it."""
    with _reading(ctx) as ledger:
        found = ledger.load(parent)
        if found is None:
            known = {str(event["stream"]) for event in ledger.export()}
            hint = did_you_mean(parent, known)
            raise UserError("HY-408", where=ledger.where, given=parent, hint=hint)
        events = [event for event in ledger.export() if event["stream"] == parent]
    if json:
        print_json({"status": found.status, "cum_qty": found.cum_qty, "events": events})
        return
    rows = [(event["seq"], event["recorded_at"], event["kind"], _told(event["payload"])) for event in events]
    print_table(("seq", "recorded (UTC)", "kind", "facts"), rows, title=f"{parent}: {found.status}")


@app.command()
def positions(ctx: typer.Context, json: Json = False) -> None:
    """Print the lots held by contract, and the interval they may end in if every live child fills."""
    from hydra.persistence.views import contract_symbols

    with _reading(ctx) as ledger:
        held, symbols = ledger.positions(), contract_symbols(ledger.database)
        ends = {con_id: ledger.exposure(con_id) for con_id in held}
    rows = [
        {
            "con_id": con_id,
            "symbol": symbols.get(con_id, "?"),
            "lots": lots,
            "lo": ends[con_id].lo,
            "hi": ends[con_id].hi,
        }
        for con_id, lots in sorted(held.items())
    ]
    if json:
        print_json({"positions": rows})
    else:
        print_table(("con_id", "symbol", "lots", "lo", "hi"), [tuple(row.values()) for row in rows])


@app.command()
def costs(
    ctx: typer.Context,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The session; default: the newest.")
    ] = None,
    json: Json = False,
) -> None:
    """Print what a session's orders cost: against arrival, against prediction, of the spread, in dollars.

    A cost is positive. Spreads are in ticks: effective against the mid at the send, realised against the mid
    five minutes after the fill, where the ledger has one. Capture is 1 at the near touch, 0 at the far one.
    Shortfall is trading, fees, and what the lots that were left would have cost; a dash is not known.
    Example: hydra ledger costs --on 2026-11-23
    """
    from hydra.persistence.views import last_session
    from hydra.reports.costs import cost_rows
    from hydra.reports.fills import UNKNOWN

    with _reading(ctx) as ledger:
        session_on = session_day(on) if on is not None else last_session(ledger.database)
        rows = cost_rows(ledger.session(session_on)) if session_on is not None else []
    if json:
        known = [{name: None if one == UNKNOWN else one for name, one in row.items()} for row in rows]
        print_json({"session_on": session_on, "orders": known})
    elif not rows:
        print("No order was filled in that session." if session_on else "No session was planned yet.")
    else:
        for columns in (_AGAINST, _PARTS):
            names = tuple(name.replace("_", " ") for name in columns)
            print_table(names, [tuple(row[name] for name in columns) for row in rows])


_AGAINST = (
    *("symbol", "side", "lots", "arrival_px", "avg_px"),
    *("arrival_ticks", "arrival_bps", "predicted_bps", "actual_bps"),
)
_PARTS = (
    *("symbol", "effective_ticks", "realised_ticks", "realised_lots", "capture"),
    *("trading_usd", "opportunity_usd", "fees_usd", "shortfall_usd", "shortfall_bps"),
)


@contextmanager
def _reading(ctx: typer.Context) -> Iterator["SqlLedger"]:
    from hydra.bootstrap import open_ledger_of
    from hydra.wiring import clock_of

    settings = invocation(ctx).settings()
    ledger = open_ledger_of(settings, clock_of(settings), read_only=True)
    try:
        yield ledger
    finally:
        ledger.close()


def _told(payload: object) -> str:
    return " ".join(f"{key}={value}" for key, value in payload.items()) if isinstance(payload, dict) else ""
