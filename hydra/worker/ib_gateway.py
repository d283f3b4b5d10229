"""The Prefect worker type `ib-gateway`: polls its pool and runs flows in-process beside one connection."""

import asyncio
import signal
import sys
from concurrent.futures import Future
from pkgutil import resolve_name
from typing import Any, ClassVar
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import Abort, InfrastructureNotFound, ObjectAlreadyExists, Pause
from prefect.flows import load_flow_from_flow_run
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from hydra import eventlog
from hydra.domain.errors import HydraError
from hydra.usecases.reader import Reader
from hydra.worker.bench import Bench
from hydra.worker.engine import Engine
from hydra.worker.flow_thread import FlowThread
from hydra.worker.ib_thread import IbThread
from hydra.worker.orphans import crash_orphans
from hydra.worker.parts import Parts, concerns_all, is_part, take_part
from hydra.worker.post import Post
from hydra.worker.pulse import Watchdog, end_process
from hydra.worker.run_watch import Wish, cancelled_state, read_runs, wish_of
from hydra.worker.stand_in import StandIn
from hydra.worker.steps import take_back, take_back_session

FLOW_END_WALL_S_MAX = 10.0
WATCH_WALL_S = 1.0
# Until a cancelled run is told Cancelled: with the proof if it comes by then, and watched on if not.
CANCEL_PROOF_WALL_S = 3.0
STOP_PROOF_WALL_S = 10.0

# Prefect makes the worker from its type alone, so the composition root above us is found by name.
ROOT = "hydra.cli.worker:post_from_environment"


class IbGatewayConfiguration(BaseJobConfiguration):
    """A run needs nothing of its own: it lives inside the worker's process."""


class IbGatewayVariables(BaseVariables):
    """What a deployment may set for its runs: Prefect's own variables only."""


class IbGatewayResult(BaseWorkerResult):
    """How the thread of a flow run ended; the run's own state is reported by Prefect's engine."""


def ib_thread_of(post: Post) -> IbThread:
    """The thread that holds this post's connection, with its watchdog."""
    return IbThread(
        post.open,
        watchdog=lambda pulse: Watchdog(pulse, post.stall_s, end_process(post.client_id)),
        stop_patience_wall_s=STOP_PROOF_WALL_S if post.on_stop == "cancel" else 0.0,
    )


