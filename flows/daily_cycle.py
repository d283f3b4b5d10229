"""The daily cycle: the model looks at itself, tries what may heal it, and plans the next session."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.options import FLOW
from hydra.reports.cycle import evidence_rows
from hydra.reports.orders import markdown_table
from hydra.research.experiment import Experiment
from hydra.sandbox.walks import CORES
from hydra.usecases.improve.decide import Proposal
from tasks.candidates import candidates
from tasks.research import (
    apply_decision,
    begin_cycle,
    diagnose,
    journal_experiment,
    mutate,
    observe,
    plan_with_the_old_book,
    report_cycle,
    update_book,
)
from tasks.workbench import open_workbench

ANSWER_WALL_S_MAX = 7 * 86_400


class ChampionApproval(RunInput):
    """A change of champion waits for a person: approve it or not, and say who you are."""

    approve: bool = Field(default=False, description="Make the change; otherwise the book stays as it is.")
    by: str = Field(min_length=1, max_length=60, description="Your name; it stands in the ledger.")


@flow(
    name="daily-cycle",
    flow_run_name="cycle {session_on}",
    task_runner=ThreadPoolTaskRunner(max_workers=CORES),  # type: ignore[arg-type]  # its own typing is narrower
    **FLOW,
)
def daily_cycle(session_on: date | None = None) -> State[Any]:
    """Observe, diagnose, mutate, experiment, decide. Run it again at any moment: it finds what is on record.

    Args:
        session_on: The session that trades what is decided, e.g. 2026-11-23; empty = after the newest bar.
    """
    with open_workbench():
        on = begin_cycle(session_on)
        observe()
        diagnose()
        _experiments(mutate())
        proposal = update_book()
        approver = _asked(on, proposal) if proposal is not None and proposal.needs_person else ""
        apply_decision(approver)
        return Completed(message=report_cycle(False))


def _experiments(drafts: Sequence[Experiment]) -> None:
    """As many candidates at once as there are cores or workers; each is put on record in its turn."""
    with candidates(drafts) as tried:
        for number, (draft, ended) in enumerate(zip(drafts, tried, strict=True), start=1):
            journal_experiment(draft, ended(), number)


def _asked(on: date, proposal: Proposal) -> str:
    """The name of the person who approved the change, empty if none did; until then the old book trades."""
    plan_with_the_old_book()
    report_cycle(True)
    if deployment.id is None:
        return ""  # only a deployed run can wait; `hydra run --approve NAME` makes the change
    answer = suspend_flow_run(
        wait_for_input=ChampionApproval.with_initial_data(description=_evidence(on, proposal)),
        timeout=ANSWER_WALL_S_MAX,
        key=f"champion-{on}-{proposal.leader}".replace("@", "-"),
    )
    return answer.by if answer.approve else ""


def _evidence(on: date, proposal: Proposal) -> str:
    table = markdown_table(evidence_rows(proposal.evidence))
    change = f"**{proposal.leader}** is to replace **{proposal.predecessor}** from {on}."
    return (
        f"{change}\n\n{table}\n\nUntil you answer the book trades as it is, and after a week it stays so.\n"
    )
