"""Rolling: a position in an expiry too near its end is closed there and opened in the traded expiry.

Two plans of the session, numbered on (law 6): the exit, and the entry of exactly what the exit closed. Both
stand in the ledger, so a rerun on that day finds an exit whose entry was never planned. On later days nothing
is opened for it any more: the next session sizes by the book's targets anyway.
"""

from dataclasses import dataclass
from datetime import date

from hydra.domain.contract import Contract
from hydra.domain.errors import HydraError
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.domain.quantity import Side
from hydra.ports import Conflict
from hydra.usecases.desk import Desk
from hydra.usecases.legs import plan_leg, prepare_leg, work_leg
from hydra.usecases.plan import latest_plan, number_of
from hydra.usecases.session import today_of

EXIT = "roll-exit"
ENTRY = "roll-entry"
LEGS_MAX = 2


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of one symbol: lots closed and opened in this session, and why it is not done."""

    symbol: str
    closed: int
    opened: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """A position whose expiry is no longer the one that is traded."""

    symbol: str
    con_id: int
    lots: int
    last_trade_on: date


async def due_rolls(desk: Desk) -> tuple[list[Due], list[Rolled]]:
    """Held positions of expiries before the traded one; and what could not be found out."""
    due, unknown = [], []
    for con_id, lots in desk.ledger.positions().items():
        symbol = desk.ledger.symbols().get(con_id) or desk.symbol_of(con_id)
        if not desk.duty.works(symbol):
            continue
        held, front = await desk.broker.qualify_id(con_id), await desk.broker.qualify(symbol)
        if not isinstance(held, Contract) or not isinstance(front, Contract):
            answer = held if not isinstance(held, Contract) else front
            unknown.append(Rolled(symbol, 0, 0, f"not qualified: {answer}"))
        elif held.last_trade_on < front.last_trade_on:
            due.append(Due(symbol, con_id, lots, held.last_trade_on))
    return due, unknown


def begun_rolls(desk: Desk) -> list[str]:
    """Symbols whose roll was begun in this session and is not at its end: also without a position left."""
    planned = {one.plan.symbol for one in desk.ledger.session(today_of(desk))}
    symbols = filter(desk.duty.works, planned)
    return sorted(symbol for symbol in symbols if _is_unfinished(_rolls(desk, symbol)))


async def roll_symbol(desk: Desk, symbol: str, by: str) -> Rolled:
    """The legs still missing, one after the other; a second call finds nothing left to do."""
    problem = ""
    try:
        for _ in range(LEGS_MAX):
            problem = await _next_leg(desk, symbol, by)
            if problem or not _is_unfinished(_rolls(desk, symbol)):
                break
    except HydraError as error:
        problem = str(error)
    rolls = _rolls(desk, symbol)
    closed, opened = (
        sum(one.cum_qty for one in rolls if one.plan.champion_id == leg) for leg in (EXIT, ENTRY)
    )
    if not problem and opened < closed:
        problem = f"{closed - opened} of {closed} lots were not opened again"
    return Rolled(symbol, closed, opened, problem)


async def _next_leg(desk: Desk, symbol: str, by: str) -> str:
    """Work what is planned, else plan what is missing and work it; why it is not done, empty when it is."""
    planned = await _planned(desk, symbol, by)
    if planned is None or isinstance(planned, str):
        return planned or ""
    prepared = await prepare_leg(desk, planned.plan.con_id)
    if isinstance(prepared, str):
        return prepared
    parent = await work_leg(desk, prepared, planned, by)
    if isinstance(parent, str):
        return parent
    is_exit = parent.plan.champion_id == EXIT
    if parent.status is ParentStatus.FILLED or (is_exit and parent.is_closed and parent.cum_qty):
        return ""  # what was closed is opened again, also where something was left
    return f"{parent.parent_id} ended {parent.status.value}: {parent.reason}"


async def _planned(desk: Desk, symbol: str, by: str) -> ParentOrder | str | None:
    """The leg to work now: one on record, or the next one's plan; None when nothing is to be done."""
    rolls = _rolls(desk, symbol)
    if rolls and (not rolls[-1].is_closed or rolls[-1].status is ParentStatus.DENIED):
        return rolls[-1]
    if rolls and rolls[-1].plan.champion_id == EXIT and rolls[-1].cum_qty:
        front = await desk.broker.qualify(symbol)
        if not isinstance(front, Contract):
            return f"not qualified: {front}"
        lots = _signed(rolls[-1])
        held = desk.ledger.positions().get(front.con_id, 0)
        return await _plan(desk, front.con_id, held + lots, ENTRY, by)
    due = next((one for one in (await due_rolls(desk))[0] if one.symbol == symbol), None)
    if due is None:
        return None
    latest = latest_plan(desk, today_of(desk), symbol)
    if latest is not None and not latest.is_closed:
        return f"NOT_TERMINAL: {latest.parent_id} is {latest.status}: roll afterwards"
    return await _plan(desk, due.con_id, 0, EXIT, by)


async def _plan(desk: Desk, con_id: int, target: int, leg: str, by: str) -> ParentOrder | str:
    prepared = await prepare_leg(desk, con_id)
    if isinstance(prepared, str):
        return prepared
    planned = plan_leg(desk, today_of(desk), prepared, target, leg, by)
    return planned.reason if isinstance(planned, Conflict) else planned


def _rolls(desk: Desk, symbol: str) -> list[ParentOrder]:
    """This session's legs of the symbol, as the ledger has them now."""
    legs = [
        one
        for one in desk.ledger.session(today_of(desk))
        if one.plan.symbol == symbol and one.plan.champion_id in (EXIT, ENTRY)
    ]
    return sorted(legs, key=number_of)


def _is_unfinished(rolls: list[ParentOrder]) -> bool:
    """A leg that is not at its end, or an exit that closed something and has no entry."""
    if not rolls:
        return False
    last = rolls[-1]
    return (
        not last.is_closed
        or last.status is ParentStatus.DENIED
        or (last.plan.champion_id == EXIT and last.cum_qty > 0)
    )


def _signed(closing: ParentOrder) -> int:
    """The position that the exit closed, long above zero."""
    side = closing.opened.side if closing.opened is not None else Side.SELL
    return closing.cum_qty if side is Side.SELL else -closing.cum_qty
