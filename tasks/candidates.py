"""A cycle's candidates, as many at once as there are cores here, or workers where a Dask cluster is named."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefect import get_run_logger, task
from prefect.futures import PrefectFuture

from hydra.cluster import (
    CONNECT_WALL_S_MAX,
    ClusterWalks,
    Errand,
    cluster_faults,
    require_workers,
    walked_there,
)
from hydra.research.experiment import Experiment, Spec
from hydra.usecases.improve.workshop import Tried
from tasks.options import ONCE
from tasks.workbench import workbench


@task(name="experiment", task_run_name="experiment {number} of {count}: {operator}", **ONCE)
def try_candidate(spec: Spec, number: int, count: int, operator: str) -> Tried:
    """One candidate's walk-forward in the sandbox; nothing it says is believed, nothing is written here."""
    bench = workbench()
    (run,) = bench.shop.sandbox.walk([spec], bench.cycle.panel.inputs)
    get_run_logger().info("candidate %d of %d (%s) ended %s %s", number, count, operator, run.end, run.detail)
    return run


@task(name="experiment", task_run_name="experiment {number} of {count}: {operator}", **ONCE)
def try_candidate_there(spec: Spec, number: int, count: int, operator: str, errand: Errand) -> Tried:
    """The same on a worker of the cluster, in a sandbox there."""
    run = walked_there(spec, errand)
    get_run_logger().info("candidate %d of %d (%s) ended %s %s", number, count, operator, run.end, run.detail)
    return run


@contextmanager
def candidates(drafts: Sequence[Experiment]) -> Iterator[Sequence[PrefectFuture[Tried]]]:
    """All of them on their way; what they give may be asked for inside the block."""
    asked: list[dict[str, Any]] = [
        {"spec": draft.spec, "number": number, "count": len(drafts), "operator": draft.operator}
        for number, draft in enumerate(drafts, start=1)
    ]
    walks = workbench().shop.sandbox
    if not isinstance(walks, ClusterWalks) or not asked:
        yield [try_candidate.submit(**one) for one in asked]
        return
    from prefect_dask.task_runners import DaskTaskRunner

    errand = walks.errand(workbench().cycle.panel.inputs)
    limits = {"timeout": CONNECT_WALL_S_MAX}
    with (
        cluster_faults(walks.address),
        DaskTaskRunner(address=walks.address, client_kwargs=limits) as runner,
    ):
        require_workers(walks.address, runner.client)
        yield [runner.submit(try_candidate_there, {**one, "errand": errand}) for one in asked]
