"""Many worlds over several processes, each replaced after some worlds so that memory stays flat.

A worker is forked with everything imported and ends by `os._exit`: nothing that a killed process of some
world left behind is ever run.
"""

import gc
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, TypeVar

from hydra.domain.errors import Unavailable
from hydra.simulation.run import RunOptions, WorldResult, run_world

WORLDS_PER_PROCESS: Final = 40
Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Worker:
    process: Any
    results: Connection
    left: int


def run_campaign(seeds: Sequence[int], options: RunOptions, jobs: int) -> Generator[WorldResult, None, None]:
    """Every seed's result as it comes; Unavailable HY-806 when a worker dies."""
    return run_jobs(partial(run_world, options=options), seeds, jobs)


def run_jobs(run: Callable[[Work], Result], work: Sequence[Work], jobs: int) -> Generator[Result, None, None]:
    """What `run` returns for every piece of work, as it comes; Unavailable HY-806 when a worker dies."""
    chunks = deque(work[at : at + WORLDS_PER_PROCESS] for at in range(0, len(work), WORLDS_PER_PROCESS))
    workers: dict[Connection, _Worker] = {}
    try:
        while chunks or workers:
            while chunks and len(workers) < jobs:
                worker = _begin(run, chunks.popleft())
                workers[worker.results] = worker
            for ready in wait(list(workers)):
                assert isinstance(ready, Connection)
                yield from _take(workers, ready)
    finally:
        for worker in workers.values():
            worker.process.kill()
            worker.process.join()


def _take(workers: dict[Connection, _Worker], ready: Connection) -> Iterator[Any]:
    worker = workers[ready]
    try:
        result = ready.recv()
    except EOFError:
        del workers[ready]
        worker.process.join()
        if worker.left:
            problem = f"exit code {worker.process.exitcode}, {worker.left} worlds left"
            raise Unavailable("HY-806", problem=problem) from None
        return
    worker.left -= 1
    yield result


def _begin(run: Callable[[Any], object], work: Sequence[object]) -> _Worker:
    context = get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(run, work, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, mine, len(work))


def _work(run: Callable[[Any], object], work: Sequence[object], results: Connection) -> None:
    quieten()
    for one in work:
        results.send(run(one))
    results.close()
    os._exit(0)


def quieten() -> None:
    """What a simulated process would log is in its timeline; what it leaves behind is never collected."""
    logging.disable(logging.CRITICAL)
    # no collection before: it would touch, and so copy, every page of the process this one was forked from
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
