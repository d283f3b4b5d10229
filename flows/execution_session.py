"""The execution session: target positions become orders, patiently, and both books agree at the end."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.options import FLOW, SYMBOLS, Symbol, Symbols
from hydra.usecases.session import CLOSED_DAY
from hydra.worker.steps import SliceTask
from tasks.contracts import deny_symbol, qualify_contract
from tasks.journal import journal_fills, report_session
from tasks.orders import await_fills, plan_slices, work_slice
from tasks.reconcile import reconcile_books
from tasks.risk import check_risk, size_positions, snapshot_account
from tasks.session import begin_session

Lots = Annotated[int, Field(ge=-10_000, le=10_000)]
# The form of the UI has no field for a mapping, so it is also taken as texts: ZO=12.
Target = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,8}=-?(10000|[0-9]{1,4})$")]
Targets = Annotated[tuple[Target, ...], Field(min_length=1, max_length=40)]


def _name() -> str:
    """The run as lists show it: its date, where it was given one, and its symbols."""
    given = flow_run.parameters
    return f"session {given.get('session_on') or 'today'}: {' '.join(given.get('symbols') or SYMBOLS)}"


@flow(name="execution-session", flow_run_name=_name, **FLOW)
async def execution_session(
    session_on: date | None = None,
    symbols: Symbols = SYMBOLS,
    targets: Targets | dict[Symbol, Lots] | None = None,
    horizon_minutes: Annotated[int, Field(ge=5, le=600)] | None = None,
    amend_by: Annotated[str, Field(max_length=60)] = "",
) -> State[Any]:
    """Trade to the target positions of one session. Run it again at any moment: it finishes what is missing.

    Args:
        session_on: Trading date, e.g. 2026-11-23; empty = the date at the gateway now.
        symbols: Symbols to trade; each needs its limits in the configuration, else it is denied.
        targets: Positions in lots by hand, one text each: ZO=12, HE=-9; empty = the strategy's.
        horizon_minutes: Market minutes from the plan to the deadline, at most; empty = as configured.
        amend_by: Name of the person who plans a session again that was planned with other targets.
    """
    on = await begin_session(session_on, symbols, _by_symbol(targets), horizon_minutes, amend_by)
    await reconcile_books("before")
    if await _qualify_all(symbols) == set(symbols):
        return Completed(message=f"no session: the gateway lists {on} as closed for {', '.join(symbols)}")
    await snapshot_account()
    await size_positions()
    await check_risk()
    planned = await plan_slices()
    worked = await asyncio.gather(*(_work(slices) for slices in planned), return_exceptions=True)
    rows = await journal_fills()
    # What differs, or why the books could not be read: also then the session is reported.
    after = await asyncio.gather(reconcile_books("after"), return_exceptions=True)
    problem = "; ".join(filter(None, [_failures(worked), _doubts(rows), str(after[0])]))
    await report_session(rows, problem)
    return Failed(message=problem) if problem else Completed(message=_summary(rows))


def _by_symbol(targets: Sequence[str] | Mapping[str, int] | None) -> Mapping[str, int] | None:
    """Targets as a mapping; of two for one symbol the later one holds."""
    if targets is None or isinstance(targets, Mapping):
        return targets
    return {symbol: int(lots) for symbol, _, lots in (text.partition("=") for text in targets)}


async def _qualify_all(symbols: Sequence[str]) -> set[str]:
    """Every symbol by itself: one that is not answered is denied and hinders no other. Returns the closed."""
    outcomes = await asyncio.gather(*(qualify_contract(one) for one in symbols), return_exceptions=True)
    closed = set()
    for symbol, outcome in zip(symbols, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            await deny_symbol(symbol, [str(outcome)])
        elif outcome and outcome[0].startswith(CLOSED_DAY):
            closed.add(symbol)
    return closed


async def _work(slices: Sequence[SliceTask]) -> None:
    """One parent: slice after slice at their absolute times, then until its end is proven."""
    for one in slices:
        told = await work_slice(one.parent_id, one.symbol, one.no, one.count, one.until)
        if told["is_closed"]:
            return
    await await_fills(slices[0].parent_id, slices[0].symbol)


def _failures(worked: Sequence[BaseException | None]) -> str:
    return "; ".join(str(one) or type(one).__name__ for one in worked if one is not None)


def _doubts(rows: dict[str, Any]) -> str:
    return "; ".join(f"{parent} ended in doubt: run it again" for parent in rows["in_doubt"])


def _summary(rows: dict[str, Any]) -> str:
    orders = rows["orders"]
    filled, ordered = sum(row["filled"] for row in orders), sum(row["ordered"] for row in orders)
    told = (
        f"{filled} of {ordered} lots filled in {len(orders)} order(s); {len(rows['denied'])} symbol(s) denied"
    )
    return "; ".join([told, *(f"{row['symbol']}: {row['reason']}" for row in orders if row["left"])])
