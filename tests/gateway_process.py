"""A real simulated gateway as a process of its own, for every suite that needs one."""

import itertools
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.simgateway.books import Books, read_books
from hydra.simgateway.control import call
from hydra.simgateway.process import CLOCK_NAME, read_clock
from tests.hydra_process import HydraProcess

START_WAIT_S = 60.0
STOP_WAIT_S = 30.0
# All six markets open together; a plain week ahead but for Thanksgiving on Thursday.
MONDAY_OPEN = "2026-11-23T14:30:00+00:00"
_numbers = itertools.count(1)


@dataclass
class GatewayProcess:
    """A running gateway; `books` reads its journal, `fault` goes through its control channel."""

    process: HydraProcess
    host: str
    port: int
    state_dir: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.is_running

    def books(self) -> Books:
        return read_books(self.state_dir)

    def now(self) -> datetime:
        """Market time."""
        clock = read_clock(self.state_dir)
        assert clock is not None
        return clock.now()

    def fault(self, name: str, **options: object) -> dict[str, Any]:
        return dict(call(self.state_dir, "fault", {"name": name, **options}))

    def kill(self) -> None:
        """SIGKILL: no line of the gateway runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        return self.process.wait(STOP_WAIT_S)

    def stop(self) -> int:
        """SIGTERM and wait; returns the exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def start_gateway(
    state_dir: Path,
    *,
    seed: int = 7,
    speed: float = 60,
    port: int = 0,
    start: str = MONDAY_OPEN,
    extra: Sequence[str] = (),
) -> GatewayProcess:
    """Start a gateway on a free port and wait until it listens; a failure shows what it said.

    A fresh state directory begins at `start`, so that no test depends on today; a used one goes on.
    """
    command = ["gateway", "run", "--json", "--port", str(port)]
    command += ["--state-dir", str(state_dir), "--seed", str(seed), "--speed", str(speed)]
    if not (state_dir / CLOCK_NAME).exists():
        command += ["--start", start]
    command += extra
    env = {name: value for name, value in os.environ.items() if not name.startswith("HYDRA_CLOCK_")}
    state_dir.mkdir(parents=True, exist_ok=True)
    told = f"{state_dir.name}-{next(_numbers)}"
    stdout, stderr = state_dir.with_name(f"{told}.out"), state_dir.with_name(f"{told}.err")
    process = HydraProcess(command, Path.cwd(), env, stdout, stderr)
    line = process.first_line(START_WAIT_S)
    if not line:
        process.end()
        raise AssertionError(f"the gateway did not start: {stderr.read_text()}")
    ready = json.loads(line)
    return GatewayProcess(process, ready["host"], ready["port"], state_dir)


@contextmanager
def running_gateway(state_dir: Path, **options: Any) -> Iterator[GatewayProcess]:
    """A gateway for the length of a block; gone afterwards, whatever happened."""
    gateway = start_gateway(state_dir, **options)
    try:
        yield gateway
    finally:
        gateway.process.end()
