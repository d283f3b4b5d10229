"""The emergency exit after a kill: close what the ledger holds, in REDUCING, through gate, ledger and place.

Collared limit orders at the far touch, priced anew a few times. What is left is named for closing by hand.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hydra.domain.contract import Contract
from hydra.domain.errors import HydraError
from hydra.domain.events import SessionPlanned, TradingState
from hydra.domain.evidence import Report
from hydra.domain.ids import parent_id
from hydra.domain.latch import EVERYTHING
from hydra.domain.parent import ParentOrder
from hydra.ports import Conflict, Refused, Unknown
from hydra.research.strategy import bars_hash
from hydra.usecases.desk import Desk, keep
from hydra.usecases.halt import halt, set_trading_state
from hydra.usecases.plan import (
    Prepared,
    SessionRequest,
    SessionState,
    judge_parents,
    latest_plan,
    number_of,
    unused_number,
)
from hydra.usecases.recover import book
from hydra.usecases.session import await_quote, reconcile_books
from hydra.usecases.trade import work_parent

CHAMPION = "flatten"
BARS_DAYS = 64
PROOF_WALL_S = 2.0
STRANGE = "the ledger does not have it"


@dataclass(frozen=True, slots=True)
class Left:
    """A position that is still open after the flatten, and why."""

    symbol: str
    con_id: int
    lots: int
    reason: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.lots:+d} (con_id {self.con_id}): {self.reason}"


async def flatten(
    desk: Desk, scope: str, *, by: str, reason: str, evidence: Sequence[Report] = ()
) -> list[Left]:
    """Work every position in scope to zero; the scope is HALTED again at the end, whatever happened.

    `evidence`: what the kill heard of the orders it cancelled, on the same client id and wall clock.
    """
    book(desk, evidence)
    await reconcile_books(desk)
    await _await_proofs(desk)
    set_trading_state(desk.ledger, scope, TradingState.REDUCING, f"flatten: {reason}", by)
    try:
        held = [con_id for con_id in desk.ledger.positions() if _is_meant(desk, scope, con_id)]
        why = dict(zip(held, await asyncio.gather(*(_close(desk, one, by) for one in held)), strict=True))
        await reconcile_books(desk)
    finally:
        set_trading_state(desk.ledger, scope, TradingState.HALTED, f"flattened: {reason}", by)
    return [Left(_symbol(desk, one), one, lots, why.get(one, STRANGE)) for one, lots in _open(desk, scope)]


def _open(desk: Desk, scope: str) -> list[tuple[int, int]]:
    """What is not flat in scope, by the broker's books where ours differ."""
    ours, theirs = desk.ledger.positions(), desk.broker_positions
    lots = {con_id: theirs.get(con_id, 0) for con_id in sorted({*ours, *theirs})}
    return [(con_id, held) for con_id, held in lots.items() if held and _is_meant(desk, scope, con_id)]


async def _await_proofs(desk: Desk) -> None:
    """Give the ends of the cancelled orders their proof: until then they count as exposure."""
    until = desk.clock.wall_s() + desk.policy.settle_wall_s + PROOF_WALL_S
    while desk.live_children() and desk.clock.wall_s() < until:
        await desk.changed.wait(0.1)


async def _close(desk: Desk, con_id: int, by: str) -> str:
    """Works one position to zero; returns why something of it may be left."""
    prepared = await _prepared(desk, con_id)
    if isinstance(prepared, str):
        return prepared
    state = SessionState(SessionRequest(_today(desk), (prepared.symbol,), {prepared.symbol: 0}, amend_by=by))
    try:
        planned = _plan(desk, state.request.session_on, prepared, by)
        if isinstance(planned, Conflict):
            return planned.reason
        state.parents.append(planned.parent_id)
        state.prepared[prepared.symbol] = prepared
        judge_parents(desk, state)
        if state.denied:
            return "; ".join(state.denied[0].reasons)
        parent = await work_parent(desk, planned.parent_id)
    except HydraError as problem:
        halt(desk, prepared.symbol, str(problem))
        return str(problem)
    return parent.reason or parent.status.value


async def _prepared(desk: Desk, con_id: int) -> Prepared | str:
    """The held contract, whatever expiry it is, with quotes; bars only help to pace the exit."""
    contract = desk.contracts.get(con_id) or await desk.broker.qualify_id(con_id)
    if not isinstance(contract, Contract):
        return f"not qualified: {contract}"
    desk.contracts[con_id] = contract
    watched = await desk.broker.watch(contract)
    if watched is not None:
        return f"no market data: {watched}"
    bars = await desk.broker.daily_bars(contract, BARS_DAYS)
    await await_quote(desk, contract)
    return Prepared(contract.symbol, contract, () if isinstance(bars, Refused | Unknown) else tuple(bars))


def _plan(desk: Desk, session_on: date, prepared: Prepared, by: str) -> ParentOrder | Conflict:
    """A plan of its own for the exit, under a number that no order at the broker has used."""
    con_id, symbol = prepared.contract.con_id, prepared.symbol
    known = latest_plan(desk, session_on, symbol)
    n = unused_number(desk, session_on, symbol, 1 if known is None else number_of(known) + 1)
    plan = SessionPlanned(
        parent_id=parent_id(session_on, symbol, n),
        session_on=session_on,
        symbol=symbol,
        con_id=con_id,
        target=0,
        position=desk.ledger.positions().get(con_id, 0),
        equity_usd=desk.account.equity_usd if desk.account else Decimal(0),
        bars_hash=bars_hash(prepared.bars),
        champion_id=CHAMPION,
        config_hash=desk.identity.config_hash,
        by=by,
    )
    outcome = desk.ledger.append(plan.parent_id, 0, [plan])
    return outcome if isinstance(outcome, Conflict) else keep(desk, outcome)


def _is_meant(desk: Desk, scope: str, con_id: int) -> bool:
    return scope in (EVERYTHING, _symbol(desk, con_id))


def _symbol(desk: Desk, con_id: int) -> str:
    return desk.ledger.symbols().get(con_id) or desk.symbol_of(con_id)


def _today(desk: Desk) -> date:
    """The broker's day: the session that an exit belongs to."""
    return desk.clock.now().astimezone(desk.broker_zone).date()
