"""What every test gets: a home of its own, the command line as a process, a list of what was skipped."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.hydra_process import completed

ROOT = Path(__file__).parent.parent
_home: Path | None = None

Hydra = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    """A home per test process, set before Prefect reads it: no test may see or touch the user's own."""
    global _home
    _home = Path(tempfile.mkdtemp(prefix="hydra-tests-"))
    for name in [name for name in os.environ if name.startswith(("HYDRA_", "PREFECT_"))]:
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: its children would, too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what our processes compile once, the next finds
    sys.dont_write_bytecode = False
    os.environ.update(
        HOME=str(_home),
        XDG_DATA_HOME=str(_home / "data"),
        XDG_CONFIG_HOME=str(_home / "config"),
        PREFECT_HOME=str(_home / "prefect"),
        PREFECT_SERVER_EPHEMERAL_ENABLED="false",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        HYDRA_DATA_DIR=str(_home / "hydra"),
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.distribution import ByGroup

    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays: looking through it for garbage again and again costs more than some tests."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _home is not None:
        shutil.rmtree(_home, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """The run ends with what it did not check, and why; in CI that is nothing."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(session.config, "workerinput"):
        _tell_skipped(reporter)


def _tell_skipped(reporter: pytest.TerminalReporter) -> None:
    skipped: dict[tuple[str, str], int] = {}
    for report in reporter.stats.get("skipped", []):
        suite = report.nodeid.split("::")[0]
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        key = suite, reason.removeprefix("Skipped: ")
        skipped[key] = skipped.get(key, 0) + 1
    reporter.line("skipped suites:" if skipped else "skipped suites: none")
    for (suite, reason), count in sorted(skipped.items()):
        reporter.line(f"  {suite}: {count} skipped: {reason}")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def hydra(tmp_path: Path, data_dir: Path) -> Hydra:
    """Runs `hydra ARGS` as a process in an empty directory with a data directory of its own."""
    here = tmp_path / "cwd"
    here.mkdir()

    def run(
        *args: object, env: Mapping[str, str] | None = None, timeout_s: float = 90.0, cwd: Path = here
    ) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "HYDRA_DATA_DIR": str(data_dir), **(env or {})}
        return completed([*map(str, args)], cwd, variables, timeout_s)

    return run
