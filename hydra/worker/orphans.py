"""Runs of a predecessor that died without a word: told as crashed, so that a rerun need not wait for them.

A killed worker leaves its runs Running, and a deployment's concurrency slot stays taken for minutes. Whoever
holds the lease of the client id knows that no earlier worker of this name works any more.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed

from hydra import eventlog

NAME_LABEL = "prefect.worker.name"
_UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


async def crash_orphans(
    client: PrefectClient, pool: str, worker: str, cancel: Callable[[FlowRun], Awaitable[State[Any]]]
) -> list[FlowRun]:
    """Mark every run under way of an earlier worker of this name as Crashed; call it before taking runs.

    A run that somebody was cancelling meanwhile is cancelled by `cancel`, which says what became of it.
    """
    under_way = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY))),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )
    orphans = [one for one in under_way if one.labels.get(NAME_LABEL) == worker]
    for one in orphans:
        if one.state is not None and one.state.is_cancelling():
            await client.set_flow_run_state(one.id, await cancel(one), force=True)
        else:
            state: State[None] = Crashed(
                message="Its worker ended without a word. Run the session again: nothing is sent twice."
            )
            await client.set_flow_run_state(one.id, state)
        eventlog.event("hydra.run.orphaned", "warning", run=one.name, flow_run_id=str(one.id))
    return orphans
