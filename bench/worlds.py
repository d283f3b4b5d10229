"""How many faulted worlds two cores judge in a second, what one costs, and where its time goes.

    python bench/worlds.py [--seeds 0:1000] [--jobs 2] [--faults all] [--where 200]

The rate of two cores is 2 / (CPU seconds of a world): it does not depend on what else the machine does, as
the wall rate beside it does. Memory is what a worker holds after its first world and before it is replaced,
for the first worker and for the last, and what the process that collects the results holds. The yardstick is
a fixed loop of plain Python, timed before and after: on a busy machine it, too, takes longer than alone.
`--where N` runs the first N worlds once more, in this process, and samples its stack every 2 ms of CPU time.
"""

import argparse
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from hydra.simulation.campaign import quieten, run_jobs
from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.faults import parse_faults
from hydra.simulation.run import RunOptions, prepared_folder, run_world

GOAL, FLOOR = 25.0, 8.0
SAMPLE_S = 0.002
# The innermost frame of one of these says where the time goes; a library's frames count for who called it.
PLACES = {
    "hydra/simulation/disk.py": "SQLite, called by the ledger",
    "hydra/persistence/": "the ledger around it",
    "sqlalchemy/": "SQLAlchemy: opening and closing a ledger",
    "hydra/simgateway/market.py": "the gateway's market",
    "hydra/simgateway/agents.py": "the gateway's market",
    "hydra/simgateway/book.py": "the gateway's market",
    "hydra/simgateway/path.py": "the gateway's market",
    "hydra/simgateway/dayprice.py": "the gateway's market",
    "hydra/simgateway/exchange.py": "the gateway's market",
    "hydra/simgateway/history.py": "the gateway's market",
    "hydra/simgateway/": "the gateway: sessions, orders, account",
    "ib_async/": "ib_async and eventkit",
    "eventkit/": "ib_async and eventkit",
    "hydra/broker/": "the broker adapter",
    "hydra/usecases/": "use cases and the pure core",
    "hydra/execution/": "use cases and the pure core",
    "hydra/risk/": "use cases and the pure core",
    "hydra/domain/": "use cases and the pure core",
    "hydra/simulation/oracle.py": "the oracle",
    "hydra/simulation/facts.py": "the oracle",
    "hydra/simulation/verdict.py": "the oracle",
    "hydra/simulation/": "the world: loop, wire, processes",
    "asyncio/": "asyncio",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one world took, and who ran it."""

    seed: int
    pid: int
    cpu_s: float
    resident_mib: float
    violations: int
    faults: int


def cost_of(seed: int, options: RunOptions) -> Cost:
    before = time.process_time()
    result = run_world(seed, options)
    cpu_s = time.process_time() - before
    return Cost(seed, os.getpid(), cpu_s, resident_mib(), len(result.violations), len(result.hits))


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def yardstick_ns() -> float:
    """CPU nanoseconds for one turn of a fixed loop, the best of five."""
    best_s = float("inf")
    for _ in range(5):
        before_s, total = time.process_time(), 0
        for number in range(400_000):
            total += number * number % 7
        best_s = min(best_s, time.process_time() - before_s)
    return best_s / 400_000 * 1e9


def measure(seeds: range, options: RunOptions, jobs: int) -> None:
    turn_before, mine_before, begun_s = yardstick_ns(), resident_mib(), time.perf_counter()
    costs = list(run_jobs(partial(cost_of, options=options), seeds, jobs))
    wall_s, mine_after = time.perf_counter() - begun_s, resident_mib()
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole_s = (workers.ru_utime + workers.ru_stime) / len(costs)  # with the workers' own start and end
    per_worker: dict[int, list[Cost]] = defaultdict(list)
    for one in costs:
        per_worker[one.pid].append(one)
    first, *_, last = per_worker.values() if len(per_worker) > 1 else [*per_worker.values()] * 2
    in_order = sorted(one.cpu_s for one in costs)
    rate = 2 / whole_s
    verdict = (
        "the goal" if rate >= GOAL else "the floor, not the goal" if rate >= FLOOR else "below the floor"
    )
    print(
        f"{len(costs)} worlds, {sum(one.faults for one in costs)} faults, "
        f"{sum(one.violations for one in costs)} laws broken"
        + "".join(f", seed {one.seed}" for one in costs if one.violations)
    )
    print(
        f"{rate:.1f} worlds a second of two cores ({verdict}: goal {GOAL:.0f}, floor {FLOOR:.0f}); "
        f"{len(costs) / wall_s:.1f} by the wall, {jobs} jobs"
    )
    print(
        f"CPU a world: mean {whole_s * 1e3:.1f} ms, median {in_order[len(in_order) // 2] * 1e3:.1f}, "
        f"p99 {in_order[len(in_order) * 99 // 100] * 1e3:.1f}, most {in_order[-1] * 1e3:.1f}"
    )
    print(
        f"yardstick: {turn_before:.0f} ns a turn before, {yardstick_ns():.0f} after; "
        f"a world takes {whole_s * 1e9 / turn_before / 1e6:.2f} million turns"
    )
    for name, worker in (("first", first), ("last", last)):
        print(
            f"memory of the {name} worker: {worker[0].resident_mib:.0f} MiB after one world, "
            f"{worker[-1].resident_mib:.0f} after {len(worker)}"
        )
    print(
        f"memory of the collecting process: {mine_before:.0f} MiB at the start, {mine_after:.0f} at the end"
    )


def where(seeds: range, options: RunOptions) -> None:
    """Print the share of each place, by samples of the running stack."""
    found: Counter[str] = Counter()

    def sample(_: int, frame: FrameType | None) -> None:
        found[place_of(frame)] += 1

    quieten()
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    for seed in seeds:
        run_world(seed, options)
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"\n| where ({sum(found.values())} samples, {len(seeds)} worlds) | share |\n|---|---|")
    for name, count in found.most_common():
        print(f"| {name} | {count / sum(found.values()):.1%} |")


def place_of(frame: FrameType | None) -> str:
    while frame is not None:
        file = frame.f_code.co_filename
        for part, name in PLACES.items():
            if part in file:
                return name
        frame = frame.f_back
    return "everything else"


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seeds", default="0:1000")
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--faults", default="all", help="all, none, or kinds separated by commas")
    asked.add_argument(
        "--where", type=int, default=0, metavar="N", help="sample the stack of the first N worlds"
    )
    given = asked.parse_args()
    low, _, high = given.seeds.partition(":")
    seeds = range(int(low), int(high))
    with prepared_folder() as folder:
        options = RunOptions(folder, parse_faults(given.faults) if given.faults != "all" else tuple(FAULTS))
        measure(seeds, options, given.jobs)
        if given.where:
            where(seeds[: given.where], options)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
