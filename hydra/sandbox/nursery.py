"""Candidates as forks of one process that has imported and compiled everything: a start costs milliseconds.

The nursery runs trusted code only and never a candidate: each gets a child of its own, which closes what it
inherited and locks itself exactly as a process started for it would. The child's end is told by the nursery.
"""

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from signal import SIGKILL
from typing import Any, Final, NoReturn

from hydra.domain.errors import UserError
from hydra.sandbox.jail import perform, prepare
from hydra.sandbox.run import ENVIRONMENT, Limits, Outcome, Watch, problem_of_this_machine

READY_WALL_S_MAX: Final = 120.0
ANSWER_WALL_S_MAX: Final = 10.0
_NUMBER: Final = struct.Struct("q")


class Nursery:
    """One such process, started at the first candidate; one candidate at a time.

    Candidates may read the folders of `code`; those of `imports` only serve what is preloaded.
    """

    def __init__(
        self, code: Sequence[Path] = (), preload: Sequence[str] = (), imports: Sequence[Path] = ()
    ) -> None:
        self._code = [str(path.resolve()) for path in code]
        self._preload = list(preload)
        self._imports = [str(path.resolve()) for path in imports]
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def run(self, entry: str, argument: Any, *, limits: Limits, readable: Sequence[Path] = ()) -> Outcome:
        """As `run_isolated`, with what was given once for all; HY-854 where nothing can be isolated."""
        control = self._started()
        result_read, result_write = os.pipe()
        output_read, output_write = os.pipe()
        order = {
            "entry": entry,
            "argument": argument,
            "readable": [str(path.resolve()) for path in readable],
            "code": self._code,
            "limits": asdict(limits),
        }
        try:
            _send(control, json.dumps(order).encode(), (result_write, output_write))
            os.close(result_write)
            os.close(output_write)
            result_write = output_write = -1
            child = _Forked(_number(control), control)
            try:
                return Watch(child, output_read, result_read, limits).run()
            finally:
                self._end_of(child)
        except (OSError, struct.error) as error:
            self.close()
            raise UserError("HY-854", problem=f"the nursery is gone: {error}") from error
        finally:
            for fd in (result_read, output_read, result_write, output_write):
                if fd >= 0:
                    os.close(fd)

    def close(self) -> None:
        """Nothing of it is left; the next candidate starts another."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None

    def _end_of(self, child: "_Forked") -> None:
        """The child is gone before the next one comes; a nursery that does not say so is ended itself."""
        child.kill()
        try:
            child.wait(ANSWER_WALL_S_MAX)
        except (subprocess.TimeoutExpired, OSError, struct.error):
            self.close()

    def _started(self) -> socket.socket:
        if self._socket is not None and self._process is not None and self._process.poll() is None:
            return self._socket
        self.close()
        problem = problem_of_this_machine()
        if problem is not None:
            raise UserError("HY-854", problem=problem)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-B", "-m", "hydra.sandbox.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(ENVIRONMENT),
                pass_fds=(theirs.fileno(),),
                cwd="/",
                start_new_session=True,
            )
        self._socket = ours
        ours.settimeout(READY_WALL_S_MAX)
        wanted = {"code": self._code, "preload": self._preload, "imports": self._imports}
        _send(ours, json.dumps(wanted).encode(), ())
        try:
            told = _received(ours)[0].decode()
        except (OSError, struct.error) as error:
            told = str(error) or "it ended"
        if told:
            self.close()
            raise UserError("HY-854", problem=told)
        ours.settimeout(None)
        return ours


class _Forked:
    """A child of the nursery, as the watch sees it."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self._pid = pid
        self._control = control
        self.returncode: int | None = None

    def kill(self) -> None:
        if self.returncode is None:
            try:
                os.kill(self._pid, SIGKILL)
            except ProcessLookupError:
                pass  # it has ended, and the nursery is about to say so

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._control.settimeout(timeout)
            try:
                self.returncode = _number(self._control)
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("a candidate", timeout or 0.0) from error
            finally:
                self._control.settimeout(None)
        return self.returncode


# --- inside the nursery's process -----------------------------------------------------------------------


def main() -> None:
    """Prepare once, then fork for each order until the other end of the socket is closed."""
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        prepare(json.loads(_received(control)[0]))
    except Exception as error:  # noqa: BLE001 - told to whoever started it: no candidate runs
        _send(control, f"{type(error).__name__}: {error}".encode(), ())
        os._exit(1)
    _send(control, b"", ())
    while True:
        try:
            data, fds = _received(control, fds=2)
        except (OSError, struct.error):
            os._exit(0)
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            _be_candidate(json.loads(data), fds, nursery)
        for fd in fds:
            os.close(fd)
        control.sendall(_NUMBER.pack(pid))
        _, status = os.waitpid(pid, 0)
        control.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _be_candidate(order: Mapping[str, Any], fds: Sequence[int], nursery: int) -> NoReturn:
    result_fd, output_fd = fds
    os.setsid()
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    perform(order, result_fd, nursery)


def _send(control: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    head = _NUMBER.pack(len(data))
    if fds:
        socket.send_fds(control, [head], list(fds))
    else:
        control.sendall(head)
    control.sendall(data)


def _received(control: socket.socket, fds: int = 0) -> tuple[bytes, list[int]]:
    """The next message and its descriptors; struct.error when the other end is closed."""
    if fds:
        head, found, _, _ = socket.recv_fds(control, _NUMBER.size, fds)
    else:
        head, found = _exactly(control, _NUMBER.size), []
    (size,) = _NUMBER.unpack(head)
    return _exactly(control, size), list(found)


def _number(control: socket.socket) -> int:
    number: int = _NUMBER.unpack(_exactly(control, _NUMBER.size))[0]
    return number


def _exactly(control: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = control.recv(size - len(data))
        if not more:
            raise struct.error("the other end is closed")
        data += more
    return bytes(data)


if __name__ == "__main__":
    main()
