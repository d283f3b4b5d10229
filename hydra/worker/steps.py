"""What tasks ask the engine to do: each runs on the `ib` loop and hands back plain values only.

The order path is in the use cases; here a flow run's session is kept between its tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hydra.domain.ids import parse_parent_id
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.reports.costs import cost_rows
from hydra.reports.fills import fill_rows, slippage_rows
from hydra.reports.orders import denied_rows, order_rows
from hydra.reports.plot_data import plot_data
from hydra.usecases.desk import Desk
from hydra.usecases.plan import (
    SessionRequest,
    SessionState,
    SymbolDenied,
    check_request,
    judge_parents,
    size_parents,
)
from hydra.usecases.recover import observe
from hydra.usecases.session import (
    prepare_symbol,
    reconcile_books,
    snapshot_account,
    today_of,
    workable,
)
from hydra.usecases.statement import statement_of
from hydra.usecases.trade import work_parent
from hydra.usecases.withdraw import withdraw_children
from hydra.worker.bench import Bench


class NotAnswered(Exception):
    """The broker did not answer a question that changes nothing: the task may ask it again."""


@dataclass(frozen=True, slots=True)
class SliceTask:
    """One slice of one parent, as the flow shows it; `until` is its absolute end."""

    parent_id: str
    symbol: str
    no: int
    count: int
    until: datetime


async def begin(bench: Bench, request: SessionRequest) -> dict[str, Any]:
    """Take the request; refuse at once what contradicts the session's plan on record."""
    check_request(bench.desk, request)
    bench.state = SessionState(request)
    return {"account": bench.desk.broker.account, "market_time": bench.desk.clock.now()}


async def today(bench: Bench) -> date:
    """The date of the broker's day at this market time."""
    return today_of(bench.desk)


async def reconcile(bench: Bench) -> dict[str, Any]:
    """A complete snapshot, everything in it booked; both books side by side."""
    await reconcile_books(bench.desk)
    return statement_of(bench.desk)


async def qualify(bench: Bench, symbol: str) -> list[str]:
    """Contract, quotes and bars of one symbol; the reasons why it is denied, none when it is ready."""
    request = bench.session.request
    outcome = await prepare_symbol(bench.desk, request, symbol)
    if not isinstance(outcome, SymbolDenied):
        bench.session.prepared[symbol] = outcome
        bench.trace_prices(one.contract.con_id for one in bench.session.prepared.values())
        return []
    if any(reason.startswith("NOT_ANSWERED") for reason in outcome.reasons):
        raise NotAnswered(f"{symbol}: {'; '.join(outcome.reasons)}")
    await deny(bench, symbol, outcome.reasons)
    return list(outcome.reasons)


async def deny(bench: Bench, symbol: str, reasons: Sequence[str]) -> None:
    """The symbol is not traded in this run."""
    bench.session.denied.append(SymbolDenied(symbol, tuple(reasons)))


async def account(bench: Bench) -> dict[str, Any]:
    """Equity and margin as the broker values them, marked in the ledger."""
    await snapshot_account(bench.desk, bench.session.request.session_on)
    state = bench.desk.account
    assert state is not None
    return {
        "account": state.account,
        "equity_usd": str(state.equity_usd),
        "available_usd": str(state.available_funds_usd),
    }


async def size(bench: Bench) -> list[dict[str, Any]]:
    """Targets and positions by the plan on record, sized now where there is none."""
    size_parents(bench.desk, bench.session)
    return [
        {"symbol": parent.plan.symbol, "position": parent.plan.position, "target": parent.plan.target}
        for parent in bench.parents()
    ]


async def check_risk(bench: Bench) -> list[dict[str, Any]]:
    """Every intent before the gate; what it approves is opened in the same step. Returns the denied."""
    judge_parents(bench.desk, bench.session)
    return denied_rows((one.symbol, one.reasons) for one in bench.session.denied)


async def plan(bench: Bench) -> list[list[SliceTask]]:
    """The slices still to be worked of every open parent, parent by parent."""
    now = bench.desk.clock.now()
    opened = [bench.desk.parents[one] for one in workable(bench.desk, bench.session)]
    return [_slices(parent, now) for parent in opened]


def _slices(parent: ParentOrder, now: datetime) -> list[SliceTask]:
    """At least one task a parent: also one whose plan is over may have to be proven and closed."""
    assert parent.opened is not None
    listed = [
        SliceTask(parent.parent_id, parent.plan.symbol, one.no, len(parent.opened.slices), one.end_at)
        for one in parent.opened.slices
    ]
    return [one for one in listed if one.until > now] or listed[-1:]


async def work_slice(bench: Bench, parent_id: str, until: datetime) -> dict[str, Any]:
    """Work the parent until the slice's end; returns at once when nothing is left."""
    return _told(await work_parent(bench.desk, parent_id, until))


async def work_to_the_end(bench: Bench, parent_id: str) -> dict[str, Any]:
    """Work the parent until it is closed: filled, with a remainder and its reason, or in doubt."""
    return _told(await work_parent(bench.desk, parent_id))


def _told(parent: ParentOrder) -> dict[str, Any]:
    return {
        "parent": parent.parent_id,
        "filled": parent.cum_qty,
        "ordered": parent.order_qty,
        "status": parent.status.value,
        "reason": parent.reason,
        "is_closed": parent.is_closed,
        "children": [child.order_ref for child in parent.children],
    }


async def journal(bench: Bench) -> dict[str, Any]:
    """Everything reported is booked; the session's orders, fills and costs as rows."""
    observe(bench.desk)
    parents = bench.parents()
    return {
        "orders": order_rows(parents),
        "denied": denied_rows((one.symbol, one.reasons) for one in bench.session.denied),
        "fills": fill_rows(parents),
        "slippage": slippage_rows(parents),
        "costs": cost_rows(parents, bench.trace),
        "in_doubt": [one.parent_id for one in parents if one.status is ParentStatus.IN_DOUBT],
    }


async def picture(bench: Bench) -> dict[str, Any]:
    """What the session's plot shows: prices seen, our orders as steps, our fills."""
    return plot_data(bench.parents(), bench.trace, bench.session.request.session_on)


async def take_back(bench: Bench, why: str, patience_wall_s: float) -> tuple[list[str], list[str]]:
    """Cancel the working children of this run's session: the references asked to end, and those unproven."""
    if bench.state is None:
        return [], []
    return await withdraw_children(bench.desk, bench.state.parents, why, patience_wall_s)


async def take_back_session(
    desk: Desk, session_on: str, why: str, patience_wall_s: float
) -> tuple[list[str], list[str]]:
    """The same for a session whose worker died while it was cancelled; none named: for all of them."""
    parents = [one for one in desk.parents if session_on in ("", parse_parent_id(one).session_on.isoformat())]
    return await withdraw_children(desk, parents, why, patience_wall_s)
