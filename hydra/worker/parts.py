"""One run, every shard: whichever shard takes a run from the common queue hands the others their part.

A part is a run of the same deployment with the same parameters in the queue of one shard alone. It rides
on the whole run's place under the deployment's limit (it would otherwise wait for the run that asked for
it), and what a person does to the whole run is done to its parts. A shard that is away finds its part
waiting.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.states import Pending

from hydra import eventlog
from hydra.domain.roles import Duty, Role, shard_queue

WHOLE_LABEL: Final = "hydra.part-of"
ATTEMPTS_MAX: Final = 6
AGAIN_WALL_S: Final = 1.0


def is_part(flow_run: FlowRun) -> bool:
    """Whether another shard has handed this run on to one shard alone."""
    return WHOLE_LABEL in flow_run.labels


def concerns_all(flow_run: FlowRun, duty: Duty) -> bool:
    """Whether every shard has its part in this run, and it is ours to tell them."""
    is_common = flow_run.work_queue_name == Role.EXECUTION.value
    return duty.shards > 1 and is_common and flow_run.deployment_id is not None and not is_part(flow_run)


async def take_part(client: PrefectClient, flow_run: FlowRun) -> bool:
    """Pending without a slot of its own; False when somebody has changed the run meanwhile."""
    now = await client.read_flow_run(flow_run.id)
    if now.state is None or not now.state.is_scheduled():
        return False
    await client.set_flow_run_state(flow_run.id, Pending(), force=True)
    return True


class Parts:
    """What this process has handed on, run by run."""

    def __init__(self) -> None:
        self._of: dict[UUID, dict[int, UUID]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, client: PrefectClient, flow_run: FlowRun, duty: Duty) -> None:
        """Hand a run on to every other shard, beside the run itself: a slow server delays no order here."""
        others = [one for one in range(1, duty.shards + 1) if one != duty.shard]
        handing = asyncio.ensure_future(self._hand_on(client, flow_run, others))
        self._under_way.add(handing)
        handing.add_done_callback(self._under_way.discard)

    async def follow(self, client: PrefectClient, whole: UUID, state: State[Any]) -> None:
        """A person has cancelled, paused, deleted or changed the whole run: the same for its parts."""
        for shard, part in self._of.pop(whole, {}).items():
            try:
                now = await client.read_flow_run(part)
                if now.state is None or not now.state.is_final():
                    await client.set_flow_run_state(part, state.model_copy(deep=True), force=True)
            except (httpx.HTTPError, ObjectNotFound) as problem:
                eventlog.event("hydra.part.unreached", "warning", shard=shard, problem=str(problem))

    async def _hand_on(self, client: PrefectClient, flow_run: FlowRun, shards: list[int]) -> None:
        parts = self._of.setdefault(flow_run.id, {})
        for shard in shards:
            made = await _made(client, flow_run, shard)
            if made is None:
                told = "the server did not take it: start the run again when it answers"
                eventlog.event("hydra.part.lost", "error", run=flow_run.name, shard=shard, problem=told)
            else:
                parts[shard] = made
                eventlog.event("hydra.part.handed_on", run=flow_run.name, shard=shard, part=str(made))


async def _made(client: PrefectClient, flow_run: FlowRun, shard: int) -> UUID | None:
    """The part's run, made once however often it is asked for; a retried run makes its parts anew."""
    assert flow_run.deployment_id is not None
    labels: Mapping[str, str] = {WHOLE_LABEL: str(flow_run.id)}
    for _ in range(ATTEMPTS_MAX):
        try:
            made = await client.create_flow_run_from_deployment(
                flow_run.deployment_id,
                parameters=flow_run.parameters,
                tags=[f"shard-{shard}"],
                idempotency_key=f"{flow_run.id}/{flow_run.run_count}/{shard}",
                work_queue_name=shard_queue(shard),
                labels=dict(labels),
            )
        except httpx.HTTPError:
            await asyncio.sleep(AGAIN_WALL_S)
        else:
            return made.id
    return None
