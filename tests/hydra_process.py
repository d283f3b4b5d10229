"""`hydra ARGS` as a process of its own, forked from a server that has imported the product already.

Starting Python and importing takes longer than a whole session at high speed. The forked process runs the
console script's own function, with arguments, environment, directory and process session of its own.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

PRELOADED = (
    "hydra.bootstrap",
    "hydra.cli.doubt",
    "hydra.cli.gateway",
    "hydra.cli.kill_switch",
    "hydra.cli.session",
    "hydra.simgateway.process",
    "hydra.usecases.flatten",
    "hydra.usecases.kill",
    "hydra.usecases.session",
    "structlog",
)
POLL_S = 0.005

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*PRELOADED, __name__])


class HydraProcess:
    """One running command; its output goes to files, so that it never waits for a reader."""

    def __init__(self, args: Sequence[str], cwd: Path, env: Mapping[str, str], output: Path) -> None:
        """`output`: path of the two files, without their ending."""
        self.stdout_path, self.stderr_path = output.with_suffix(".out"), output.with_suffix(".err")
        self._process = _context.Process(
            target=_run, args=(list(args), str(cwd), dict(env), str(self.stdout_path), str(self.stderr_path))
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def first_line(self, timeout_s: float) -> str:
        """What it prints first; empty when it ended, or said nothing in that time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            ended = not self.is_running
            told = self.stdout_path.read_text() if self.stdout_path.exists() else ""
            if "\n" in told:
                return told.partition("\n")[0]
            if ended:
                break
            time.sleep(POLL_S)
        return ""

    def wait(self, timeout_s: float) -> int | None:
        """The exit code, negative for a signal; None when it still runs."""
        self._process.join(timeout_s)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing where it has ended already."""
        if self.is_running:
            os.kill(self.pid, number)

    def end(self) -> None:
        """SIGKILL, also when it was stopped; nothing is left of it."""
        self.send_signal(signal.SIGKILL)
        self._process.join()
        self._process.close()


def completed(
    args: Sequence[str], cwd: Path, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """`hydra ARGS`, waited for; AssertionError with what it said when it does not end in time."""
    with TemporaryDirectory(prefix="hydra-told-") as folder:
        process = HydraProcess(args, cwd, env, Path(folder) / "told")
        try:
            code = process.wait(timeout_s)
            told, wrong = process.stdout_path.read_text(), process.stderr_path.read_text()
            assert code is not None, f"hydra {' '.join(args)} did not end: {told}\n{wrong}"
            return subprocess.CompletedProcess(list(args), code, told, wrong)
        finally:
            process.end()


def _run(args: list[str], cwd: str, env: dict[str, str], stdout: str, stderr: str) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for path, number in ((os.devnull, 0), (stdout, 1), (stderr, 2)):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    from hydra.cli.app import run

    code = run(args)
    sys.stdout.flush()
    sys.exit(code)
