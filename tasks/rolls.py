"""Rolling positions. No task here is ever retried: after a failure the flow is run again."""

from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_table_artifact

from hydra.worker import chores
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="find-rolls", task_run_name="find what is due", **ONCE)
async def find_rolls() -> dict[str, Any]:
    """Compare both books, then name the positions whose expiry is no longer the traded one."""
    found = await engine().call(chores.rolls_due)
    for symbol, why in found["symbols"].items():
        get_run_logger().info("%s is to be rolled: %s", symbol, why)
    return found


@task(name="roll-symbol", task_run_name="roll {symbol}", **ONCE)
async def roll_symbol(symbol: str, by: str) -> dict[str, Any]:
    """Close the old expiry, open the same lots in the traded one."""
    row = await engine().call(chores.roll, symbol, by)
    get_run_logger().info("%(symbol)s: %(closed)d closed, %(opened)d opened %(problem)s", row)
    return row


@task(name="report-rolls", task_run_name="report", **ONCE)
async def report_rolls(rows: list[dict[str, Any]]) -> None:
    """What was rolled, as a table."""
    await acreate_table_artifact(key="contract-roll", table=rows, description="Rolled positions")
    get_run_logger().info("%d symbol(s) rolled", len(rows))
