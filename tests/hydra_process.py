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
    "alembic.config",
    "getpass",
    "hydra.bootstrap",
    "hydra.cli.bars",
    "hydra.cli.doubt",
    "hydra.cli.gateway",
    "hydra.cli.healing",
    "hydra.cli.journal",
    "hydra.cli.kill_switch",
    "hydra.cli.session",
    "hydra.persistence.journal",
    "hydra.persistence.migrations.view_texts",
    "hydra.persistence.registry",
    "hydra.reports.cycle",
    "hydra.simgateway.process",
    "hydra.simulation.campaign",
    "hydra.usecases.flatten",
    "hydra.usecases.improve.run",
    "hydra.usecases.kill",
    "hydra.usecases.session",
    "mako.template",
    "pandas",
    "pyarrow.parquet",
    "structlog",
)
POLL_S = 0.005

# What a worker has loaded before it is told which flow to run.
OF_A_WORKER = ("flows.execution_session", "hydra.cli.worker", "hydra.worker.serve")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*PRELOADED, __name__])


def preload_worker() -> None:
    """Prefect and the worker, too; where something was forked before, each worker imports them itself."""
    _context.set_forkserver_preload([*PRELOADED, *OF_A_WORKER, __name__])


class HydraProcess:
    """One running command; its output goes to files, so that it never waits for a reader."""

    def __init__(
        self, args: Sequence[str], cwd: Path, env: Mapping[str, str], stdout: Path, stderr: Path
    ) -> None:
        """What it says is added to the two files, which may be one."""
        self.stdout_path, self.stderr_path = stdout, stderr
        self._process = _context.Process(
            target=_run, args=(list(args), str(cwd), dict(env), str(stdout), str(stderr))
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def is_running(self) -> bool:
        return self.poll() is None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

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

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, negative for a signal; subprocess.TimeoutExpired when it still runs."""
        self._process.join(timeout_s)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("hydra", timeout_s or 0.0)
        return code

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
        stdout, stderr = Path(folder) / "out", Path(folder) / "err"
        process = HydraProcess(args, cwd, env, stdout, stderr)
        try:
            code = process.wait(timeout_s)
            return subprocess.CompletedProcess(list(args), code, stdout.read_text(), stderr.read_text())
        except subprocess.TimeoutExpired:
            told = f"{stdout.read_text()}\n{stderr.read_text()}"
            raise AssertionError(f"hydra {' '.join(args)} did not end: {told}") from None
        finally:
            process.end()


def _run(args: list[str], cwd: str, env: dict[str, str], stdout: str, stderr: str) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for path, number in ((os.devnull, 0), (stdout, 1), (stderr, 2)):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    if "prefect" in sys.modules:  # its settings are read at its import, which was the server's
        from prefect.context import refresh_global_settings_context
        from prefect.logging.configuration import setup_logging

        refresh_global_settings_context()
        setup_logging()
    from hydra.cli.app import run

    code = run(args)
    sys.stdout.flush()
    sys.exit(code)
