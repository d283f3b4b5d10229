"""One leg: a position in one contract, whatever expiry it is, brought to a target through the order path.

What flatten and roll share: a plan of its own under a number no order at the broker has used, then gate,
ledger and place like any parent.
"""

from datetime import date
from decimal import Decimal

from hydra.domain.contract import Contract
from hydra.domain.events import SessionPlanned
from hydra.domain.ids import parent_id
from hydra.domain.parent import ParentOrder
from hydra.ports import Conflict, Refused, Unknown
from hydra.research.strategy import bars_hash
from hydra.usecases.desk import Desk, keep
from hydra.usecases.plan import (
    Prepared,
    SessionRequest,
    SessionState,
    judge_parents,
    latest_plan,
    number_of,
    unused_number,
)
from hydra.usecases.session import await_quote
from hydra.usecases.trade import work_parent

BARS_DAYS = 64


async def prepare_leg(desk: Desk, con_id: int) -> Prepared | str:
    """The contract with quotes, or why it cannot be had; bars only help to pace the order."""
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


def plan_leg(
    desk: Desk, session_on: date, prepared: Prepared, target: int, champion: str, by: str
) -> ParentOrder | Conflict:
    """Writes the plan; a rival that took the same number first is a Conflict."""
    con_id, symbol = prepared.contract.con_id, prepared.symbol
    known = latest_plan(desk, session_on, symbol)
    n = unused_number(desk, session_on, symbol, 1 if known is None else number_of(known) + 1)
    plan = SessionPlanned(
        parent_id=parent_id(session_on, symbol, n),
        session_on=session_on,
        symbol=symbol,
        con_id=con_id,
        target=target,
        position=desk.ledger.positions().get(con_id, 0),
        equity_usd=desk.account.equity_usd if desk.account else Decimal(0),
        bars_hash=bars_hash(prepared.bars),
        champion_id=champion,
        config_hash=desk.identity.config_hash,
        by=by,
    )
    outcome = desk.ledger.append(plan.parent_id, 0, [plan])
    return outcome if isinstance(outcome, Conflict) else keep(desk, outcome)


async def work_leg(desk: Desk, prepared: Prepared, planned: ParentOrder, by: str) -> ParentOrder | str:
    """The parent at its end, or every reason why the gate denied it; a rerun resumes what was opened."""
    plan = planned.plan
    request = SessionRequest(plan.session_on, (prepared.symbol,), {prepared.symbol: plan.target}, amend_by=by)
    state = SessionState(request, prepared={prepared.symbol: prepared}, parents=[planned.parent_id])
    judge_parents(desk, state)
    if state.denied:
        return "; ".join(state.denied[0].reasons)
    return await work_parent(desk, planned.parent_id)
