"""The execution worker at rest, at the start of a run and after a lost connection: real processes, one stack.

    python bench/worker.py [--runs 20] [--drops 10] [--idle-s 20]

Prefect server, simulated gateway and worker as `hydra demo --up` starts them. Goals: idle worker under
200 MiB and 2 % of a core; trigger (the request for a run is sent) to the start of its first task under 3 s
median and 5 s p95; loss of the connection to books read whole under 2 s.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hydra.demo.processes import ended_together
from hydra.demo.stack import Stack, Wish, default_prefect_file, start_stack
from hydra.simgateway.control import call

DEPLOYMENT = "reconciliation/reconciliation"
RECONCILED = "hydra.connection.reconciled"
WAIT_S = 60.0
MIB = 1 << 20
# A connection that did not hold this long counts as a failed attempt, and the next one waits 2, 4 or 8 s.
HELD_S = 9.0


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    with tempfile.TemporaryDirectory() as folder, ended_together() as parts:
        wish = Wish(seed=1, speed=1.0, bars=None, symbol=None, prefect_file=default_prefect_file())
        stack = start_stack(parts, Path(folder), wish, lambda text: print(text, file=sys.stderr))
        _wait_for(lambda: RECONCILED in stack.worker.log.read_text(), "the first books are read")
        time.sleep(5.0)
        goals = [_idle(stack, options.idle_s), _triggers(stack, options.runs), _drops(stack, options.drops)]
    return 0 if all(goals) else 1


def _idle(stack: Stack, seconds: float) -> bool:
    before = _cpu_s(stack.worker.pid)
    time.sleep(seconds)
    share = (_cpu_s(stack.worker.pid) - before) / seconds
    resident = _resident(stack.worker.pid) / MIB
    is_met = resident < 200 and share <= 0.02
    print(
        f"idle worker: {resident:.0f} MiB (goal < 200), {share:.2%} of a core (goal <= 2 %){_verdict(is_met)}"
    )
    return is_met


def _triggers(stack: Stack, runs: int) -> bool:
    """One run after the other, from the request to the start of its first task on the server's record."""
    took = []
    for _ in range(runs):
        asked_at = time.time()  # noqa: TID251 - compared with the server's own clock
        run_id = stack.api.start_run(DEPLOYMENT, {})
        _wait_for(lambda run_id=run_id: stack.api.run_state(run_id)[0] == "COMPLETED", "a run completes")
        asked = {"flow_runs": {"id": {"any_": [run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        tasks = stack.api.ask("POST", "/task_runs/filter", asked)
        first = min(datetime.fromisoformat(one["start_time"]) for one in tasks if one["start_time"])
        took.append(first.timestamp() - asked_at)
    median, p95 = statistics.median(took), sorted(took)[max(round(0.95 * len(took)) - 1, 0)]
    is_met = median < 3 and p95 < 5
    print(
        f"trigger to first task: median {median:.2f} s (goal < 3), p95 {p95:.2f} s (goal < 5), "
        f"{runs} runs{_verdict(is_met)}"
    )
    return is_met


def _drops(stack: Stack, drops: int) -> bool:
    """From the gateway's FIN to books read whole on the next connection."""
    took = []
    for _ in range(drops):
        seen = stack.worker.log.read_text().count(RECONCILED)
        dropped_s = time.monotonic()
        call(stack.gateway_dir, "fault", {"name": "drop"})
        _wait_for(
            lambda seen=seen: stack.worker.log.read_text().count(RECONCILED) > seen,
            "the books are read again",
        )
        took.append(time.monotonic() - dropped_s)
        time.sleep(HELD_S)
    is_met = max(took) < 2
    print(
        f"connection lost to reconciled: median {statistics.median(took):.2f} s, worst {max(took):.2f} s "
        f"(goal < 2), {drops} drops{_verdict(is_met)}"
    )
    return is_met


def _wait_for(condition: object, what: str) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():  # type: ignore[operator]
        if time.monotonic() > until:
            raise SystemExit(f"never happened: {what}")
        time.sleep(0.005)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _verdict(is_met: bool) -> str:
    return "" if is_met else "  NOT MET"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--drops", type=int, default=10)
    parser.add_argument("--idle-s", type=float, default=20.0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
