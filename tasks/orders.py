"""Working parents. No task here is ever retried: after a failure the session is run again."""

from datetime import datetime
from typing import Any

from prefect import get_run_logger, task

from hydra.worker import steps
from hydra.worker.engine import engine
from hydra.worker.steps import SliceTask
from tasks.options import ONCE


@task(name="plan-slices", task_run_name="plan", **ONCE)
async def plan_slices() -> list[list[SliceTask]]:
    """The slices still to be worked, parent by parent, at the absolute times of the plan on record."""
    planned = await engine().call(steps.plan)
    for slices in planned:
        get_run_logger().info("%s: %d slice(s) to work", slices[0].parent_id, len(slices))
    return planned


@task(name="work-slice", task_run_name="{symbol} slice {no} of {count}", **ONCE)
async def work_slice(parent_id: str, symbol: str, no: int, count: int, until: datetime) -> dict[str, Any]:
    """Work one parent until the end of one slice."""
    told = await engine().call(steps.work_slice, parent_id, until)
    get_run_logger().info("%(parent)s: %(filled)d of %(ordered)d filled", told)
    return told


@task(name="await-fills", task_run_name="await fills of {symbol}", **ONCE)
async def await_fills(parent_id: str, symbol: str) -> dict[str, Any]:
    """Until the parent is closed: filled, with a remainder and its reason, or in doubt."""
    told = await engine().call(steps.work_to_the_end, parent_id)
    get_run_logger().info("%(parent)s: %(status)s, %(filled)d of %(ordered)d %(reason)s", told)
    return told
