"""`hydra session`: the execution session of one date, without a Prefect server; rerunnable at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hydra.cli.invocation import begin_log, invocation, session_day
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import BROKEN, DONE, IN_DOUBT, UserError

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.usecases.plan import SessionRequest

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Run, or run again, the execution session of one date."
)

HostOption = Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")]
PortOption = Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def run(
    ctx: typer.Context,
    on: Annotated[str, typer.Option(metavar="DATE", help="Trading date, e.g. 2026-11-23.")],
    symbols: Annotated[
        str | None, typer.Option(help="Symbols, e.g. ZO,HE; default trading.symbols or those of --targets.")
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(help="Positions by hand, e.g. ZO=12,HE=-9; they replace the strategy's."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="The registered strategy that sets the targets.")
    ] = None,
    amend: Annotated[
        bool, typer.Option("--amend", help="Plan again a session that was planned; needs --by.")
    ] = False,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who asks for it.")] = None,
    host: HostOption = None,
    port: PortOption = None,
    json: JsonOption = False,
) -> None:
    """Trade to the planned targets: adopt what is live, work what is missing, prove the end.

    Run it again after any failure: the same session is found and only its missing lots are worked.
    Example: hydra session run --on 2026-11-23 --targets ZO=12,HE=-9 --json
    """
    import asyncio

    settings = invocation(ctx).trading_settings({"gateway.host": host, "gateway.port": port})
    begin_log(settings)
    request = _with_strategy(_request(settings, on, symbols, targets, amend, by), strategy)
    outcome = asyncio.run(_run(settings, request, by))
    if json:
        print_json(outcome)
    else:
        _print(outcome)
    raise typer.Exit(IN_DOUBT if any(one["status"] == "IN_DOUBT" for one in outcome["parents"]) else DONE)


@app.command()
def reconcile(
    ctx: typer.Context,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who asks for it.")] = None,
    host: HostOption = None,
    port: PortOption = None,
    json: JsonOption = False,
) -> None:
    """Read the broker's books, book what is missing in ours, and list what differs. It sends no order."""
    import asyncio

    settings = invocation(ctx).trading_settings({"gateway.host": host, "gateway.port": port})
    begin_log(settings)
    found = asyncio.run(_reconcile(settings, by))
    if json:
        print_json(found)
    else:
        columns = ("symbol", "con_id", "ledger", "broker")
        print_table(columns, [tuple(row[name] for name in columns) for row in found["positions"]])
        print("The books are equal." if found["equal"] else "The books differ: see `hydra adopt --help`.")
        for ref in found["in_doubt"]:
            print(f"{ref} is in doubt: see `hydra resolve --help`")
    raise typer.Exit(IN_DOUBT if found["in_doubt"] else DONE if found["equal"] else BROKEN)


async def _reconcile(settings: Settings, by: str | None) -> dict[str, Any]:
    import getpass

    from hydra.bootstrap import open_desk
    from hydra.usecases.session import reconcile_books
    from hydra.usecases.statement import statement_of

    async with open_desk(settings, approver=by or getpass.getuser()) as desk:
        await reconcile_books(desk)
        return statement_of(desk)


async def _run(settings: Settings, request: SessionRequest, by: str | None) -> dict[str, Any]:
    import getpass

    from hydra.bootstrap import open_desk
    from hydra.usecases.session import outcome_of, run_session

    async with open_desk(settings, approver=by or getpass.getuser()) as desk:
        state = await run_session(desk, request)
        return outcome_of(desk, state)


def _request(
    settings: Settings, on: str, symbols: str | None, targets: str | None, amend: bool, by: str | None
) -> SessionRequest:
    from hydra.usecases.plan import SessionRequest

    wanted = _targets(targets) if targets is not None else None
    if amend and not by:
        raise UserError("HY-003", command="hydra session run", given="--by NAME (with --amend)")
    if symbols is not None:
        names = _symbols(symbols)
    else:
        names = tuple(wanted) if wanted is not None else settings.trading.symbols
    for name in wanted or {}:
        if name not in names:
            problem = f"{name} is not among --symbols {','.join(names)}"
            raise UserError(
                "HY-507",
                where="--targets",
                given=name,
                problem=problem,
                example="--symbols ZO --targets ZO=12",
            )
    return SessionRequest(
        session_on=session_day(on), symbols=names, targets=wanted, amend_by=(by or "") if amend else ""
    )


def _with_strategy(request: SessionRequest, name: str | None) -> SessionRequest:
    from dataclasses import replace

    from hydra.usecases.plan import named_strategy

    return request if name is None else replace(request, strategy=named_strategy(name).name)


def _symbols(text: str) -> tuple[str, ...]:
    names = tuple(part.strip().upper() for part in text.split(","))
    for name in names:
        if not name.isalnum() or len(name) > 8:
            raise UserError(
                "HY-507", where="--symbols", given=name or text, problem="not a symbol", example="ZO,HE"
            )
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise UserError("HY-507", where="--symbols", given=doubled, problem="named twice", example="ZO,HE")
    return names


def _targets(text: str) -> dict[str, int]:
    """`ZO=12,HE=-9` as whole lots; zero is a target, an empty or broken number is not."""
    found: dict[str, int] = {}
    for part in text.split(","):
        symbol, equals, lots = part.strip().partition("=")
        try:
            wanted = int(lots)
        except ValueError:
            equals = ""
            wanted = 0
        if not equals or not symbol.isalnum() or len(symbol) > 8 or symbol.upper() in found:
            problem = "named twice" if symbol.upper() in found else "not SYMBOL=WHOLE LOTS"
            raise UserError(
                "HY-507", where="--targets", given=part or text, problem=problem, example="ZO=12,HE=-9"
            )
        found[symbol.upper()] = wanted
    return found


# Reasons that a person ends, not time.
_STOPPED = ("TRADING_HALTED", "REDUCE_ONLY", "BREAKER_OPEN")


def _print(outcome: dict[str, Any]) -> None:
    columns = ("id", "side", "order_qty", "cum_qty", "leaves_qty", "status", "reason")
    rows = [tuple(parent[name] for name in columns) for parent in outcome["parents"]]
    if rows:
        print_table(("parent", "side", "ordered", "filled", "left", "status", "reason"), rows)
    for denied in outcome["denied"]:
        print(f"{denied['symbol']} denied: {'; '.join(denied['reasons'])}")
    if any(reason.startswith(_STOPPED) for denied in outcome["denied"] for reason in denied["reasons"]):
        print("See `hydra trading show`, and docs/runbook.md before `hydra trading set ACTIVE`.")
