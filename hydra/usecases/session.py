"""One execution session: reconcile, qualify, size, check, plan, work, close. Every step may be run again.

The steps are separate functions because the flow shows each as a task; `run_session` is all of them.
"""

import asyncio
from collections.abc import Sequence
from datetime import date

from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.domain.roles import shard_of
from hydra.execution.evidence import SeenSnapshot
from hydra.ports import Refused, Unknown
from hydra.usecases.breakers import begin_session
from hydra.usecases.desk import Desk
from hydra.usecases.plan import (
    Prepared,
    SessionRequest,
    SessionState,
    SymbolDenied,
    bars_needed,
    check_request,
    latest_plan,
    open_parents,
)
from hydra.usecases.reader import Reader
from hydra.usecases.recover import recover
from hydra.usecases.trade import work_parent

QUOTE_PATIENCE_WALL_S = 5.0
RECOVER_PATIENCE_WALL_S = 15.0
# At the end nothing waits for it any more: what is not proven by then is in doubt already.
CLOSING_PATIENCE_WALL_S = 3.0
CLOSED_DAY = "CLOSED_DAY"
PAST_DAY = "PAST_DAY"


async def reconcile_books(desk: Desk) -> None:
    """A complete snapshot, or the session cannot run: without it nothing may be sent anyway."""
    outcome = await recover(desk, RECOVER_PATIENCE_WALL_S)
    if not isinstance(outcome, SeenSnapshot):
        raise Unavailable("HY-501", reason=outcome.reason)


async def watch_held(desk: Desk) -> None:
    """Quotes for everything held or working, also of other sessions: limits are over the whole account."""
    for con_id in {*desk.ledger.positions(), *desk.ledger.symbols()}:
        if con_id in desk.contracts or desk.ledger.exposure(con_id).worst_lots == 0:
            continue
        contract = await desk.broker.qualify_id(con_id)
        if isinstance(contract, Refused | Unknown):
            desk.log("hydra.contract.unvalued", con_id=con_id, problem=str(contract))
            continue
        desk.contracts[con_id] = contract
        await desk.broker.watch(contract)


async def prepare_symbol(desk: Desk, request: SessionRequest, symbol: str) -> Prepared | SymbolDenied:
    """Qualify the contract, watch its quotes and read its daily bars.

    A symbol that was planned keeps the contract of its plan, whatever the front is by now.
    """
    session_on = request.session_on
    planned = latest_plan(desk, session_on, symbol)
    if planned is None:
        contract = await desk.broker.qualify(symbol)
    else:
        contract = await desk.broker.qualify_id(planned.plan.con_id)
    if isinstance(contract, Refused):
        return SymbolDenied(symbol, (f"NOT_QUALIFIED: {contract}",))
    if isinstance(contract, Unknown):
        return SymbolDenied(symbol, (f"NOT_ANSWERED: qualification: {contract}",))
    desk.contracts[contract.con_id] = contract
    if planned is None and contract.is_closed_on(session_on, today_of(desk)):
        return SymbolDenied(symbol, (f"{CLOSED_DAY}: the gateway lists {session_on} as closed",))
    if planned is None and request.targets is None and session_on < today_of(desk):
        # what a strategy or the book wanted for that day is of its day; a person's targets are of now
        return SymbolDenied(symbol, (f"{PAST_DAY}: {session_on} is over and was not planned: say --targets",))
    watched = await desk.broker.watch(contract)
    if watched is not None:
        return SymbolDenied(symbol, (f"NO_MARKET_DATA: {watched}",))
    await await_quote(desk, contract)
    if not desk.duty.works(symbol):  # watched all the same: limits of the account value what rivals hold
        shard = shard_of(symbol, desk.duty.shards)
        return SymbolDenied(symbol, (f"OTHER_SHARD: shard {shard} works it, this is {desk.duty.shard}",))
    bars = await desk.broker.daily_bars(contract, bars_needed(request))
    if isinstance(bars, Refused | Unknown):
        return SymbolDenied(symbol, (f"NO_BARS: {bars}",))
    # the session's own day is not over: its bar would tell the strategy what it cannot know yet
    return Prepared(symbol, contract, tuple(bar for bar in bars if bar.on < session_on))


async def prepare(desk: Desk, state: SessionState) -> None:
    """Prepare all symbols at once; what fails is denied with its reason and hinders no other."""
    symbols = state.request.symbols
    outcomes = await asyncio.gather(*(prepare_symbol(desk, state.request, symbol) for symbol in symbols))
    for symbol, outcome in zip(symbols, outcomes, strict=True):
        if isinstance(outcome, SymbolDenied):
            state.denied.append(outcome)
        else:
            state.prepared[symbol] = outcome


async def snapshot_account(desk: Desk, session_on: date) -> None:
    """Equity for the limits; its mark of the session's opening and the peak are kept in the ledger."""
    await watch_held(desk)
    account = await desk.broker.account_state()
    if isinstance(account, Unknown):
        raise Unavailable("HY-502", reason=account.reason)
    desk.account = account
    begin_session(desk, session_on)


async def run_session(desk: Desk, request: SessionRequest) -> SessionState:
    """The whole session on one loop; a rerun finds its parents and finishes what is left of them."""
    state = SessionState(request)
    check_request(desk, request)
    await reconcile_books(desk)
    await prepare(desk, state)
    await snapshot_account(desk, request.session_on)
    open_parents(desk, state)
    await asyncio.gather(*(work_parent(desk, parent) for parent in workable(desk, state)))
    await recover(desk, CLOSING_PATIENCE_WALL_S)
    return state


def workable(desk: Desk, state: SessionState) -> list[str]:
    """The parents of the session that were opened."""
    return [one for one in state.parents if desk.parents[one].opened is not None]


def today_of(desk: Desk | Reader) -> date:
    """The date of the broker's day at this market time."""
    return desk.clock.now().astimezone(desk.broker_zone).date()


async def await_quote(desk: Desk, contract: Contract) -> None:
    """Give the first quote a moment; a market that is closed or halted has none to wait for."""
    until = desk.clock.wall_s() + QUOTE_PATIENCE_WALL_S
    while desk.clock.wall_s() < until:
        quote = desk.broker.quote(contract.con_id)
        if quote is not None and (quote.mid_px is not None or quote.halted):
            return
        if contract.interval_at(desk.clock.now()) is None:
            return
        await desk.clock.sleep_wall(0.05)


def ended_in_doubt(parents: Sequence[ParentOrder]) -> bool:
    """Whether the session must be run again (exit code 4)."""
    return any(parent.status is ParentStatus.IN_DOUBT for parent in parents)


def outcome_of(desk: Desk, state: SessionState) -> dict[str, list[dict[str, object]]]:
    """The session's result as plain values: what scripts read (`hydra session run --json`)."""
    parents = [desk.parents[one] for one in state.parents if desk.parents[one].denied is None]
    return {
        "parents": [_told(parent) for parent in parents],
        "denied": [{"symbol": one.symbol, "reasons": list(one.reasons)} for one in state.denied],
    }


def _told(parent: ParentOrder) -> dict[str, object]:
    """One parent; a plan that wants no change is FILLED with nothing ordered."""
    opened = parent.opened
    status = parent.status if opened is not None else ParentStatus.FILLED
    return {
        "id": parent.parent_id,
        "symbol": parent.plan.symbol,
        "side": opened.side.value if opened is not None else None,
        "order_qty": parent.order_qty,
        "cum_qty": parent.cum_qty,
        "leaves_qty": parent.leaves_qty,
        "status": status.value,
        "reason": parent.reason or ("" if opened is not None else "already at its target"),
    }
