"""`make up` and its end, on a whole stack. Half a minute of CPU, so no part of `make test`: make by-hand."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hydra.clock import SystemClock
from hydra.demo.processes import sessions_by_pid
from hydra.demo.server_api import ServerApi
from hydra.persistence.open import open_ledger
from hydra.simgateway.books import read_books
from hydra.simgateway.control import call
from tests.test_demo import place as place
from tests.test_demo import start

pytestmark = [pytest.mark.process, pytest.mark.prefect, pytest.mark.timeout(300)]


def test_one_sigterm_to_the_stack_takes_working_orders_back_and_ends_in_order(place: Path) -> None:
    """What `make up` starts, with worker.on_stop = cancel; the only order works in a halted market."""
    process = start(place, "--up", "--on-stop", "cancel", "--speed", "60")
    folder = place / "data" / "demo" / str(process.pid)
    _until((folder / "auth").exists, "the stack is up", process)
    environment = _environment_of(place, "hydra.cli", "worker", "execution")
    auth = (folder / "auth").read_text().strip()
    api = ServerApi(environment["PREFECT_API_URL"], auth, "")
    call(folder / "gateway", "fault", {"name": "halt", "symbol": "ZO", "on": "accept"})
    asked = {"symbols": ["ZO"], "targets": {"ZO": 2}}
    api.start_run("execution-session/execution-session", asked)
    _until(lambda: _statuses(folder) == {"Submitted"}, "an order works", process)

    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    clock = SystemClock()
    path = folder / "data" / "ledger.sqlite3"
    ledger = open_ledger(path, now=clock.now, wall_s=clock.wall_s, read_only=True)
    try:
        ends = [one["kind"] for one in ledger.export() if str(one["kind"]).startswith("Child")]
        released = list(ledger.database.rows("SELECT released FROM leases"))
    finally:
        ledger.close()
    assert ends[-1] == "ChildCancelled"  # asked for and proven at the broker, before the gateway was ended
    assert [tuple(one) for one in released] == [(1,)]


def _until(condition: Callable[[], object], what: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 150
    while not condition():
        assert process.poll() is None, what
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.1)


def _statuses(folder: Path) -> set[str]:
    return {str(order["status"]) for order in read_books(folder / "gateway")["orders"]}


def _environment_of(place: Path, *named: str) -> dict[str, str]:
    """The environment of the process in this place whose command line has these words."""
    for pid in sessions_by_pid():
        try:
            told = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        if all(word in command for word in named) and any(str(place) in one for one in told):
            return dict(one.split("=", 1) for one in told if "=" in one)
    raise AssertionError(f"no process {named}")
