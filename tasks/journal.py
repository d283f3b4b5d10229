"""What happened, for people: tables and the session's plot as artifacts with stable keys."""

from typing import Any

import anyio.to_thread
from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from hydra.reports.costs import COSTS
from hydra.reports.plot_process import session_plot_markdown
from hydra.reports.session_page import session_markdown
from hydra.worker import chores, steps
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="journal-fills", task_run_name="journal", **ONCE)
async def journal_fills() -> dict[str, Any]:
    """Book what is still unread; show orders, fills and predicted against actual slippage."""
    rows = await engine().call(steps.journal)
    await acreate_table_artifact(key="session-orders", table=rows["orders"], description="Orders")
    await acreate_table_artifact(key="session-fills", table=rows["fills"], description="Fills and slippage")
    await acreate_table_artifact(key="session-slippage", table=rows["slippage"], description="Slippage, bps")
    await acreate_table_artifact(key="session-costs", table=rows["costs"], description=COSTS)
    get_run_logger().info("journalled %d fill(s) of %d order(s)", len(rows["fills"]), len(rows["orders"]))
    return rows


@task(name="report-session", task_run_name="report", **ONCE)
async def report_session(rows: dict[str, Any], problem: str) -> None:
    """The session on one page, with price, our orders and our fills drawn; counted for the paper gate."""
    await engine().call(chores.count_evidence)
    picture = await engine().call(steps.picture)
    plot = await anyio.to_thread.run_sync(session_plot_markdown, picture)
    await acreate_markdown_artifact(key="session-plot", markdown=plot, description=picture["title"])
    page = session_markdown(picture["title"], rows, problem)
    await acreate_markdown_artifact(key="session-report", markdown=page, description=picture["title"])
    get_run_logger().info("reported %s", picture["title"])
