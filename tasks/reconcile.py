"""Both books side by side."""

from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact

from hydra.reports.books import reconciliation_markdown, reconciliation_problem
from hydra.worker import steps
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="reconcile-books", task_run_name="reconcile {moment}", **ONCE)
async def reconcile_books(moment: str) -> str:
    """Read the broker's books whole, book what is missing in ours; returns what differs, empty if nothing."""
    statement: dict[str, Any] = await engine().call(steps.reconcile)
    problem = reconciliation_problem(statement)
    get_run_logger().info("reconciled %s: %s", moment, problem or "both books agree")
    await acreate_markdown_artifact(
        key="reconciliation", markdown=reconciliation_markdown(statement), description=f"Books {moment}"
    )
    return problem
