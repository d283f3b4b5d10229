"""Each way out works in an ordinary child process, and none in the sandbox; the cycle sees an outcome."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hydra.sandbox.nursery import Nursery
from hydra.sandbox.run import MIB, End, Limits, Outcome, problem_of_this_machine, run_isolated

HERE = Path(__file__).parent
LIMITS = Limits(wall_s=20, memory_bytes=256 * MIB, result_bytes=MIB, output_bytes=MIB)
SECRET = "the canary's song"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(problem_of_this_machine() is not None, reason=str(problem_of_this_machine())),
]


@dataclass
class Prison:
    """What there is to get hold of, and both ways to try."""

    here: Path
    given: dict[str, Any]
    nursery: Nursery | None = None

    def outside(self, name: str, **more: object) -> Any:
        """The escape in an ordinary child process: what it got hold of."""
        read, write = os.pipe()
        order = json.dumps({**self.given, **more, "result_fd": write})
        command = [sys.executable, str(HERE / "escapes.py"), name, order]
        with subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL) as process:
            os.close(write)
            with os.fdopen(read, "rb") as pipe:
                answer = pipe.read()
        assert process.returncode == 0
        return json.loads(answer)["got"]

    def inside(self, name: str, limits: Limits = LIMITS, **more: object) -> Outcome:
        if self.nursery is not None:
            given, data = {**self.given, **more}, [self.here / "data"]
            return self.nursery.run(f"escapes:{name}", given, readable=data, limits=limits)
        return run_isolated(
            f"escapes:{name}",
            {**self.given, **more},
            readable=[self.here / "data"],
            code=[HERE],
            limits=limits,
        )


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[str]]:
    """A process of the same user that may be traced and tells when it is signalled."""
    code = (
        "import ctypes, signal, sys\n"
        "ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)\n"  # PR_SET_PTRACER: any
        "signal.signal(signal.SIGUSR1, lambda *_: print('signalled', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery(code=[HERE])
    yield made
    made.close()


@pytest.fixture(params=["a process of its own", "a fork of the nursery"])
def prison(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    victim: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    nursery: Nursery,
) -> Prison:
    monkeypatch.setenv("HYDRA_CANARY", SECRET)
    data = tmp_path / "data"
    data.mkdir()
    (data / "bars.csv").write_text("on,close\n")
    ledger = tmp_path / "ledger.txt"
    ledger.write_text("what was sent")
    (data / "innocent.csv").symlink_to(ledger)
    given = {"ledger": str(ledger), "data": str(data), "folder": str(tmp_path), "victim": victim.pid}
    return Prison(tmp_path, given, nursery if request.param == "a fork of the nursery" else None)


def test_the_ledger_cannot_be_read(prison: Prison) -> None:
    assert prison.outside("read_the_ledger") == "what was sent"
    outcome = prison.inside("read_the_ledger")
    assert (outcome.end, outcome.result) == (End.RAISED, None)
    assert "PermissionError" in outcome.detail


def test_the_environment_cannot_be_read(prison: Prison) -> None:
    assert prison.outside("read_the_environment") == SECRET
    outcome = prison.inside("read_the_environment")
    assert outcome.end == End.RAISED
    assert SECRET not in outcome.detail + outcome.output


@pytest.mark.parametrize("what", ["the gateway", "the server"])
def test_neither_gateway_nor_server_can_be_reached(prison: Prison, what: str) -> None:
    """Listeners on free ports stand for 4002 and 4200; datagrams, which Landlock lets through, count too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert prison.outside("connect", port=port) == "sent"
        assert prison.inside("connect", port=port).end == End.RAISED
        listener.settimeout(0.2)
        listener.accept()[0].close()  # the unsandboxed one
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_datagram_cannot_be_sent(prison: Prison) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)
        port = receiver.getsockname()[1]
        assert prison.outside("connect", port=port) == "sent"  # nobody listens for TCP on that port
        assert receiver.recv(10) == b"buy"
        assert prison.inside("connect", port=port).end == End.RAISED
        with pytest.raises(TimeoutError):
            receiver.recv(10)


def test_no_process_can_be_forked(prison: Prison) -> None:
    assert prison.outside("bomb_with_forks", processes=40) == 40
    assert prison.inside("bomb_with_forks", processes=40).end == End.RAISED
    assert prison.inside("bomb_with_forks", processes=1).end == End.RAISED


def test_no_disk_can_be_filled(prison: Prison) -> None:
    assert prison.outside("fill_the_disk", files=24) == 24 * MIB
    assert prison.inside("fill_the_disk", files=1).end == End.RAISED


def test_no_other_process_can_be_traced(prison: Prison) -> None:
    assert prison.outside("trace_the_parent") == "attached"
    assert prison.inside("trace_the_parent").end == End.RAISED
    assert prison.inside("trace_the_parent", victim=os.getpid()).end == End.RAISED


def test_nothing_can_be_written(prison: Prison) -> None:
    assert prison.inside("write_outside").end == End.RAISED
    assert (prison.here / "ledger.txt").read_text() == "what was sent"
    assert (prison.here / "data/bars.csv").read_text() == "on,close\n"
    assert prison.outside("write_outside") == "written"


def test_no_symlink_leads_out(prison: Prison) -> None:
    assert prison.outside("follow_a_symlink") == "what was sent"
    (prison.here / "data/innocent.csv").unlink()
    assert prison.outside("follow_a_symlink") == "what was sent"  # its own link
    assert prison.inside("follow_a_symlink").end == End.RAISED
    (prison.here / "data/innocent.csv").symlink_to(prison.given["ledger"])
    assert prison.inside("follow_a_symlink").end == End.RAISED


def test_no_other_process_can_be_signalled(prison: Prison, victim: subprocess.Popen[str]) -> None:
    assert prison.outside("signal_the_parent") == "signalled"
    assert victim.stdout is not None
    assert victim.stdout.readline() == "signalled\n"
    assert prison.inside("signal_the_parent").end == End.RAISED
    os.kill(victim.pid, signal.SIGUSR1)
    victim.stdout.readline()
    victim.kill()
    assert victim.stdout.read() == ""  # nothing but the one from here arrived


def test_a_result_beyond_its_limit_is_cut_off(prison: Prison) -> None:
    assert len(prison.outside("return_too_much", bytes=4 * MIB)) == 4 * MIB
    outcome = prison.inside("return_too_much", bytes=4 * MIB)
    assert (outcome.end, outcome.result) == (End.OVERSIZED, None)
    assert prison.inside("return_too_much", bytes=1000).result == {"got": "x" * 1000}


def test_a_hang_is_ended_by_the_clock(prison: Prison, tmp_path: Path) -> None:
    """Unsandboxed it ignores SIGTERM and is still there after the limit; inside it is gone."""
    alive = tmp_path / "alive"
    order = json.dumps({"alive": str(alive)})
    with subprocess.Popen([sys.executable, str(HERE / "escapes.py"), "hang", order]) as process:
        done = threading.Event()
        for _ in range(200):
            if alive.exists():
                break
            done.wait(0.05)
        process.terminate()
        done.wait(0.3)
        assert process.poll() is None
        process.kill()
    outcome = prison.inside("hang", Limits(wall_s=1.0))
    assert outcome.end == End.TIMED_OUT
    assert outcome.wall_s < 6


def test_a_flood_of_output_is_ended_by_its_limit(prison: Prison) -> None:
    assert prison.outside("flood_stdout", bytes=8 * MIB) == 8 * MIB
    outcome = prison.inside("flood_stdout", bytes=8 * MIB)
    assert outcome.end == End.FLOODED
    assert len(outcome.output) <= 4096
