"""A cycle's candidates, as many at once as there are cores here, or workers where a Dask cluster is named."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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


@task(name="experiment-there", task_run_name="experiment {number} of {count}: {operator}", **ONCE)
def try_candidate_there(spec: Spec, number: int, count: int, operator: str, errand: Errand) -> Tried:
    """The same on a worker of the cluster, in a sandbox there."""
    run = walked_there(spec, errand)
    get_run_logger().info("candidate %d of %d (%s) ended %s %s", number, count, operator, run.end, run.detail)
    return run


@contextmanager
def candidates(drafts: Sequence[Experiment]) -> Iterator[Sequence[Callable[[], Tried]]]:
    """All of them on their way; inside the block each gives how it ended, and waits for it."""
    asked: list[dict[str, Any]] = [
        {"spec": draft.spec, "number": number, "count": len(drafts), "operator": draft.operator}
        for number, draft in enumerate(drafts, start=1)
    ]
    walks = workbench().shop.sandbox
    if not isinstance(walks, ClusterWalks) or not asked:
        yield [try_candidate.submit(**one).result for one in asked]
        return
    from prefect_dask.task_runners import DaskTaskRunner

    address, errand = walks.address, walks.errand(workbench().cycle.panel.inputs)
    with DaskTaskRunner(address=address, client_kwargs={"timeout": CONNECT_WALL_S_MAX}) as runner:
        with cluster_faults(address):
            require_workers(address, runner.client)
            tried = [runner.submit(try_candidate_there, {**one, "errand": errand}) for one in asked]
        yield [partial(_from_there, address, one) for one in tried]


def _from_there(address: str, tried: PrefectFuture[Tried]) -> Tried:
    """HY-871 where the cluster lost it or could not run it; how the candidate ended is an outcome."""
    with cluster_faults(address):
        return tried.result()
