"""How far a long computation is: seldom in a file, often on a terminal, never more than a line."""

import pytest

from hydra.cli import progress
from hydra.cli.progress import Progress


def test_a_short_computation_leaves_no_trace_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(3, "worlds")
    for done in (1, 2, 3):
        shown.show(done)
    assert capsys.readouterr() == ("", "")


def test_a_long_one_leaves_a_line_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    monkeypatch.setattr(progress, "perf_counter", lambda: now_s)
    shown = Progress(300, "worlds")
    for done in range(1, 151):
        now_s = float(done)
        shown.show(done, ", 0 laws broken")
    assert capsys.readouterr().err.splitlines() == [
        "60/300 worlds, 1.0 a second, 0 laws broken",
        "120/300 worlds, 1.0 a second, 0 laws broken",
    ]
