"""`make up` as a supervisor: what dies is started again, what cannot live is told."""

import sys
from pathlib import Path

import pytest

from hydra.demo.processes import SHORT_LIVES_MAX, Part, keep_running
from hydra.domain.errors import Unavailable

pytestmark = pytest.mark.process

ONE_MORE = "import pathlib, sys; p = pathlib.Path('starts'); p.write_text(p.read_text() + 'x'); sys.exit(3)"


def test_a_part_that_ends_is_started_again_and_one_that_never_lives_is_given_up(tmp_path: Path) -> None:
    starts, told = tmp_path / "starts", list[str]()
    starts.write_text("")
    part = Part("worker", [sys.executable, "-S", "-c", ONE_MORE], {}, tmp_path)
    with pytest.raises(Unavailable, match="HY-605 the worker did not start: it ended with code 3"):
        keep_running(part, told.append, lambda: False)
    assert starts.read_text() == "x" * SHORT_LIVES_MAX
    assert told == ["the worker has ended and is started again"] * (SHORT_LIVES_MAX - 1)
