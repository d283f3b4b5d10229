"""`hydra gateway`: run a simulated IB Gateway, read its books and clock, inject faults."""

import asyncio
import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import begin_log, beginning, invocation
from hydra.domain.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.simgateway.process import Ready

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A simulated IB Gateway: run it, read its books, inject faults.",
)

StateDir = Annotated[Path, typer.Option("--state-dir", help="Where the gateway keeps its journal and clock.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run(
    ctx: typer.Context,
    state_dir: StateDir,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port for API clients; 0 takes any free one.")
    ] = 4002,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the market and every id.")] = 7,
    cash: Annotated[
        str, typer.Option(help="Cash of the account in USD, at the very first start.")
    ] = "1000000",
    speed: Annotated[
        str | None, typer.Option(help="Market seconds per wall second; see HYDRA_CLOCK_SPEED.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Market time now, ISO with zone; see HYDRA_CLOCK_START.")
    ] = None,
    bars: Annotated[
        Path | None,
        typer.Option(
            help="CSV of real daily bars as --symbol's price path; its last row is the clock's first day."
        ),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="The symbol of --bars.")] = None,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    exec_time: Annotated[str, typer.Option(help="Form of execution times: zone, utc or naive.")] = "zone",
    visibility: Annotated[str, typer.Option(help="Whose executions are seen: all, own, zero_only.")] = "all",
    market_data: Annotated[
        str, typer.Option(help="Quotes the account gets: live, delayed or none.")
    ] = "live",
    master_client_id: Annotated[int | None, typer.Option(help="A client that hears of all orders.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every order action.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a simulated IB Gateway until Ctrl-C or SIGTERM; its state survives any kill."""
    from hydra import eventlog
    from hydra.clock import SystemClock
    from hydra.simgateway import process
    from hydra.simgateway.core import GatewaySettings

    begin_log(invocation(ctx).settings())
    process.check_address(host, port)
    if (bars is None) != (symbol is None):
        raise UserError("HY-003", command="hydra gateway run", given="--symbol" if bars else "--bars")
    replayed = process.read_bars(bars, symbol) if bars and symbol else {}
    wish = process.ClockWish(
        start=start or os.environ.get(process.START),
        speed=speed or os.environ.get(process.SPEED),
        anchor=os.environ.get(process.ANCHOR),
    )
    clock = process.clock_of(state_dir, wish, SystemClock().now().timestamp())
    settings = GatewaySettings(
        seed=seed,
        cash_usd=_amount(cash),
        exec_time=_one_of("--exec-time", exec_time, ("zone", "utc", "naive")),
        executions_visibility=_one_of("--visibility", visibility, ("all", "own", "zero_only")),
        market_data=_one_of("--market-data", market_data, ("live", "delayed", "none")),
        master_client_id=master_client_id,
        is_read_only=read_only,
        # Message pacing counts wall time, so a clock that runs fast goes without it.
        pacing_per_s=0 if clock.speed > 1 else GatewaySettings().pacing_per_s,
    )

    def tell(ready: "Ready") -> None:
        typer.echo(json.dumps(_ready(ready)) if as_json else _ready_line(ready))

    asyncio.run(process.serve(settings, clock, state_dir, (host, port), replayed, tell, eventlog.event))


@app.command()
def books(state_dir: StateDir, as_json: AsJson = False) -> None:
    """Print the gateway's own books: orders, executions, positions, order messages received."""
    from hydra.simgateway.books import read_books

    held = read_books(state_dir)
    if as_json:
        typer.echo(json.dumps(held, indent=1))
        return
    for name, rows in held.items():
        typer.echo(f"{name}: {len(rows)}")
        for row in rows:
            typer.echo(
                "  " + " ".join(f"{key}={value}" for key, value in row.items() if value not in ("", None))
            )


@app.command()
def clock(state_dir: StateDir, as_json: AsJson = False) -> None:
    """Print the gateway's clock as the three variables that define it, and the market time now."""
    from hydra.simgateway.process import clock_values, read_clock

    held = read_clock(state_dir)
    if held is None:
        raise UserError("HY-214", path=state_dir, problem="no gateway has run there")
    values = {**clock_values(held), "now": held.now().isoformat()}
    if as_json:
        typer.echo(json.dumps(values))
        return
    for key, value in values.items():
        typer.echo(f"{key}={value}")


def _fault_names(typed: str) -> list[str]:
    from hydra.simgateway.fault_catalogue import FAULTS

    return beginning(typed, FAULTS)


def _moments(typed: str) -> list[str]:
    from hydra.simgateway.fault_catalogue import POINTS

    return beginning(typed, POINTS)


def _kinds(typed: str) -> list[str]:
    from hydra.simgateway.fault_catalogue import MESSAGE_KINDS

    return beginning(typed, MESSAGE_KINDS)


@app.command()
def fault(
    name: Annotated[
        str | None, typer.Argument(help="The fault; --list shows them all.", autocompletion=_fault_names)
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", help="The gateway's state directory.")
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the faults and the moments for --on.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(help="Fire at this moment instead of now.", autocompletion=_moments)
    ] = None,
    nth: Annotated[str | None, typer.Option(help="Fire at the nth such moment.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Only this client.")] = None,
    order_ref: Annotated[str | None, typer.Option(help="Only this order.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Symbol, or local symbol of one expiry.")] = None,
    seconds: Annotated[str | None, typer.Option(help="Wall seconds of the effect itself.")] = None,
    for_s: Annotated[str | None, typer.Option(help="Wall seconds until the fault ends by itself.")] = None,
    count: Annotated[str | None, typer.Option(help="How many messages or requests it hits.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Message kind, e.g. orderStatus, or all.", autocompletion=_kinds)
    ] = None,
    farm: Annotated[str | None, typer.Option(help="Name of a data farm.")] = None,
    code: Annotated[str | None, typer.Option(help="Error code to send.")] = None,
    text: Annotated[str | None, typer.Option(help="Error text to send.")] = None,
    exec_id: Annotated[str | None, typer.Option(help="The execution; default the newest.")] = None,
    qty: Annotated[str | None, typer.Option(help="Lots.")] = None,
    price: Annotated[str | None, typer.Option(help="Price as quoted.")] = None,
    side: Annotated[str | None, typer.Option(help="BUY or SELL.")] = None,
    factor: Annotated[str | None, typer.Option(help="Multiplier of margin requirements.")] = None,
    gap_ticks: Annotated[str | None, typer.Option(help="Price gap at the re-open.")] = None,
    value: Annotated[str | None, typer.Option(help="The value of a setting.")] = None,
    by: Annotated[str | None, typer.Option(help="How many ids.")] = None,
    pid: Annotated[str | None, typer.Option(help="Process to send a signal to.")] = None,
    signal: Annotated[str | None, typer.Option(help="KILL, STOP, CONT or TERM.")] = None,
    as_json: AsJson = False,
) -> None:
    """Inject a fault into a running gateway, now or at a moment (--on POINT --nth N)."""
    from hydra.simgateway.control import call
    from hydra.simgateway.fault_catalogue import FAULTS, parse_options

    if show_list:
        _list_faults(as_json)
        return
    if name is None or state_dir is None:
        missing = "NAME" if name is None else "--state-dir"
        raise UserError("HY-003", command="hydra gateway fault", given=missing)
    given = {
        "on": on, "nth": nth, "client_id": client_id, "order_ref": order_ref, "symbol": symbol, "by": by,
        "count": count, "seconds": seconds, "for_s": for_s, "kind": kind, "farm": farm, "code": code,
        "text": text, "exec_id": exec_id, "qty": qty, "price": price, "side": side, "factor": factor,
        "gap_ticks": gap_ticks, "value": value, "pid": pid, "signal": signal,
    }  # fmt: skip
    options = {key: option for key, option in given.items() if option is not None}
    if name not in FAULTS:
        raise UserError("HY-206", name=name, hint=did_you_mean(name, FAULTS))
    parse_options(FAULTS[name], options)
    answer = call(state_dir, "fault", {"name": name, **options})
    typer.echo(json.dumps(answer) if as_json else f"{name}: {answer['message']}")


def _list_faults(as_json: bool) -> None:
    from hydra.simgateway.fault_catalogue import FAULTS, POINTS

    if as_json:
        listed = {
            kind.name: {"help": kind.help, "needs": kind.needs, "takes": kind.takes}
            for kind in FAULTS.values()
        }
        typer.echo(json.dumps({"faults": listed, "points": dict(POINTS)}, indent=1))
        return
    for kind in FAULTS.values():
        options = " ".join(f"--{name.replace('_', '-')}" for name in (*kind.needs, *kind.takes))
        typer.echo(f"{kind.name:24} {kind.help}{'  [' + options + ']' if options else ''}")
    typer.echo("\nmoments for --on:")
    for point, text in POINTS.items():
        typer.echo(f"{point:24} {text}")


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise UserError(
            "HY-004",
            command="hydra gateway run",
            given="--cash",
            problem=f"{text} is no amount above 0",
            hint="",
        )
    return amount


def _one_of(option: str, given: str, choices: tuple[str, ...]) -> str:
    if given in choices:
        return given
    problem = f"{given} is none of {', '.join(choices)}"
    hint = did_you_mean(given, choices)
    raise UserError("HY-004", command="hydra gateway run", given=option, problem=problem, hint=hint)


def _ready(ready: "Ready") -> dict[str, object]:
    held = {
        "host": ready.host,
        "port": ready.port,
        "account": ready.account,
        "state_dir": str(ready.state_dir),
    }
    return {**held, **ready.clock, "now": ready.at.isoformat()}


def _ready_line(ready: "Ready") -> str:
    speed = ready.clock["HYDRA_CLOCK_SPEED"]
    return (
        f"simulated gateway ready on {ready.host}:{ready.port}, account {ready.account},"
        f" market time {ready.at:%Y-%m-%d %H:%M:%S} UTC, speed {speed:g}, state in {ready.state_dir}"
    )
