"""The steps of the daily cycle, one sentence each; a rerun finds what is on record."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from hydra.reports import cycle as report
from hydra.reports.plot_process import CYCLE_PLOT, session_plot_markdown
from hydra.research.experiment import Experiment
from hydra.research.mutate import Mutation
from hydra.usecases.improve import cycle as steps
from hydra.usecases.improve.decide import Proposal, apply, heal, plan_meanwhile, proposal_of, settle
from hydra.usecases.improve.experiments import drafted, journalled, mutations_of
from hydra.usecases.improve.workshop import Tried
from tasks.options import ONCE
from tasks.workbench import workbench


@task(name="begin-cycle", task_run_name="begin", **ONCE)
def begin_cycle(session_on: date | None) -> date:
    """Bars, the book of the last session, every arm in the shadow; the session this is for."""
    bench = workbench()
    on = session_on or steps.next_session(bench.shop)
    bench.begun = steps.begin(bench.shop, on)
    get_run_logger().info(
        "cycle for %s: %d days, champion %s", on, len(bench.cycle.panel.days), bench.cycle.book.champion
    )
    return on


@task(name="observe", task_run_name="observe", **ONCE)
def observe() -> None:
    """Everything that can be seen of the champion: drift, calibration, slippage, power."""
    seen = steps.observe_all(workbench().shop, workbench().cycle)
    create_table_artifact(key="drift", table=report.drift_rows(seen), description="Feature drift")
    create_table_artifact(key="observation", table=report.observation_rows(seen), description="What is seen")
    get_run_logger().info("observed %d instrument(s)", len(seen))


@task(name="diagnose", task_run_name="diagnose", **ONCE)
def diagnose() -> str:
    """The first proven cause of each instrument."""
    found = steps.diagnose_cycle(workbench().cycle)
    create_table_artifact(key="diagnosis", table=report.diagnosis_rows(found), description="Diagnosis")
    for one in found:
        get_run_logger().info("%s", one)
    return "; ".join(map(str, found))


@task(name="mutate", task_run_name="mutate", **ONCE)
def mutate() -> Sequence[Experiment]:
    """What the playbook answers to each cause, within the budget: the experiments still to be run."""
    bench = workbench()
    mutations: Sequence[Mutation] = mutations_of(bench.shop, bench.cycle)
    drafts = drafted(bench.shop, bench.cycle, mutations)
    get_run_logger().info("%d mutation(s), %d still to be tried", len(mutations), len(drafts))
    return drafts


@task(name="journal-experiment", task_run_name="journal experiment {number}", **ONCE)
def journal_experiment(draft: Experiment, run: Tried, number: int) -> None:
    """Measured outside of the sandbox, on record whatever came of it."""
    done = journalled(workbench().shop, workbench().cycle, draft, run)
    why = "; ".join(done.refusals) or (f"passed {done.detail}" if done.has_passed else done.detail)
    get_run_logger().info("%d: %s %s of %s: %s", number, done.experiment_id, done.operator, done.cause, why)


@task(name="update-book", task_run_name="update the book", **ONCE)
def update_book() -> Proposal | None:
    """What the rule makes of the sessions since the last book; a change of champion it wants, if any."""
    bench = workbench()
    heal(bench.shop, bench.cycle)
    bench.proposal = proposal_of(bench.shop, bench.cycle)
    wants = bench.proposal.leader if bench.proposal else bench.cycle.book.champion
    get_run_logger().info("the rule %s wants %s to lead", bench.shop.plan.rule, wants)
    return bench.proposal


@task(name="plan-meanwhile", task_run_name="plan with the book as it is", **ONCE)
def plan_with_the_old_book() -> None:
    """While a person is asked, trading goes on with the book as it was."""
    plan_meanwhile(workbench().shop, workbench().cycle)


@task(name="apply", task_run_name="apply", **ONCE)
def apply_decision(approver: str) -> None:
    """Record the session's book once; pointer and plan follow in one transaction of the ledger."""
    bench = workbench()
    settle(bench.shop, bench.cycle, bench.proposal, approver)
    apply(bench.shop, bench.cycle)
    get_run_logger().info("%s", report.verdict(bench.cycle, None))


@task(name="report-cycle", task_run_name="report", **ONCE)
def report_cycle(waits: bool) -> str:
    """Weights over time, leaderboard, plot and the verdict with its evidence, for people."""
    bench, waiting = workbench(), workbench().proposal if waits else None
    history = report.weights_history(bench.shop.journal.books())
    rows: list[dict[str, Any]] = [{"session": on, **weights} for on, weights in history[-60:]]
    board = report.leaderboard_rows(bench.cycle.arena, report.book_now(bench.cycle))
    plot = session_plot_markdown(report.plot_data(bench.cycle, history), CYCLE_PLOT)
    create_table_artifact(key="book-weights", table=rows, description="Weights over time")
    if bench.cycle.decision is not None:
        why = report.reason_rows(bench.cycle.decision.reasons)
        create_table_artifact(key="reasons", table=why, description="Why the models say so today")
    create_table_artifact(key="leaderboard", table=board, description="Two years in the shadow, net")
    create_markdown_artifact(key="cycle-plot", markdown=plot, description="Equity and weights")
    page = report.cycle_markdown(bench.cycle, waiting)
    create_markdown_artifact(key="cycle-report", markdown=page, description=f"Cycle for {bench.cycle.on}")
    return report.verdict(bench.cycle, waiting)
