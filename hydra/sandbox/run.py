"""Runs one candidate in a process of its own, and says how it ended: every end is an outcome, none an error.

Four guards at once. Landlock: it reads the trees given, writes nowhere. seccomp: no socket, no new or other
process, no mount. Its own user (where the caller is root) and its own empty network (where the kernel gives
one). Limits on memory, processor, threads, open files, file size, result, output, and the wall clock.
The environment holds nothing of the caller's. What comes back is a claim: measure forecasts outside, never
believe a candidate's own figures.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from signal import SIGKILL, SIGXCPU, Signals
from typing import Any, Final, Protocol

from hydra.domain.errors import UserError
from hydra.sandbox.jail import LOCKED
from hydra.sandbox.landlock import landlock_version
from hydra.sandbox.seccomp import can_filter

MIB: Final = 1 << 20
_CHUNK: Final = 1 << 16
_TAIL_BYTES: Final = 4096
_GRACE_S: Final = 5.0
# Only what makes numeric libraries use one thread and Python hash the same way every time.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one candidate may use; memory is on top of what the preloaded modules take."""

    wall_s: float = 60.0
    cpu_s: int = 60
    memory_bytes: int = 1024 * MIB
    threads: int = 8
    open_files: int = 64
    result_bytes: int = 8 * MIB
    output_bytes: int = 1 * MIB


class End(StrEnum):
    """How a candidate's run ended."""

    FINISHED = "FINISHED"  # it returned a value
    RAISED = "RAISED"  # it raised, or returned what is not JSON
    CRASHED = "CRASHED"  # the process died of itself
    TIMED_OUT = "TIMED_OUT"  # wall clock or processor time
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    OVERSIZED = "OVERSIZED"  # a result beyond its limit
    FLOODED = "FLOODED"  # output beyond its limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one run: `result` only where it FINISHED, `output` is the tail of stdout and stderr."""

    end: End
    result: Any
    detail: str
    wall_s: float
    output: str


def problem_of_this_machine() -> str | None:
    """What keeps this machine from isolating a candidate; None where nothing does."""
    if sys.platform != "linux":
        return f"it runs {sys.platform}, the guards are Linux's"
    if landlock_version() == 0:
        return "its kernel has no Landlock, or it is switched off"
    return None if can_filter() else "its kernel has no seccomp, or an unknown processor"


def run_isolated(
    entry: str,
    argument: Any,
    *,
    readable: Sequence[Path] = (),
    code: Sequence[Path] = (),
    preload: Sequence[str] = (),
    limits: Limits = Limits(),
) -> Outcome:
    """Calls `module:function` with a JSON value and returns how it ended.

    `readable` are files and folders of data; `code` are folders the entry is imported from. `preload` names
    trusted modules (or `module:function` to call) for before the lock: what compiles, or needs other files,
    belongs there. A cached Numba function must be called once there: later it may not write its cache.
    Raises HY-854 where the machine cannot isolate: then nothing is run.
    """
    problem = problem_of_this_machine()
    if problem is not None:
        raise UserError("HY-854", problem=problem)
    result_read, result_write = os.pipe()
    order = {
        "entry": entry,
        "argument": argument,
        "readable": [str(path.resolve()) for path in readable],
        "code": [str(path.resolve()) for path in code],
        "preload": list(preload),
        "limits": asdict(limits),
        "result_fd": result_write,
        "parent_pid": os.getpid(),
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", "-m", "hydra.sandbox.jail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(ENVIRONMENT),
            pass_fds=(result_write,),
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(result_read)
        raise
    finally:
        os.close(result_write)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            with process.stdin as pipe:
                pipe.write(json.dumps(order).encode())
        except BrokenPipeError:
            pass  # it died before it read: its end says so
        try:
            return Watch(process, process.stdout.fileno(), result_read, limits).run()
        finally:
            process.kill()
            os.close(result_read)


class Child(Protocol):
    """A process that can be ended and waited for; subprocess.TimeoutExpired when it has not ended by then."""

    @property
    def returncode(self) -> Any: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Watch:
    """Drains both pipes of a candidate up to their limits, and ends the process at the first breach."""

    def __init__(self, process: Child, stdout_fd: int, result_fd: int, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._started = time.monotonic()
        self._stdout_fd = stdout_fd
        self._result_fd = result_fd
        self._result = bytearray()
        self._tail = bytearray()
        self._output_bytes = 0

    def run(self) -> Outcome:
        """How it ended; HY-854 where it did not even lock itself."""
        breach = self._drain()
        if breach is not None:
            self._process.kill()
            self._process.wait()
            return self._outcome(breach, f"ended by its limit of {self._limit_text(breach)}")
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self._judged()

    def _drain(self) -> End | None:
        with selectors.DefaultSelector() as selector:
            for fd in (self._stdout_fd, self._result_fd):
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                left = self._started + self._limits.wall_s - time.monotonic()
                if left <= 0:
                    return End.TIMED_OUT
                for key, _ in selector.select(left):
                    data = os.read(key.fd, _CHUNK)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == self._result_fd:
                        self._result += data
                    else:
                        self._keep_output(data)
                if len(self._result) > self._limits.result_bytes:
                    return End.OVERSIZED
                if self._output_bytes > self._limits.output_bytes:
                    return End.FLOODED
        return None

    def _keep_output(self, data: bytes) -> None:
        self._output_bytes += len(data)
        self._tail = (self._tail + data)[-_TAIL_BYTES:]

    def _judged(self) -> Outcome:
        code = self._process.returncode
        if not self._result.startswith(LOCKED):
            raise UserError("HY-854", problem=self._result.decode(errors="replace") or f"exit code {code}")
        if code < 0:
            is_time = -code == SIGXCPU or (-code == SIGKILL and self._has_used_its_time())
            name = Signals(-code).name
            return self._outcome(End.TIMED_OUT if is_time else End.CRASHED, f"ended by {name}")
        try:
            answer = json.loads(self._result.removeprefix(LOCKED))
            end, detail = answer["end"], str(answer.get("detail", ""))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return self._outcome(End.CRASHED, f"exit code {code} without a result that can be read")
        if end not in End.__members__:
            return self._outcome(End.CRASHED, "its answer is not the sandbox's")
        return self._outcome(End(end), detail, answer.get("result") if end == End.FINISHED else None)

    def _has_used_its_time(self) -> bool:
        return time.monotonic() - self._started >= self._limits.cpu_s

    def _outcome(self, end: End, detail: str, result: Any = None) -> Outcome:
        text = self._tail.decode(errors="replace")
        return Outcome(end, result, detail, time.monotonic() - self._started, text)

    def _limit_text(self, breach: End) -> str:
        return {
            End.TIMED_OUT: f"{self._limits.wall_s:g} s",
            End.OVERSIZED: f"{self._limits.result_bytes} bytes of result",
            End.FLOODED: f"{self._limits.output_bytes} bytes of output",
        }[breach]
