"""One flow run in one thread: its loop may block on Prefect's server, the `ib` loop never does."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow_async
from prefect.flows import Flow

from hydra.worker import engine as engines
from hydra.worker.engine import Engine


class FlowThread:
    """Runs the flow to its final state, which Prefect's engine reports by itself."""

    def __init__(self, flow: Flow[..., Any], flow_run: FlowRun, engine: Engine) -> None:
        self._flow = flow
        self._flow_run = flow_run
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.ended: Future[Any] = Future()
        self._thread = threading.Thread(target=self._run, name=f"flow {flow_run.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask the flow to end where it stands; children at the broker rest until their good_till."""
        if self._loop is not None and self._task is not None and not self.ended.done():
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:
                pass  # it ended between the question and the call

    def _run(self) -> None:
        engines.enter(self._engine)
        try:
            self.ended.set_result(asyncio.run(self._flow_to_its_end()))
        except BaseException as error:  # noqa: BLE001 - handed to the worker, which waits for it
            self.ended.set_exception(error)

    async def _flow_to_its_end(self) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        # Without `parameters` it fails with "Field required": an engine function, pinned by a contract test.
        return await run_flow_async(
            flow=self._flow,
            flow_run=self._flow_run,
            parameters=self._flow_run.parameters,
            return_type="state",
        )
