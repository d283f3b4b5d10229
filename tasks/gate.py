"""The paper gate's verdict, on record."""

from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from hydra.worker import chores
from hydra.worker.engine import engine
from tasks.options import ONCE


@task(name="judge-paper-gate", task_run_name="judge", **ONCE)
async def judge_paper_gate(by: str) -> dict[str, Any]:
    """Judge the counted sessions and write the verdict into the ledger."""
    told = await engine().call(chores.paper_verdict, by)
    evidence, reasons = told["evidence"], told["reasons"]
    await acreate_table_artifact(key="paper-sessions", table=evidence, description="Evidence by session")
    text = "passed" if told["passed"] else "\n".join(["not passed:", *(f"- {one}" for one in reasons)])
    await acreate_markdown_artifact(key="paper-gate", markdown=text, description=f"Account {told['account']}")
    get_run_logger().info("%s: %s", told["account"], "; ".join(reasons) or "passed")
    return told
