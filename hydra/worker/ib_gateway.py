"""The Prefect worker type `ib-gateway`: polls its pool and runs flows in-process beside one connection."""

import asyncio
from concurrent.futures import Future
from pkgutil import resolve_name
from typing import Any, ClassVar

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from hydra import eventlog
from hydra.worker.bench import Bench
from hydra.worker.engine import Engine
from hydra.worker.flow_thread import FlowThread
from hydra.worker.ib_thread import DeskOpener, IbThread
from hydra.worker.orphans import crash_orphans

FLOW_END_WALL_S_MAX = 10.0

# Prefect makes the worker from its type alone, so the composition root above us is found by name.
ROOT = "hydra.cli.worker:opener_from_environment"


class IbGatewayConfiguration(BaseJobConfiguration):
    """A run needs nothing of its own: it lives inside the worker's process."""


class IbGatewayVariables(BaseVariables):
    """What a deployment may set for its runs: Prefect's own variables only."""


class IbGatewayResult(BaseWorkerResult):
    """How the thread of a flow run ended; the run's own state is reported by Prefect's engine."""


class IbGatewayWorker(BaseWorker[IbGatewayConfiguration, IbGatewayVariables, IbGatewayResult]):
    """One process, one role, one client id, one connection that outlives every flow run."""

    type = "ib-gateway"
    job_configuration = IbGatewayConfiguration
    job_configuration_variables = IbGatewayVariables
    _description = "Runs flows in-process beside one long-lived Interactive Brokers connection."
    _display_name = "IB Gateway"

    open_desk: ClassVar[DeskOpener | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ib: IbThread | None = None
        self._flows: set[FlowThread] = set()

    @property
    def ib(self) -> IbThread:
        if self._ib is None:
            raise RuntimeError("the worker is not set up")
        return self._ib

    async def setup(self) -> None:
        """Connect first: a worker without its connection takes no run."""
        opener = type(self).open_desk or resolve_name(ROOT)()
        self._ib = IbThread(opener)
        await asyncio.to_thread(self._ib.start)
        try:
            await super().setup()
            await self._tell_orphans()
        except BaseException:
            await asyncio.to_thread(self._ib.stop)
            raise

    async def _tell_orphans(self) -> None:
        """Without a server there is nobody to tell; a run that stays Running hurts nothing but its looks."""
        try:
            await crash_orphans(self.client, self._work_pool_name, self.name)
        except httpx.HTTPError as error:
            eventlog.event("hydra.runs.unread", "warning", problem=str(error))

    async def teardown(self, *exc_info: Any) -> None:
        """End the flow runs where they stand, then close the desk: the lease is released last."""
        try:
            await super().teardown(*exc_info)
        finally:
            await asyncio.to_thread(self.ib.stop)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: IbGatewayConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> IbGatewayResult:
        """One flow run in a thread of its own, until it ends."""
        if self.ib.ended.done() or self.ib.loop is None:
            raise RuntimeError("the IB connection of this worker has ended")
        flow = await load_flow_from_flow_run(flow_run, use_placeholder_flow=False)
        bench = Bench(self.ib.desk)
        thread = FlowThread(flow, flow_run, Engine(self.ib.loop, bench))
        identifier = f"thread:{flow_run.id}"
        self._flows.add(thread)
        eventlog.event("hydra.run.started", run=flow_run.name, flow_run_id=str(flow_run.id))
        thread.start()
        if task_status is not None:
            task_status.started(identifier)
        try:
            await _ended(thread.ended)
        except asyncio.CancelledError:
            thread.cancel()
            with anyio.move_on_after(FLOW_END_WALL_S_MAX, shield=True):
                await _ended(thread.ended)
            raise
        finally:
            self._flows.discard(thread)
            self.ib.loop.call_soon_threadsafe(bench.close)
        return self._result(thread.ended, flow_run, identifier)

    def _result(self, ended: Future[Any], flow_run: FlowRun, identifier: str) -> IbGatewayResult:
        error = ended.exception()
        state = ended.result().type.value if error is None else "CRASHED"
        level: eventlog.Level = "info" if error is None else "error"
        eventlog.event("hydra.run.ended", level, run=flow_run.name, state=state, error=error)
        return IbGatewayResult(identifier=identifier, status_code=0 if error is None else 1)


async def _ended(future: Future[Any]) -> None:
    """Wait for the future without taking its exception, and without cancelling it when we are cancelled."""
    wrapped = asyncio.wrap_future(future)
    await asyncio.wait({wrapped})
    if wrapped.done() and not wrapped.cancelled():
        wrapped.exception()
