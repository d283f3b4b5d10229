"""`make up` as a supervisor: what dies is started again, what cannot live is told."""

import sys
from pathlib import Path

import pytest

from hydra.demo.processes import SHORT_LIVES_MAX, Part, Parts, keep_running
from hydra.domain.errors import Unavailable

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
ONE_MORE = "import pathlib, sys; p = pathlib.Path('starts'); p.write_text(p.read_text() + 'x'); sys.exit(3)"


def test_a_part_that_ends_is_started_again_and_one_that_never_lives_is_given_up(tmp_path: Path) -> None:
    starts, told = tmp_path / "starts", list[str]()
    starts.write_text("")
    part = Part("worker", [sys.executable, "-S", "-c", ONE_MORE], {}, tmp_path)
    with pytest.raises(Unavailable, match="HY-605 the worker did not start: it ended with code 3"):
        keep_running(part, told.append, lambda: False)
    assert starts.read_text() == "x" * SHORT_LIVES_MAX
    assert told == ["the worker has ended and is started again"] * (SHORT_LIVES_MAX - 1)


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
