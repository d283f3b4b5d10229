"""`hydra kill`: the kill switch, a process of its own that needs neither Prefect, worker nor ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hydra.cli.invocation import invocation
from hydra.cli.kill_switch import KillSwitch
from hydra.cli.output import print_json, print_table
from hydra.clock import SystemClock
from hydra.domain.errors import UserError, did_you_mean
from hydra.domain.latch import EVERYTHING, Latched

if TYPE_CHECKING:
    from hydra.config import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True)

_COMMAND: Final = "hydra kill"


@app.command()
def kill(
    ctx: typer.Context,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    everything: Annotated[bool, typer.Option("--all", help="Every order of ours.")] = False,
    symbol: Annotated[str | None, typer.Option(metavar="SYM", help="Only this symbol's orders.")] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this parent's orders, e.g. 20261123-ZO-1.")
    ] = None,
    flatten: Annotated[bool, typer.Option("--flatten", help="Then close the positions, too.")] = False,
    within: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="For the proof that all are gone.")
    ] = 30.0,
    host: Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Block new orders, end the process that sends, cancel what works, prove it gone.

    Nothing is sent again until `hydra trading set ACTIVE --scope … --by NAME`. If our client id cannot be
    had, --all cancels every order of the gateway, manual ones too. --flatten closes with collared limit
    orders and needs the ledger. Example: hydra kill --all --by anna --reason "prices look wrong"
    """
    begun_s = time.monotonic()
    given = invocation(ctx)
    who, why = _said("--by NAME", by), _said("--reason TEXT", reason)[:300]
    settings = given.settings({"gateway.host": host, "gateway.port": port})
    scope = _scope(settings, everything, symbol, parent)
    if flatten and parent is not None:
        raise _unusable("--flatten", "a position belongs to its symbol: give --symbol with it")
    latched = Latched(scope, who, why, SystemClock().now())
    found = KillSwitch(given, settings, latched, begun_s, within).run(flatten)
    if json:
        print_json(found)
    else:
        _print(found)


def _scope(settings: Settings, everything: bool, symbol: str | None, parent: str | None) -> str:
    from hydra.domain.ids import parse_parent_id

    if everything + (symbol is not None) + (parent is not None) != 1:
        raise UserError("HY-003", command=_COMMAND, given="exactly one of --all, --symbol SYM, --parent ID")
    if symbol is not None:
        known = {*settings.instruments, *settings.trading.symbols}
        if symbol.upper() not in known:
            hint = did_you_mean(symbol.upper(), known) or f": one of {', '.join(sorted(known))}, or --all"
            problem = f"{symbol} is not configured"
            raise UserError("HY-004", command=_COMMAND, given="--symbol", problem=problem, hint=hint)
        return symbol.upper()
    if parent is not None:
        try:
            parse_parent_id(parent)
        except ValueError as refused:
            raise _unusable("--parent", str(refused)) from refused
        return parent
    return EVERYTHING


def _said(option: str, text: str) -> str:
    if not text.strip():
        raise UserError("HY-003", command=_COMMAND, given=option)
    return text.strip()


def _unusable(option: str, problem: str) -> UserError:
    return UserError("HY-004", command=_COMMAND, given=option, problem=problem, hint="")


def _print(found: dict[str, Any]) -> None:
    columns = ("order_ref", "perm_id", "qty", "filled")
    print_table(columns, [tuple(one[name] for name in columns) for one in found["orders"]])
    print(f"{found['scope']}: blocked; {len(found['orders'])} order(s) proven gone.")
    for held in found["positions"]:
        print(f"still held: {held['lots']:+d} of con_id {held['con_id']}")
    print("Nothing is sent until `hydra trading set ACTIVE` for this scope, by name.")
