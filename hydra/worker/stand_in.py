"""Execution takes the data role's runs while no data worker is online: with one worker no run is lost.

It looks again every few seconds, so a data worker that comes back has its queue to itself.
"""

import time
from typing import Final

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import WorkerFilter, WorkerFilterStatus

from hydra import eventlog
from hydra.domain.roles import Role, worker_name

LOOK_WALL_S: Final = 10.0
QUEUE: Final = Role.DATA.value


class StandIn:
    """Whether this worker polls the data queue, too."""

    def __init__(self, role: Role) -> None:
        self._is_execution = role is Role.EXECUTION
        self._looked_s = float("-inf")
        self._stands_in = False

    @property
    def extra(self) -> frozenset[str]:
        """The queues that may be polled beside the role's own."""
        return frozenset({QUEUE}) if self._is_execution else frozenset()

    async def queues(self, client: PrefectClient, pool: str, now: set[str]) -> set[str]:
        """The queues to ask for runs; a server that does not answer changes nothing."""
        if not self._is_execution or time.monotonic() - self._looked_s < LOOK_WALL_S:
            return now
        self._looked_s = time.monotonic()
        online = WorkerFilter(status=WorkerFilterStatus(any_=["ONLINE"]))
        try:
            found = await client.read_workers_for_work_pool(pool, worker_filter=online)
        except httpx.HTTPError:
            return now
        stands_in = worker_name(Role.DATA) not in {one.name for one in found}
        if stands_in is not self._stands_in:
            self._stands_in = stands_in
            eventlog.event("hydra.queue.taken" if stands_in else "hydra.queue.given_back", queue=QUEUE)
        return now | self.extra if stands_in else now - self.extra
