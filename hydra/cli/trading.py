"""`hydra trading`: what may be sent, per instrument or at all; narrowed by anyone, widened by name only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hydra.cli.invocation import beginning, invocation
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import UserError, did_you_mean
from hydra.usecases.latch import LATCH_FILE, read_latch

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.domain.events import TradingState

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show, narrow or widen what may be sent.")

_COMMAND: Final = "hydra trading set"
_COLUMNS: Final = ("scope", "state", "reason", "by", "at")


@app.command()
def show(
    ctx: typer.Context, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """The kills in force, the state of every scope ever set, and the circuit breakers that ever moved.

    The strictest of ALL and the instrument's own state holds; a scope not listed is ACTIVE. A kill stands
    in a file of this machine, also where the ledger could not be written.
    """
    held = _read(invocation(ctx).settings())
    if json:
        print_json(held)
        return
    for kill in held["kills"]:
        print(f"{kill['scope']}: nothing is sent from this machine, {kill['told']}")
    if not held["states"] and not held["kills"]:
        print("ACTIVE everywhere: nothing was ever narrowed.")
    elif held["states"]:
        rows = [{**row, "at": datetime.fromisoformat(row["at"])} for row in held["states"]]
        print_table(_COLUMNS, [tuple(row[name] for name in _COLUMNS) for row in rows])
    if held["breakers"]:
        columns = ("breaker", "state", "cooldown_left", "period")
        print_table(columns, [tuple(row[name] for name in columns) for row in held["breakers"]])


def _states(typed: str) -> list[str]:
    from hydra.domain.events import TradingState

    return beginning(typed, TradingState)


@app.command("set")
def set_state(
    ctx: typer.Context,
    state: Annotated[
        str, typer.Argument(metavar="STATE", help="ACTIVE, REDUCING or HALTED.", autocompletion=_states)
    ],
    scope: Annotated[str, typer.Option(metavar="ALL|SYMBOL", help="One symbol, one parent id, or ALL.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Set the trading state of a scope. A running session obeys before its next order.

    ACTIVE: everything; REDUCING: only what provably shrinks the position; HALTED: nothing but cancels.
    ACTIVE also lifts the latch of `hydra kill` for exactly this scope.
    Example: hydra trading set ACTIVE --scope ZO --by anna --reason "manual trade booked, books equal"
    """
    wanted = _state(state)
    for option, text in (("--by NAME", by), ("--reason TEXT", reason)):
        if not text.strip():
            raise UserError("HY-003", command=_COMMAND, given=option)
    settings = invocation(ctx).settings()
    before, after = _set(settings, scope.strip().upper(), wanted, by.strip(), reason.strip())
    print(f"{scope.strip().upper()}: {before} → {after}")
    for latched in read_latch(settings.data_dir / LATCH_FILE):
        print(f"still latched: {latched.scope}, by {latched.by}: {latched.reason}")


@app.command()
def ack(
    ctx: typer.Context,
    breaker: Annotated[str, typer.Argument(metavar="BREAKER", help="As `hydra trading show` names it.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides it.")] = "",
) -> None:
    """Say by name that trading may go on after a circuit breaker; its cooldown still runs to its end.

    Only the drawdown breaker waits for it: once released, its peak starts anew at the equity last valued.
    Example: hydra trading ack drawdown --by anna
    """
    print(_acknowledge(invocation(ctx).settings(), breaker.strip().lower(), by.strip()))


def _acknowledge(settings: Settings, name: str, by: str) -> str:
    """What became of the breaker, in one line."""
    from hydra.bootstrap import open_ledger_of
    from hydra.config import risk_limits
    from hydra.persistence.views import breakers, last_equity
    from hydra.risk.breakers import Breaker
    from hydra.usecases.breakers import acknowledge_breaker
    from hydra.wiring import clock_of

    names = [breaker.value for breaker in Breaker]
    if name not in names:
        hint = did_you_mean(name, names) or f": one of {', '.join(names)}"
        problem = f"{name} is no breaker"
        raise UserError("HY-004", command="hydra trading ack", given="BREAKER", problem=problem, hint=hint)
    ledger = open_ledger_of(settings, clock_of(settings))
    try:
        limits = risk_limits(settings).breakers
        moves = acknowledge_breaker(ledger, Breaker(name), limits, by, last_equity(ledger.database))
        held = {row["breaker"]: row["state"] for row in breakers(ledger.database)}
    finally:
        ledger.close()
    return f"{name}: {held.get(name, 'ACTIVE')}" + ("" if moves else ", nobody's yes is awaited")


def _read(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    from hydra.bootstrap import has_ledger, open_ledger_of
    from hydra.persistence.views import breakers, trading_states
    from hydra.wiring import clock_of

    latched = read_latch(settings.data_dir / LATCH_FILE)
    kills = [{"scope": one.scope, "by": one.by, "at": one.at, "told": one.told} for one in latched]
    if kills and not has_ledger(settings):
        return {"kills": kills, "states": [], "breakers": []}
    ledger = open_ledger_of(settings, clock_of(settings), read_only=True)
    try:
        states = trading_states(ledger.database)
        return {"kills": kills, "states": states, "breakers": breakers(ledger.database)}
    finally:
        ledger.close()


def _set(settings: Settings, scope: str, state: TradingState, by: str, reason: str) -> tuple[str, str]:
    """The scope's own state before and after."""
    from hydra.bootstrap import open_ledger_of
    from hydra.domain.events import TradingState
    from hydra.persistence.views import contract_symbols, trading_states
    from hydra.usecases.halt import EVERYTHING, lift_kills, set_trading_state
    from hydra.wiring import clock_of

    latch = settings.data_dir / LATCH_FILE
    ledger = open_ledger_of(settings, clock_of(settings))
    try:
        held = {row["scope"]: str(row["state"]) for row in trading_states(ledger.database)}
        latched = {one.scope for one in read_latch(latch)}
        symbols = {*settings.instruments, *settings.trading.symbols, *held, *latched}
        known = {EVERYTHING, *symbols, *contract_symbols(ledger.database).values()}
        if scope not in known:
            hint = did_you_mean(scope, known) or f": the scopes are {', '.join(sorted(known))}"
            problem = f"{scope} is no scope"
            raise UserError("HY-004", command=_COMMAND, given="--scope", problem=problem, hint=hint)
        if state is TradingState.ACTIVE:
            lift_kills(ledger, latch, scope)
        set_trading_state(ledger, scope, state, reason, by)
        return held.get(scope, "ACTIVE"), state.value
    finally:
        ledger.close()


def _state(text: str) -> TradingState:
    from hydra.domain.events import TradingState

    names = [state.value for state in TradingState]
    if text.upper() not in names:
        hint = did_you_mean(text.upper(), names) or f": one of {', '.join(names)}"
        raise UserError("HY-004", command=_COMMAND, given="STATE", problem=f"{text} is no state", hint=hint)
    return TradingState(text.upper())
