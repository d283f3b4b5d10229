"""One flow run in one thread: its loop may block on Prefect's server, the `ib` loop never does."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from prefect._flow_run_suspension import mark_flow_run_suspension_requested
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow_async
from prefect.flows import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from hydra.worker import engine as engines
from hydra.worker.engine import Engine

STOP_WALL_S_MAX = 4.0
# Prefect raises anything lower to this; hydra-run-without-heartbeat in prefect.yaml waits for it.
HEARTBEAT_S = 30
STOP_POLL_WALL_S = 0.05


class FlowThread:
    """Runs the flow to its final state, which Prefect's engine reports by itself."""

    def __init__(self, flow: Flow[..., Any], flow_run: FlowRun, engine: Engine) -> None:
        self._flow = flow
        self.flow_run = flow_run
        self.engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.ended: Future[Any] = Future()
        self.is_stopped = False
        self._thread = threading.Thread(target=self._run, name=f"flow {flow_run.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask the flow to end where it stands, told as Crashed; children rest until their good_till."""
        if self._loop is not None and self._task is not None and not self.ended.done():
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:
                pass  # it ended between the question and the call

    async def stop(self, state: State[Any], why: str) -> None:
        """End the flow because its run is in this state by now, and report no other one.

        Prefect's own mark for suspended runs ends it at its next task; steps under way end at once. A flow
        that does neither within four seconds is cancelled.
        """
        self.is_stopped = True
        self.engine.stop(why)
        mark_flow_run_suspension_requested(self.flow_run.id, state)
        for _ in range(int(STOP_WALL_S_MAX / STOP_POLL_WALL_S)):
            if self.ended.done():
                return
            await asyncio.sleep(STOP_POLL_WALL_S)
        self.cancel()

    def _run(self) -> None:
        engines.enter(self.engine)
        try:
            # A server can tell a run whose worker died only by heartbeats that stop.
            with temporary_settings(set_defaults={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: HEARTBEAT_S}):
                self.ended.set_result(asyncio.run(self._flow_to_its_end()))
        except BaseException as error:  # noqa: BLE001 - handed to the worker, which waits for it
            self.ended.set_exception(error)

    async def _flow_to_its_end(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        # Without `parameters` it fails with "Field required": an engine function, pinned by a contract test.
        return await run_flow_async(
            flow=self._flow,
            flow_run=self.flow_run,
            parameters=self.flow_run.parameters,
            return_type="state",
        )
