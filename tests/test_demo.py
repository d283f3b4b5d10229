"""`hydra demo` as a newcomer runs it: real server, gateway and worker; and what it leaves behind: nothing."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hydra.clock import SystemClock
from hydra.demo.processes import sessions_by_pid
from hydra.demo.server_api import ServerApi
from hydra.persistence.open import open_ledger
from hydra.simgateway.books import read_books
from hydra.simgateway.control import call

pytestmark = [
    pytest.mark.process,
    pytest.mark.prefect,
    pytest.mark.timeout(300),
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert _processes_in(tmp_path) == []


def _start(place: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hydra.cli", "demo", *args],
        env={**os.environ, "HYDRA_DATA_DIR": str(place / "data")},
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _processes_in(place: Path) -> list[str]:
    """The command lines of every process that works in this place."""
    found = []
    for pid in sessions_by_pid():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if str(place).encode() in environment and pid != os.getpid():
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_a_demo_ends_with_equal_books_after_its_drop_and_leaves_nothing_behind(place: Path) -> None:
    process = _start(place, "--seed", "3", "--speed", "120", "--json", "figures.json")
    stdout, stderr = process.communicate(timeout=280)
    assert process.returncode == 0, stdout + stderr
    figures = json.loads((place / "figures.json").read_text())
    assert figures["problems"] == []
    assert (figures["duplicates"], figures["lost"], figures["exit_code"]) == (0, 0, 0)
    assert len(figures["lines"]) == 6
    assert any(line["algo"] == "TWAP" for line in figures["lines"])
    assert figures["dropped"]["hit"]
    assert figures["dropped"]["order_ref"] in stdout
    assert figures["executions"] > 0
    assert figures["resident_mib_max"] < 1536
    assert "\x1b[" not in stdout + stderr, "no colours where no terminal is"
    _assert_closed(figures["ui"])


def test_ctrl_c_ends_everything(place: Path) -> None:
    process = _start(place)
    deadline = time.monotonic() + 120
    while len(_processes_in(place)) < 4 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    assert len(_processes_in(place)) >= 4, "demo, server, gateway and worker are running"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_malformed_bars_are_told_with_their_line_before_anything_starts(place: Path) -> None:
    (place / "bars.csv").write_text("date,open,high,low,close,volume\n2026-01-05,1,2,0,x,5\n")
    process = _start(place, "--bars", "bars.csv", "--symbol", "ZO")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert re.match(r"HY-209 bars\.csv:2", stderr), stderr


def _assert_closed(url: str) -> None:
    host, port = re.findall(r"//([^:/]+):(\d+)", url)[0]
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_one_sigterm_to_the_stack_takes_working_orders_back_and_ends_in_order(place: Path) -> None:
    """What `make up` starts, with worker.on_stop = cancel; the only order works in a halted market."""
    process = _start(place, "--up", "--on-stop", "cancel", "--speed", "60")
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
