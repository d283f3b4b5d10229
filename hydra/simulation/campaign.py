"""Many worlds over several processes, each replaced after some worlds so that memory stays flat.

A worker is forked with everything imported and ends by `os._exit`: nothing that a killed process of some
world left behind is ever run.
"""

import gc
import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from hydra.domain.errors import Unavailable
from hydra.simulation.run import RunOptions, WorldResult, run_world

WORLDS_PER_PROCESS: Final = 40


@dataclass(slots=True)
class _Worker:
    process: Any
    results: Connection
    left: int


def run_campaign(seeds: Sequence[int], options: RunOptions, jobs: int) -> Iterator[WorldResult]:
    """Every seed's result as it comes; Unavailable HY-806 when a worker dies."""
    chunks = deque(seeds[at : at + WORLDS_PER_PROCESS] for at in range(0, len(seeds), WORLDS_PER_PROCESS))
    workers: dict[Connection, _Worker] = {}
    try:
        while chunks or workers:
            while chunks and len(workers) < jobs:
                worker = _begin(chunks.popleft(), options)
                workers[worker.results] = worker
            for ready in wait(list(workers)):
                assert isinstance(ready, Connection)
                result = _take(workers, ready)
                if result is not None:
                    yield result
    finally:
        for worker in workers.values():
            worker.process.kill()
            worker.process.join()


def _take(workers: dict[Connection, _Worker], ready: Connection) -> WorldResult | None:
    worker = workers[ready]
    try:
        result: WorldResult = ready.recv()
    except EOFError:
        del workers[ready]
        worker.process.join()
        if worker.left:
            problem = f"exit code {worker.process.exitcode}, {worker.left} worlds left"
            raise Unavailable("HY-806", problem=problem) from None
        return None
    worker.left -= 1
    return result


def _begin(seeds: Sequence[int], options: RunOptions) -> _Worker:
    context = get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(seeds, options, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, mine, len(seeds))


def _work(seeds: Sequence[int], options: RunOptions, results: Connection) -> None:
    quieten()
    for seed in seeds:
        results.send(run_world(seed, options))
    results.close()
    os._exit(0)


def quieten() -> None:
    """What a simulated process would log is in its timeline; what it leaves behind is never collected."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
