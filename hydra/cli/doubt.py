"""`hydra resolve` and `hydra adopt`: what a named person decides where the broker's books do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hydra.cli.invocation import begin_log, invocation
from hydra.domain.errors import UserError

if TYPE_CHECKING:
    from hydra.broker.session import IbBroker
    from hydra.config import Settings
    from hydra.domain.evidence import BrokerSnapshot
    from hydra.domain.parent import ParentOrder
    from hydra.persistence.ledger import SqlLedger
    from hydra.ports import Broker, Clock

app = typer.Typer(add_completion=False, no_args_is_help=True)

_FILLED: Final = re.compile(r"(?P<lots>\d{1,9})@(?P<px>[+-]?\d+(\.\d+)?)")
_POSITION: Final = re.compile(r"(?P<name>[A-Za-z0-9]{1,12})=(?P<lots>[+-]?\d{1,9})@(?P<px>[+-]?\d+(\.\d+)?)")

ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides it.")]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A position difference as a person wrote it; `name` is a symbol or a con_id."""

    text: str
    name: str
    lots: int
    px: Decimal


@app.command()
def resolve(
    ctx: typer.Context,
    order_ref: Annotated[str, typer.Argument(metavar="ORDER_REF", help="E.g. H-20261123-ZO-1-C01.")],
    by: ByOption,
    reason: Annotated[str, typer.Option(help="How it is known, e.g. 'TWS shows no such order'.")],
    never_live: Annotated[
        bool, typer.Option("--never-live", help="The order never reached the exchange.")
    ] = False,
    filled: Annotated[
        str | None, typer.Option(metavar="N@PRICE", help="It filled N lots at this average price.")
    ] = None,
) -> None:
    """Decide what became of an order in doubt. The decision is an event; a later one replaces it.

    Example: hydra resolve H-20261123-ZO-1-C01 --filled 2@381.25 --by anna --reason "statement of the day"
    """
    who = _name(by, "hydra resolve")
    if never_live is (filled is not None):
        raise UserError("HY-003", command="hydra resolve", given="one of --never-live, --filled N@PRICE")
    lots, px = _filled(filled) if filled is not None else (0, None)
    parent = _resolve(invocation(ctx).settings(), order_ref, lots, px, who, reason)
    child = parent.child(order_ref)
    assert child is not None
    print(
        f"{order_ref}: {child.state}, {child.cum_qty} of {child.sending.qty} lots filled; "
        f"{parent.parent_id}: {parent.status}"
    )


@app.command()
def adopt(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="POSITION|EXEC_ID", help="E.g. ZO=+3@381.25, a con_id=+3@381.25, an id.")
    ],
    by: ByOption,
    reason: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    host: Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")] = None,
) -> None:
    """Take a position difference, or one execution that is not ours, into the books.

    POSITION is what the broker holds more than the ledger (negative: less) and at which price; it is read
    at the broker first and refused when it differs. Adopting widens nothing: see `hydra trading --help`.
    """
    import asyncio

    who = _name(by, "hydra adopt")
    wanted = _wanted(what)
    settings = invocation(ctx).settings({"gateway.host": host, "gateway.port": port})
    begin_log(settings)
    print(asyncio.run(_adopt(settings, what, wanted, who, reason)))


# --- resolve ----------------------------------------------------------------------------------------


def _resolve(
    settings: Settings, order_ref: str, lots: int, px: Decimal | None, by: str, reason: str
) -> ParentOrder:
    from hydra.bootstrap import open_ledger_of
    from hydra.config import execution_policy
    from hydra.usecases.resolve import resolve_child
    from hydra.wiring import clock_of

    clock = clock_of(settings)
    settle = clock.market(execution_policy(settings, settings.gateway.account or "").settle_wall_s)
    ledger = open_ledger_of(settings, clock, settle=settle)
    try:
        return resolve_child(
            ledger,
            order_ref,
            filled_qty=lots,
            avg_px=px,
            by=by,
            reason=reason,
            now=clock.now(),
            settle=settle,
        )
    finally:
        ledger.close()


def _filled(text: str) -> tuple[int, Decimal]:
    found = _FILLED.fullmatch(text.strip())
    lots = int(found["lots"]) if found else 0
    if found is None or lots == 0:
        problem = "not LOTS@PRICE" if found is None else "zero lots: that is --never-live"
        raise UserError("HY-507", where="--filled", given=text, problem=problem, example="--filled 2@381.25")
    return lots, _price(found["px"])


# --- adopt ------------------------------------------------------------------------------------------


async def _adopt(settings: Settings, what: str, wanted: _Wanted | None, by: str, reason: str) -> str:
    """What was written, in one line; the broker is read on the command line's own client id."""
    from hydra.bootstrap import open_ledger_of
    from hydra.wiring import clock_of

    clock = clock_of(settings)
    ledger = open_ledger_of(settings, clock)
    try:
        broker, snapshot = await _read_broker(settings, clock)
        try:
            if wanted is None:
                return _adopt_execution(ledger, snapshot, what, by, reason)
            con_id, symbol = await _contract_of(broker, ledger, snapshot, wanted)
            return _adopt_position(ledger, snapshot, wanted, con_id, symbol, by, reason)
        finally:
            await broker.close()
    finally:
        ledger.close()


