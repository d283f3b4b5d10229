"""`hydra kill --all` from the start of its process: blocked, cancels on the wire, fifty orders proven gone.

    python bench/kill.py [--orders 50] [--runs 3]

A process that holds the client id with so many orders working is stopped by SIGSTOP (a worker that hangs);
the kill takes its id away. Goals: new orders blocked within 1 s, cancels on the wire within 2 s, all proven
gone within 10 s. Seconds count from the exec of `hydra kill`, imports included. Of fifty cancels the last
ones wait for the client's own pacing: IB takes fifty messages a second, ib_async writes forty-five.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.gateway_process import GatewayProcess, running_gateway

GOALS = {"blocked": 1.0, "first cancel": 2.0, "cancels on the wire": 2.0, "proven gone": 10.0}
LOOK_S = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(argv)
    found = [_run(options.orders) for _ in range(options.runs)]
    worst = {name: max(one[name] for one in found) for name in GOALS}
    for name, goal in GOALS.items():
        missed = "" if worst[name] <= goal else "  NOT MET"
        best = min(one[name] for one in found)
        print(f"{name}: {best:.2f} to {worst[name]:.2f} s (goal {goal:g}), {options.orders} orders{missed}")
    return 0 if all(worst[name] <= goal for name, goal in GOALS.items()) else 1


def _run(orders: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "gateway", speed=1.0) as gateway,
    ):
        data = Path(folder) / "data"
        held = [sys.executable, "-m", "tests.session.killed", str(gateway.port), str(data), str(orders)]
        with subprocess.Popen(held, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "working\n"
            os.kill(holder.pid, signal.SIGSTOP)
            return _kill(gateway, data, orders)


def _kill(gateway: GatewayProcess, data: Path, orders: int) -> dict[str, float]:
    told = ["--by", "bench", "--reason", "measured", "--port", str(gateway.port), "--json"]
    environment = {**os.environ, "HYDRA_DATA_DIR": str(data)}
    begun_s, took = time.monotonic(), dict[str, float]()
    command = [sys.executable, "-m", "hydra.cli", "kill", "--all", *told]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as kill:
        while kill.poll() is None:
            if (data / "kill.latch").exists():
                took.setdefault("blocked", time.monotonic() - begun_s)
                sent = [one for one in gateway.books()["frames"] if one["kind"] == "cancelOrder"]
                if sent:
                    took.setdefault("first cancel", time.monotonic() - begun_s)
                if len(sent) >= orders:
                    took.setdefault("cancels on the wire", time.monotonic() - begun_s)
            time.sleep(LOOK_S)
        assert kill.stdout is not None
        found = json.loads(kill.stdout.read())
    assert found["is_proven"], found
    assert len(found["orders"]) == orders, found
    return {**took, "proven gone": time.monotonic() - begun_s}


if __name__ == "__main__":
    sys.exit(main())
