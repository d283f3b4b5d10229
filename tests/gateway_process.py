"""A real simulated gateway as a process of its own, for every suite that needs one."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.simgateway.books import Books, read_books
from hydra.simgateway.control import call
from hydra.simgateway.process import CLOCK_NAME, read_clock

START_WAIT_S = 60.0
STOP_WAIT_S = 30.0
# All six markets open together; a plain week ahead but for Thanksgiving on Thursday.
MONDAY_OPEN = "2026-11-23T14:30:00+00:00"


@dataclass
class GatewayProcess:
    """A running gateway; `books` reads its journal, `fault` goes through its control channel."""

    process: subprocess.Popen[str]
    host: str
    port: int
    state_dir: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

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
        self.process.kill()
        self.process.wait(STOP_WAIT_S)

    def stop(self) -> int:
        """SIGTERM and wait; returns the exit code."""
        if self.is_running:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


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
    command = [sys.executable, "-m", "hydra.cli", "gateway", "run", "--json", "--port", str(port)]
    command += ["--state-dir", str(state_dir), "--seed", str(seed), "--speed", str(speed)]
    if not (state_dir / CLOCK_NAME).exists():
        command += ["--start", start]
    command += extra
    env = {name: value for name, value in os.environ.items() if not name.startswith("HYDRA_CLOCK_")}
    state_dir.mkdir(parents=True, exist_ok=True)
    log = (state_dir / "stderr.log").open("a")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=env, start_new_session=True
    )
    log.close()
    line = _first_line(process)
    if not line:
        process.kill()
        process.wait()
        raise AssertionError(f"the gateway did not start: {(state_dir / 'stderr.log').read_text()}")
    ready = json.loads(line)
    return GatewayProcess(process, ready["host"], ready["port"], state_dir)


@contextmanager
def running_gateway(state_dir: Path, **options: Any) -> Iterator[GatewayProcess]:
    """A gateway for the length of a block; gone afterwards, whatever happened."""
    gateway = start_gateway(state_dir, **options)
    try:
        yield gateway
    finally:
        if gateway.is_running:
            gateway.process.send_signal(signal.SIGCONT)
            gateway.kill()
        if gateway.process.stdout is not None:
            gateway.process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_WAIT_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=0.1):
                return process.stdout.readline()
            if process.poll() is not None:
                break
    return ""
