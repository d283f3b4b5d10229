"""Bars into the store. Reading only; two runs never ask at once."""

from collections.abc import Sequence
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_table_artifact
from prefect.concurrency.asyncio import concurrency

from hydra.worker import chores
from hydra.worker.engine import engine
from tasks.options import READING


@task(name="update-bars", task_run_name="update bars", **READING)
async def update_bars(symbols: Sequence[str], days: int) -> list[dict[str, Any]]:
    """The missing bars of the traded expiries; one row a series."""
    async with concurrency("hydra-history", strict=False):
        rows = await engine().call(chores.bars, symbols, days)
    await acreate_table_artifact(key="market-data", table=rows, description="Bars brought up to date")
    for row in rows:
        get_run_logger().info("%(series)s: %(added)s added; missing %(missing)s %(problem)s", row)
    return rows
