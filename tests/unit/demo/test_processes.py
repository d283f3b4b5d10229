"""`make up` as a supervisor: what dies is started again, and its parts end in order."""

import sys
from pathlib import Path

import pytest

from hydra.demo import processes
from hydra.demo.processes import Part, Parts, keep_running

pytestmark = pytest.mark.process

# Ends in order at SIGTERM, half a second later, and writes down who still lives then.
SLOW_END = """
import os, pathlib, signal, sys, time
def end(*_):
    time.sleep(0.5)
    os.kill(int(sys.argv[1]), 0)
    pathlib.Path(sys.argv[2]).write_text("ended while the other lived")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
ONE_MORE = """
import pathlib, sys
starts = pathlib.Path("starts")
starts.write_text(starts.read_text() + "x")
print("no luck")
sys.exit(3)
"""


def test_parts_that_end_are_started_again_ever_later_and_never_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once: one dies at every start, the other only once."""
    monkeypatch.setattr(processes, "PAUSE_WALL_S", 0.1)
    monkeypatch.setattr(processes, "PAUSE_WALL_S_MAX", 0.3)
    starts, told = tmp_path / "starts", list[str]()
    starts.write_text("")
    worker = Part("worker", [sys.executable, "-S", "-c", ONE_MORE], {}, tmp_path)
    data = Part("data worker", ["sh", "-c", "test -e born && exec sleep 60; touch born"], {}, tmp_path)
    try:
        keep_running([worker, data], told.append, lambda: starts.read_text() == "x" * 4)
    finally:
        worker.end()
        data.end()
    said = [line for line in told if line.startswith("the worker")]
    assert [line.split(" in ")[1] for line in said] == [
        f"{pause_s} s; it said: no luck" for pause_s in ("0.1", "0.2", "0.3")
    ]
    assert len([line for line in told if line.startswith("the data worker")]) == 1


def test_parts_that_need_the_others_have_ended_before_those_are_asked_to(tmp_path: Path) -> None:
    """Two workers that take half a second for their orders, and the gateway they need for it."""
    parts = Parts()
    forever = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    gateway = parts.start("gateway", forever, {}, tmp_path)
    for name in ("worker", "data worker"):
        argv = [sys.executable, "-S", "-c", SLOW_END, str(gateway.pid), f"{name}.told"]
        parts.start(name, argv, {}, tmp_path, needs_others=True).first_line(10.0)
    parts.end()
    told = {file.name for file in tmp_path.glob("*.told")}
    assert told == {"worker.told", "data worker.told"}
    assert not any(part.is_running for part in parts.all)
