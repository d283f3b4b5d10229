"""What people do to runs under way in Prefect, and what follows here.

Prefect's worker leaves a started run alone, and its engine looks only between tasks. A session must stop at
once: no child is placed any more, and *Cancel* also takes the working ones back.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled

_GOES_ON: Final = frozenset({StateType.RUNNING, StateType.PENDING})


class Wish(Enum):
    """What somebody wants of a run."""

    GO_ON = "go on"
    CANCEL = "cancelled in Prefect: its working children are taken back"
    STOP = "stopped in Prefect: its children rest until their good_till"


def wish_of(found: FlowRun | None, *, is_busy: bool) -> tuple[Wish, State[Any]]:
    """What the run's state on the server asks for; a deleted run is to stop.

    A final state is the run's own while nothing of it is under way here.
    """
    if found is None or found.state is None:
        return Wish.STOP, Cancelled(message="the run was deleted")
    state = found.state
    if state.type in _GOES_ON or (state.is_final() and not is_busy):
        return Wish.GO_ON, state
    return (Wish.CANCEL if state.is_cancelling() else Wish.STOP), state


async def read_runs(client: PrefectClient, ids: Sequence[UUID]) -> Mapping[UUID, FlowRun]:
    """The runs as the server has them now; a deleted one is missing."""
    found = await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(ids))))
    return {one.id: one for one in found}


def cancelled_state(asked: Sequence[str], unproven: Sequence[str]) -> State[Any]:
    """Cancelled, with what became of the children."""
    if not asked:
        message = "Cancelled: no child was working."
    elif not unproven:
        message = f"Cancelled: {len(asked)} working child(ren) cancelled and proven gone."
    else:
        message = (
            f"Cancelled: {len(asked)} working child(ren) cancelled; not proven gone yet, and watched on: "
            f"{', '.join(unproven)}"
        )
    return Cancelled(message=message)
