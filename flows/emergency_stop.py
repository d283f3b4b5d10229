"""The emergency stop, from the UI: no new order, everything cancelled, no further run; flat, if wanted.

`hydra kill` is the same switch as a process of its own, for when the server or this worker is away.
"""

import asyncio
from typing import Any, Final

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.options import FLOW, Person, Reason
from tasks.emergency import cancel_all, flatten_all, latch_halt, pause_pool, report_stop

NOTHING: Final[dict[str, list[str]]] = {"cancelled": [], "unproven": [], "left": []}


@flow(name="emergency-stop", flow_run_name="emergency stop by {by}", **FLOW)
async def emergency_stop(by: Person, reason: Reason, flatten: bool = False) -> State[Any]:
    """Halt all trading until a named person lifts it, cancel every working order, pause the work pool.

    Args:
        by: Name of the person who stops it.
        reason: Why; it stands in the ledger.
        flatten: Also close every position, with collared limit orders that only reduce.
    """
    halted = await latch_halt(by, reason)
    # what is done at the broker waits for no server
    withdrawn, paused = await asyncio.gather(
        _withdraw(by, reason, flatten and not halted), pause_pool(), return_exceptions=True
    )
    done = withdrawn if isinstance(withdrawn, dict) else {**NOTHING, "unproven": [str(withdrawn)]}
    problems = [halted, str(paused), *(f"not proven gone: {one}" for one in done["unproven"])]
    problems += [f"still open: {one}" for one in done["left"]]
    problems = [one for one in problems if one]
    await report_stop(done, problems)
    if problems:
        return Failed(message="halted; " + "; ".join(problems))
    return Completed(message=_told(len(done["cancelled"]), flatten))


async def _withdraw(by: str, reason: str, is_flat_wanted: bool) -> dict[str, list[str]]:
    done = await cancel_all(reason)
    left = await flatten_all(by, reason) if is_flat_wanted else []
    return {**done, "left": left}


def _told(cancelled: int, is_flat: bool) -> str:
    flat = ", flat" if is_flat else ""
    return f"halted, {cancelled} order(s) cancelled and proven gone, pool paused{flat}"
