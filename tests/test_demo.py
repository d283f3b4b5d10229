"""`hydra demo` as a newcomer runs it: real server, gateway and worker; and what it leaves behind: nothing."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.demo.processes import sessions_by_pid

pytestmark = [
    pytest.mark.process,
    pytest.mark.prefect,
    pytest.mark.timeout(300),
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert _processes_in(tmp_path) == []


def start(place: Path, *args: str) -> subprocess.Popen[str]:
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
    process = start(place, "--seed", "3", "--speed", "120", "--json", "figures.json")
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
    process = start(place)
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
    process = start(place, "--bars", "bars.csv", "--symbol", "ZO")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert re.match(r"HY-209 bars\.csv:2", stderr), stderr


def _assert_closed(url: str) -> None:
    host, port = re.findall(r"//([^:/]+):(\d+)", url)[0]
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
