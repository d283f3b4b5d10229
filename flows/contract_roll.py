"""The contract roll: positions in expiries too near their end move on, through the same order path."""

import asyncio
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.options import FLOW
from tasks.reconcile import reconcile_books
from tasks.rolls import find_rolls, report_rolls, roll_symbol

BY = "contract-roll"


@flow(name="contract-roll", flow_run_name="contract roll", **FLOW)
async def contract_roll() -> State[Any]:
    """Close each held expiry that is no longer traded and open the same lots in the one that is."""
    found = await find_rolls()
    rolled = await asyncio.gather(*(roll_symbol(one, BY) for one in found["symbols"]), return_exceptions=True)
    rows = [one for one in rolled if isinstance(one, dict)]
    await report_rolls(rows)
    after = await reconcile_books("after the roll") if rows else ""
    failures = [str(one) for one in rolled if isinstance(one, BaseException)]
    unfinished = [f"{row['symbol']}: {row['problem']}" for row in rows if row["problem"]]
    problem = "; ".join(filter(None, [*found["problems"], *failures, *unfinished, after]))
    if problem:
        return Failed(message=problem)
    return Completed(message=_told(rows))


def _told(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "nothing is held in an expiry too near its end"
    return "; ".join(f"{row['symbol']}: {row['opened']} lot(s) rolled" for row in rows)
