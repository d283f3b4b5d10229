"""The emergency stop, step by step; no step waits for Prefect's server."""

from typing import Any

import httpx
from prefect import get_client, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.runtime import flow_run

from hydra.worker import chores
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="latch-halt", task_run_name="latch the halt", **ONCE)
async def latch_halt(by: str, reason: str) -> str:
    """HALTED for everything, in the ledger; returns what failed of it, empty if nothing."""
    problem = await engine().call(chores.stop_everything, by, reason)
    get_run_logger().warning("halted by %s: %s %s", by, reason, problem)
    return problem


@task(name="pause-pool", task_run_name="pause the pool", **ONCE)
async def pause_pool() -> str:
    """No further run is taken by any worker of this pool until a person resumes it."""
    async with get_client() as client:
        run = await client.read_flow_run(flow_run.id)
        if not run.work_pool_name:
            return "this run came from no work pool"
        try:
            await client.update_work_pool(run.work_pool_name, WorkPoolUpdate(is_paused=True))
        except httpx.HTTPError as problem:
            return f"work pool {run.work_pool_name} is not paused: {problem}"
    get_run_logger().warning("work pool %s is paused", run.work_pool_name)
    return ""


@task(name="cancel-all", task_run_name="cancel all", **ONCE)
async def cancel_all(reason: str) -> dict[str, list[str]]:
    """Every working child cancelled and, as far as the books tell already, proven gone."""
    done = await engine().call(chores.cancel_everything, reason)
    get_run_logger().warning("cancelled: %(cancelled)s; not proven gone: %(unproven)s", done)
    return done


@task(name="flatten-all", task_run_name="flatten", **ONCE)
async def flatten_all(by: str, reason: str) -> list[str]:
    """Every position to zero in REDUCING, with collared limits; returns what is left."""
    left = await engine().call(chores.flatten_everything, by, reason)
    get_run_logger().warning("left: %s", "; ".join(left) or "nothing")
    return left


@task(name="report-stop", task_run_name="report", **ONCE)
async def report_stop(done: dict[str, Any], problems: list[str]) -> None:
    """What was done, and how trading goes on afterwards."""
    lines = [f"- cancelled: {', '.join(done['cancelled']) or 'nothing was working'}"]
    lines += [f"- **{one}**" for one in problems]
    lines += [
        "",
        "While the pool is paused no second stop is taken from here: that is `hydra kill --all`.",
        "",
        'On again: `hydra trading set ACTIVE --scope ALL --by NAME --reason "…"`, then resume the pool.',
    ]
    text = "\n".join(["# Emergency stop", *lines])
    await acreate_markdown_artifact(key="emergency-stop", markdown=text, description="Emergency stop")
    get_run_logger().info("reported")