class IbGatewayWorker(BaseWorker[IbGatewayConfiguration, IbGatewayVariables, IbGatewayResult]):
    """One process, one role, one client id, one connection that outlives every flow run."""

    type = "ib-gateway"
    job_configuration = IbGatewayConfiguration
    job_configuration_variables = IbGatewayVariables
    _description = "Runs flows in-process beside one long-lived Interactive Brokers connection."
    _display_name = "IB Gateway"

    # The thread that `hydra worker start` holds for longer than one worker; None = the worker has its own.
    held: ClassVar[IbThread | None] = None
    _stand_in: StandIn

    def __init__(
        self,
        work_pool_name: str,
        work_queues: list[str] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """`prefect worker start` names neither worker nor queue: the role does.

        By its name its orphaned runs are found, and a role takes no run that is another's.
        """
        self._own: IbThread | None = None
        if type(self).held is None:
            post = _post_or_exit()
            self._own = ib_thread_of(post)
            name, work_queues = name or post.name, work_queues or list(post.queues)
        super().__init__(work_pool_name, work_queues, name, **kwargs)
        self._parts = Parts()
        self._flows: dict[UUID, FlowThread] = {}
        self._watching: asyncio.Task[None] | None = None
        self._is_prepared = False

    @property
    def ib(self) -> IbThread:
        found = self._own or type(self).held
        if found is None:
            raise RuntimeError("the worker is not set up")
        return found

    async def setup(self) -> None:
        """Connect and recover first: a worker without its connection takes no run."""
        if self._own is not None:
            self._own.begin()
        try:
            self._stand_in = StandIn((await self.ib.opened()).duty.role)
            await super().setup()
            self._watching = asyncio.ensure_future(self._watch_runs())
        except HydraError as problem:
            await asyncio.to_thread(self._close)
            if self._own is None:
                raise
            sys.stderr.write(f"{problem}\n")
            raise SystemExit(problem.exit_code) from problem
        except BaseException:
            await asyncio.to_thread(self._close)
            raise

    async def _worker_metadata(self) -> None:
        """Nothing: to list the integrations it finds, Prefect would import them, Dask's among them."""

    async def teardown(self, *exc_info: Any) -> None:
        """End the flow runs where they stand, then close the desk: the lease is released last."""
        if self._watching is not None:
            self._watching.cancel()
        try:
            await super().teardown(*exc_info)
        finally:
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._own is not None:
            self._own.stop()

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """Runs of a predecessor are told first, so that none of them keeps a run of ours waiting."""
        if not self._is_prepared:
            await self._make_queues()
            await crash_orphans(self.client, self._work_pool_name, self.name, self._cancel_orphan)
            self._is_prepared = True
        self._work_queues = await self._stand_in.queues(self.client, self._work_pool_name, self._work_queues)
        return await super()._get_scheduled_flow_runs()

    async def _make_queues(self) -> None:
        """A question that names a queue which does not exist yet is answered with no run at all."""
        for queue in sorted(self._work_queues | self._stand_in.extra):
            try:
                await self.client.create_work_queue(name=queue, work_pool_name=self._work_pool_name)
            except ObjectAlreadyExists:
                continue

    async def run(
        self,
        flow_run: FlowRun,
        configuration: IbGatewayConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> IbGatewayResult:
        """One flow run in a thread of its own, until it ends."""
        if self.ib.ended.done() or self.ib.loop is None:
            raise RuntimeError("the IB connection of this worker has ended")
        await self._end_earlier(flow_run)
        flow = await load_flow_from_flow_run(flow_run, use_placeholder_flow=False)
        bench = Bench(self.ib.desk)
        thread = FlowThread(flow, flow_run, Engine(self.ib.loop, bench))
        self._flows[flow_run.id] = thread
        self.ib.runs = len(self._flows)
        eventlog.event("hydra.run.started", run=flow_run.name, flow_run_id=str(flow_run.id))
        thread.start()
        if concerns_all(flow_run, self.ib.desk.duty):
            self._parts.begin(self.client, flow_run, self.ib.desk.duty)
        if task_status is not None:
            task_status.started(_identifier(flow_run.id))
        try:
            await _ended(thread.ended)
        except asyncio.CancelledError:
            thread.cancel()
            with anyio.move_on_after(FLOW_END_WALL_S_MAX, shield=True):
                await _ended(thread.ended)
            raise
        finally:
            if self._flows.get(flow_run.id) is thread:
                del self._flows[flow_run.id]
            self.ib.runs = len(self._flows)
            self.ib.loop.call_soon_threadsafe(bench.close)
        return self._result(thread)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        if is_part(flow_run):
            return await take_part(self.client, flow_run)
        return await super()._propose_pending_state(flow_run)

    async def _end_earlier(self, flow_run: FlowRun) -> None:
        """The same run once more (retried while it was alive, or resumed): its earlier thread goes first."""
        earlier = self._flows.get(flow_run.id)
        if earlier is not None and flow_run.state is not None:
            await earlier.stop(flow_run.state, "the run was started again")
            await _ended(earlier.ended)

    def _result(self, thread: FlowThread) -> IbGatewayResult:
        """What Prefect may report: a run that was stopped has its state from whoever stopped it."""
        error = thread.ended.exception()
        is_stopped = thread.is_stopped or isinstance(error, Abort | Pause)  # Prefect may see it first
        state = "STOPPED" if is_stopped else "CRASHED"
        if error is None:
            state = thread.ended.result().type.value
        is_fine = error is None or is_stopped
        level: eventlog.Level = "info" if is_fine else "error"
        shown = None if is_fine else error
        eventlog.event("hydra.run.ended", level, run=thread.flow_run.name, state=state, error=shown)
        code = 0 if is_fine else 1
        return IbGatewayResult(identifier=_identifier(thread.flow_run.id), status_code=code)

    # --- what people do to runs under way ---

    async def _watch_runs(self) -> None:
        """Ask for our runs' states as long as there are any; without a server nobody can have changed one."""
        while True:
            await asyncio.sleep(WATCH_WALL_S)
            if self._own is not None and self._own.ended.done():
                sys.stderr.write(f"{self._own.ended.exception()}\n")
                signal.raise_signal(signal.SIGTERM)  # Prefect's command line knows how to end its worker
                return
            try:
                await self._look_at_runs()
            except httpx.HTTPError as problem:
                eventlog.event("hydra.runs.unread", "warning", problem=str(problem) or type(problem).__name__)

    async def _look_at_runs(self) -> None:
        running = {key: one for key, one in self._flows.items() if not one.is_stopped}
        if not running:
            return
        found = await read_runs(self.client, list(running))
        for key, thread in running.items():
            wish, state = wish_of(found.get(key), is_busy=thread.engine.is_busy)
            if wish is not Wish.GO_ON and not thread.ended.done():
                eventlog.event("hydra.run.stopped", run=thread.flow_run.name, wish=wish.name, why=wish.value)
                asyncio.ensure_future(self._obey(thread, wish, state))  # noqa: RUF006 - it ends by itself
                thread.is_stopped = True

    async def _obey(self, thread: FlowThread, wish: Wish, state: Any) -> None:
        """No new child from here on; a cancelled run's children are taken back before it is told so."""
        stopping = asyncio.ensure_future(thread.stop(state, wish.value))
        following = asyncio.ensure_future(self._parts.follow(self.client, thread.flow_run.id, state))
        if wish is Wish.CANCEL:
            asked, unproven = await self._take_back(thread, wish)
            told = cancelled_state(asked, unproven)
            await self.client.set_flow_run_state(thread.flow_run.id, told, force=True)
            eventlog.event(
                "hydra.run.cancelled", run=thread.flow_run.name, cancelled=asked, unproven=unproven
            )
        await asyncio.gather(stopping, following)

    async def _take_back(self, thread: FlowThread, wish: Wish) -> tuple[list[str], list[str]]:
        if self.ib.loop is None:
            return [], []
        step = take_back(thread.engine.bench, wish.value, CANCEL_PROOF_WALL_S)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(step, self.ib.loop))

    async def _cancel_orphan(self, flow_run: FlowRun) -> State[Any]:
        """A run that was being cancelled when its worker died: its children are taken back now."""
        desk, loop = self.ib.desk, self.ib.loop
        if loop is None or isinstance(desk, Reader):
            return cancelled_state([], [])
        session_on = str(flow_run.parameters.get("session_on") or "")
        step = take_back_session(desk, session_on, Wish.CANCEL.value, CANCEL_PROOF_WALL_S)
        return cancelled_state(*await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(step, loop)))

    async def kill_infrastructure(
        self, infrastructure_pid: str, configuration: IbGatewayConfiguration, grace_seconds: int = 30
    ) -> None:
        """Prefect asks this for a run cancelled before it began; one that is under way is watched anyway."""
        for key, thread in list(self._flows.items()):
            if _identifier(key) == infrastructure_pid:
                thread.cancel()
                return
        raise InfrastructureNotFound(f"{infrastructure_pid} does not run here")


def _post_or_exit() -> Post:
    try:
        post: Post = resolve_name(ROOT)()
    except HydraError as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(problem.exit_code) from problem
    return post


def _identifier(flow_run_id: UUID) -> str:
    return f"thread:{flow_run_id}"


async def _ended(future: Future[Any]) -> None:
    """Wait for the future without taking its exception, and without cancelling it when we are cancelled."""
    wrapped = asyncio.wrap_future(future)
    wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({wrapped})
