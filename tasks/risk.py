"""The account, the sizes and the gate."""

from typing import Any

from prefect import get_run_logger, task

from hydra.worker import steps
from hydra.worker.engine import engine
from tasks.options import ONCE, READING


@task(name="snapshot-account", task_run_name="snapshot account", **READING)
async def snapshot_account() -> dict[str, Any]:
    """Equity for the limits, marked in the ledger."""
    account = await engine().call(steps.account)
    get_run_logger().info("account %(account)s: equity %(equity_usd)s USD", account)
    return account


@task(name="size-positions", task_run_name="size", **ONCE)
async def size_positions() -> list[dict[str, Any]]:
    """Target positions by the plan on record; sized once in a session and never again."""
    sized = await engine().call(steps.size)
    for row in sized:
        get_run_logger().info("%(symbol)s: position %(position)s, target %(target)s", row)
    return sized


@task(name="check-risk", task_run_name="risk check", **ONCE)
async def check_risk() -> list[dict[str, Any]]:
    """Every intent before the gate; what it approves is opened. Returns the denied with every reason."""
    denied = await engine().call(steps.check_risk)
    for row in denied:
        get_run_logger().warning("%(symbol)s denied: %(reasons)s", row)
    return denied
