"""What a failure looks like to the person at the terminal."""

import io
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hydra import eventlog
from hydra.cli.failure import INTERRUPTED, report
from hydra.domain.errors import BrokenLaw, Unavailable, UserError


def told(error: BaseException) -> tuple[str, int]:
    stream = io.StringIO()
    code = report(error, stream)
    return stream.getvalue(), code


@pytest.fixture(autouse=True)
def _own_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("HY-005", command="hydra", problem="wrong"), 2),
        (Unavailable("HY-106", where="data_dir", path="x", problem="full"), 3),
        (BrokenLaw("HY-900", law="1", detail="sent twice"), 1),
    ],
)
def test_a_coded_error_is_its_line_and_its_exit_code(error: Exception, code: int) -> None:
    assert told(error) == (f"{error}\n", code)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupt_ends_with_130(error: BaseException) -> None:
    assert told(error) == ("interrupted\n", 130)
    assert INTERRUPTED == 128 + signal.SIGINT


def test_an_unexpected_error_is_one_line_and_a_saved_trace_without_secrets(tmp_path: Path) -> None:
    eventlog.hide("hunter22")
    try:
        raise RuntimeError("login failed for password=abc with hunter22")
    except RuntimeError as error:
        line, code = told(error)
    assert code == 1
    assert re.fullmatch(r"HY-000 unexpected RuntimeError: .*\n", line)
    (trace,) = (tmp_path / "data" / "traces").iterdir()
    assert str(trace) in line
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    text = trace.read_text()
    assert "test_an_unexpected_error" in text
    assert not any(secret in text + line for secret in ("abc", "hunter22"))


def test_a_trace_is_saved_elsewhere_when_the_data_directory_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    monkeypatch.setenv("HYDRA_DATA_DIR", str(occupied))
    line, _ = told(RuntimeError("lost"))
    path = Path(line.split("trace saved in ")[1].split(")")[0])
    assert "RuntimeError: lost" in path.read_text()
    path.unlink()


def test_the_trace_is_printed_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_DEBUG_TRACE", "1")
    text, code = told(UserError("HY-005", command="hydra", problem="wrong"))
    assert text.startswith("hydra.domain.errors.UserError: HY-005")
    assert code == 2


@pytest.mark.process
def test_a_closed_pipe_is_no_failure_of_ours() -> None:
    done = subprocess.run(
        f"{sys.executable} -m hydra.cli config show | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stderr == ""
