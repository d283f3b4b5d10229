"""A nursery outlives its candidates, whatever they do, and nothing of one reaches the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.domain.errors import UserError
from hydra.sandbox.nursery import Nursery
from hydra.sandbox.run import MIB, End, Limits, problem_of_this_machine

HERE = Path(__file__).parent
LIMITS = Limits(wall_s=20, memory_bytes=128 * MIB)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(problem_of_this_machine() is not None, reason=str(problem_of_this_machine())),
]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery(code=[HERE])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("complain", End.RAISED),
        ("leave", End.RAISED),
        ("segfault", End.CRASHED),
        ("eat_memory_slowly", End.OUT_OF_MEMORY),
        ("burn", End.TIMED_OUT),
    ],
)
def test_after_every_bad_end_the_next_candidate_is_served(nursery: Nursery, name: str, end: End) -> None:
    limits = Limits(wall_s=20, cpu_s=1, memory_bytes=128 * MIB)
    assert nursery.run(f"candidates:{name}", None, limits=limits).end == end
    done = nursery.run("candidates:add", {"values": [1, 2]}, limits=LIMITS)
    assert (done.end, done.result) == (End.FINISHED, {"sum": 3, "secrets": []})


def test_a_hang_is_ended_and_a_dead_nursery_is_replaced(nursery: Nursery) -> None:
    assert nursery.run("candidates:burn", None, limits=Limits(wall_s=0.3)).end == End.TIMED_OUT
    assert nursery._process is not None
    nursery._process.kill()
    nursery._process.wait()
    assert nursery.run("candidates:add", {"values": [2]}, limits=LIMITS).result["sum"] == 2


def test_what_cannot_be_prepared_runs_nobody() -> None:
    broken = Nursery(code=[HERE], preload=["no_such_module"])
    with pytest.raises(UserError, match=r"HY-854 .*no_such_module"):
        broken.run("candidates:add", {"values": []}, limits=LIMITS)
