"""Every end of a candidate is an outcome; what it is given is all it has."""

import os
from pathlib import Path

import numpy as np
import pytest

from hydra.domain.errors import UserError
from hydra.sandbox.run import MIB, End, Limits, Outcome, problem_of_this_machine, run_isolated
from hydra.sandbox.seccomp import REFUSED, filter_program

HERE = Path(__file__).parent
LIMITS = Limits(wall_s=20, memory_bytes=128 * MIB)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(problem_of_this_machine() is not None, reason=str(problem_of_this_machine())),
]


def ended(name: str, argument: object = None, limits: Limits = LIMITS, **more: object) -> Outcome:
    return run_isolated(f"candidates:{name}", argument, code=[HERE], limits=limits, **more)  # type: ignore[arg-type]


def test_a_result_comes_back_and_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_CANARY", "song")
    outcome = ended("add", {"values": [1, 2, 3]})
    assert (outcome.end, outcome.result) == (End.FINISHED, {"sum": 6, "secrets": []})


def test_data_only_its_owner_may_read_is_readable_where_it_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    np.savetxt(folder / "returns.txt", [1.0, 2.0, 6.0])
    (folder / "returns.txt").chmod(0o600)
    given = {"path": str(folder / "returns.txt")}
    assert ended("mean_of_file", given, readable=[folder], preload=["numpy"]).result == 3.0
    assert "PermissionError" in ended("mean_of_file", given, preload=["numpy"]).detail


@pytest.mark.parametrize(
    ("name", "end", "words"),
    [
        ("complain", End.RAISED, "ValueError: the spread is negative"),
        ("leave", End.RAISED, "SystemExit: enough"),
        ("not_a_number", End.RAISED, "ValueError"),
        ("segfault", End.CRASHED, "SIGSEGV"),
        ("eat_memory", End.OUT_OF_MEMORY, "memory"),
        ("eat_memory_slowly", End.OUT_OF_MEMORY, "memory"),
        ("missing", End.RAISED, "AttributeError"),
    ],
)
def test_each_bad_end_is_told_apart(name: str, end: End, words: str) -> None:
    outcome = ended(name)
    assert (outcome.end, outcome.result) == (end, None)
    assert words in outcome.detail


def test_threads_are_counted_for_root_by_their_own_user() -> None:
    """Whoever is not root shares the count with his other processes; address space bounds him then."""
    outcome = ended("start_threads", {"threads": 400}, Limits(wall_s=20, memory_bytes=512 * MIB, threads=8))
    assert outcome.end == End.FINISHED
    assert outcome.result < (8 if os.getuid() == 0 else 400)


def test_processor_time_is_limited_too() -> None:
    outcome = ended("burn", limits=Limits(wall_s=20, cpu_s=1))
    assert outcome.end == End.TIMED_OUT
    assert "SIG" in outcome.detail


@pytest.mark.parametrize(
    "text",
    ["UNLOCKED", '{"end": "UNLOCKED", "detail": ""}', "[" * 200_000, '{"end": "FINE"}', '{"end": 1}', "7"],
)
def test_a_forged_answer_never_fails_the_cycle(text: str) -> None:
    assert ended("forge", {"text": text}).end == End.CRASHED


def test_where_the_lock_does_not_close_nothing_is_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"HY-854 .*no_such_module"):
        ended("add", {"values": []}, preload=["no_such_module"])


def test_a_warm_up_runs_before_the_lock_and_the_candidate_after_it() -> None:
    outcome = ended("add", {"values": [1]}, preload=["json:JSONDecoder"])
    assert outcome.end == End.FINISHED


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_fits_the_kernels_limits(machine: str) -> None:
    program = filter_program(machine, 1234)
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096
    numbers = [
        getattr(number, machine) for number in REFUSED.values() if getattr(number, machine) is not None
    ]
    assert len(numbers) == len(set(numbers))
    assert max(numbers) <= 452