async def _read_broker(settings: Settings, clock: Clock) -> tuple[IbBroker, BrokerSnapshot]:
    from hydra.bootstrap import reading_broker
    from hydra.domain.errors import Unavailable
    from hydra.ports import Unknown

    broker = await reading_broker(settings, clock)
    snapshot = await broker.snapshot()
    if isinstance(snapshot, Unknown):
        await broker.close()
        raise Unavailable("HY-501", reason=snapshot.reason)
    return broker, snapshot


def _adopt_execution(ledger: SqlLedger, snapshot: BrokerSnapshot, exec_id: str, by: str, reason: str) -> str:
    from hydra.domain.events import ForeignExecutionBooked
    from hydra.domain.ids import exec_root
    from hydra.usecases.resolve import adopt_execution

    found = next((one for one in snapshot.executions if one.exec_id == exec_id), None)
    if found is None:
        known = ", ".join(one.exec_id for one in snapshot.executions if not one.order_ref) or "none"
        problem = f"the broker's executions of today do not list it; without a reference of ours: {known}"
        raise UserError("HY-506", what=exec_id, problem=problem)
    if ledger.knows_order_ref(found.order_ref):
        raise UserError("HY-506", what=exec_id, problem=f"it belongs to our order {found.order_ref}")
    root, revision = exec_root(exec_id)
    adopt_execution(
        ledger,
        ForeignExecutionBooked(
            exec_id=exec_id,
            exec_root=root,
            revision=revision,
            con_id=found.con_id,
            symbol=found.symbol,
            side=found.side,
            last_qty=found.qty,
            last_px=found.px,
            executed_at=found.executed_at,
            client_id=found.client_id,
            order_ref=found.order_ref,
        ),
        by=by,
        reason=reason,
    )
    return f"{exec_id}: {found.side} {found.qty} {found.symbol} at {found.px} is in the books"


def _adopt_position(
    ledger: SqlLedger,
    snapshot: BrokerSnapshot,
    wanted: _Wanted,
    con_id: int,
    symbol: str,
    by: str,
    reason: str,
) -> str:
    from hydra.usecases.resolve import adopt_position

    ours, theirs = ledger.positions().get(con_id, 0), snapshot.positions.get(con_id, 0)
    if wanted.lots != theirs - ours:
        difference = f"{theirs - ours:+d}" if theirs != ours else "nothing"
        problem = f"the broker holds {theirs} lots of {con_id}, the ledger {ours}: {difference} to adopt"
        raise UserError("HY-506", what=wanted.text, problem=problem)
    adopt_position(
        ledger, con_id=con_id, symbol=symbol, lots=wanted.lots, avg_px=wanted.px, by=by, reason=reason
    )
    return f"{symbol} ({con_id}): {wanted.lots:+d} lots at {wanted.px} are in the books, position {theirs}"


async def _contract_of(
    broker: Broker, ledger: SqlLedger, snapshot: BrokerSnapshot, wanted: _Wanted
) -> tuple[int, str]:
    """The contract that is meant: by its number, or the one of that symbol whose positions differ."""
    from hydra.domain.contract import Contract
    from hydra.execution.evidence import different_positions
    from hydra.persistence.views import contract_symbols

    symbols = {one.con_id: one.symbol for one in snapshot.executions} | contract_symbols(ledger.database)
    if wanted.name.isdigit():
        con_id = int(wanted.name)
        return con_id, symbols.get(con_id, wanted.name)
    symbol = wanted.name.upper()
    front = await broker.qualify(symbol)
    if isinstance(front, Contract):
        symbols[front.con_id] = symbol
    differing = different_positions(ledger.positions(), snapshot.positions)
    meant = [con_id for con_id in differing if symbols.get(con_id) == symbol]
    if len(meant) == 1:
        return meant[0], symbol
    named = ", ".join(map(str, meant or differing)) or "none"
    problem = (
        f"contracts that may be meant: {named}; name one by its con_id, e.g. {named.split(', ')[0]}=+1@380"
    )
    if not differing:
        problem = "the broker's positions equal the ledger's: nothing to adopt"
    raise UserError("HY-506", what=wanted.text, problem=problem)


def _wanted(text: str) -> _Wanted | None:
    """A position where the text has an equals sign, None for an execution's id."""
    if "=" not in text:
        return None
    found = _POSITION.fullmatch(text.strip())
    if found is None:
        raise UserError(
            "HY-507", where="POSITION", given=text, problem="not NAME=LOTS@PRICE", example="ZO=+3@381.25"
        )
    return _Wanted(text, found["name"], int(found["lots"]), _price(found["px"]))


def _price(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UserError(
            "HY-507", where="PRICE", given=text, problem="not a price", example="381.25"
        ) from error


def _name(text: str, command: str) -> str:
    if not text.strip():
        raise UserError("HY-003", command=command, given="--by NAME")
    return text.strip()
