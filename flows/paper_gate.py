"""The paper gate: the evidence of the sessions on a paper account, judged and put on record."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.options import FLOW, Person
from tasks.gate import judge_paper_gate


@flow(name="paper-gate", flow_run_name="paper gate", **FLOW)
async def paper_gate(by: Person) -> State[Any]:
    """Judge the last twenty counted sessions; live trading needs the latest verdict to have passed.

    Args:
        by: Name of the person who asks for the verdict.
    """
    told = await judge_paper_gate(by)
    if told["passed"]:
        return Completed(message=f"passed over {told['sessions']} sessions on {told['account']}")
    return Failed(message="not passed: " + "; ".join(told["reasons"]))
