"""The demo's processes: each the leader of a session of its own, so that its whole family can be ended.

Never a shell's `&`: a background process of a shell ignores the first SIGINT and would outlive us.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hydra.domain.errors import Unavailable

STOP_WALL_S: Final = 4.0
# A worker may take its orders back before it ends.
LAST_STOP_WALL_S: Final = 20.0
# A process that dies so soon after its start waits a little longer each time before the next one. It is never
# given up: whoever holds its client id may end, and the rest of the stack is of use meanwhile.
SHORT_LIFE_WALL_S: Final = 5.0
PAUSE_WALL_S: Final = 1.0
PAUSE_WALL_S_MAX: Final = 15.0
POLL_WALL_S: Final = 0.05


class Part:
    """One started process with its log; `name` is what a person reads.

    `needs_others`: it ends well only while the parts started before it still run.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        *,
        needs_others: bool = False,
    ) -> None:
        self.name = name
        self.needs_others = needs_others
        self.log = folder / f"{name.replace(' ', '-')}.log"
        self.log.write_bytes(b"")
        self._argv, self._env, self._folder = argv, dict(env), folder
        self._process = self._started()

    def start_again(self) -> None:
        """The same once more, after it has ended; its log goes on."""
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._argv,
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def first_line(self, wall_s_max: float) -> str:
        """The first whole line of its output; HY-605 when it ends or stays silent."""
        until = time.monotonic() + wall_s_max
        while time.monotonic() < until:
            line, newline, _ = self.log.read_text(errors="replace").partition("\n")
            if newline:
                return line
            if not self.is_running:
                break
            time.sleep(POLL_WALL_S)
        raise self.failure("it said nothing")

    def failure(self, problem: str) -> Unavailable:
        """HY-605 with the last line of its log."""
        ended = "" if self.is_running else f"it ended with code {self._process.returncode}"
        told = "; ".join(filter(None, [ended or problem, self.last_line]))
        return Unavailable("HY-605", part=self.name, problem=told, path=self.log)

    @property
    def last_line(self) -> str:
        """What it said last."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def ask_to_end(self) -> None:
        """SIGTERM to its whole group."""
        if self.is_running:
            _signal_group(self.pid, signal.SIGTERM)

    def end(self, wall_s_max: float = STOP_WALL_S) -> None:
        """SIGTERM, then SIGKILL for whatever of its session is left."""
        self.ask_to_end()
        try:
            self._process.wait(wall_s_max)
        except subprocess.TimeoutExpired:
            pass
        for pid in members(self.pid):
            _kill(pid)
        _signal_group(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, wall_s_max: float) -> int:
        """Its exit code; HY-605 when it does not end in time."""
        try:
            return self._process.wait(wall_s_max)
        except subprocess.TimeoutExpired:
            raise self.failure(f"not done after {wall_s_max:.0f} s") from None


class Parts:
    """All processes of one stack, in the order in which they started."""

    def __init__(self) -> None:
        self.all: list[Part] = []

    def start(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        *,
        needs_others: bool = False,
    ) -> Part:
        part = Part(name, argv, env, folder, needs_others=needs_others)
        self.all.append(part)
        return part

    def end(self) -> None:
        """First the last one that runs and what needs the others to end well, then the others together."""
        last = next((part for part in reversed(self.all) if part.is_running), None)
        first = [part for part in reversed(self.all) if part is last or part.needs_others]
        _end_together(first, LAST_STOP_WALL_S)
        _end_together([part for part in reversed(self.all) if part not in first], STOP_WALL_S)

    def resident_bytes(self) -> int:
        """Summed resident memory of every process of these sessions and of this one; 0 where /proc is not."""
        sessions = {part.pid for part in self.all}
        pids = [pid for pid, session in sessions_by_pid().items() if session in sessions]
        return sum(_resident_bytes(pid) for pid in [*pids, os.getpid()])


def _end_together(parts: Sequence[Part], wall_s_max: float) -> None:
    for part in parts:
        part.ask_to_end()
    until = time.monotonic() + wall_s_max
    for part in parts:
        part.end(max(until - time.monotonic(), 0.1))


@contextmanager
def ended_together() -> Iterator[Parts]:
    """Whatever ends the block, also SIGTERM or Ctrl-C, ends every process with it."""
    parts = Parts()
    # SIGINT, too: a shell's background job ignores it unless somebody asks for it
    earlier = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield parts
    finally:
        for number in earlier:
            signal.signal(number, signal.SIG_IGN)
        parts.end()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def keep_running(
    parts: Sequence[Part],
    tell: Callable[[str], None],
    is_over: Callable[[], bool],
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Start each part again whenever it has ended, until it is over; tells each time what it said last."""
    now_s = time.monotonic()
    kept = [_Kept(part, now_s) for part in parts]
    while not is_over():
        for one in kept:
            one.look(time.monotonic(), tell)
        wait(POLL_WALL_S * 5)


@dataclass(slots=True)
class _Kept:
    """A part that is started again: since when it lives, or from when on it may live again."""

    part: Part
    born_s: float
    pause_s: float = 0.0
    again_s: float | None = None

    def look(self, now_s: float, tell: Callable[[str], None]) -> None:
        if self.part.is_running:
            return
        if self.again_s is None:
            is_short = now_s - self.born_s < SHORT_LIFE_WALL_S
            self.pause_s = min(max(2 * self.pause_s, PAUSE_WALL_S), PAUSE_WALL_S_MAX) if is_short else 0.0
            self.again_s = now_s + self.pause_s
            soon = f" in {self.pause_s:g} s" if self.pause_s else ""
            said = self.part.last_line
            tell(f"the {self.part.name} has ended and is started again{soon}; it said: {said}")
        if now_s >= self.again_s:
            self.part.start_again()
            self.born_s, self.again_s = now_s, None


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def members(session: int) -> list[int]:
    """The processes of one session."""
    return [pid for pid, its in sessions_by_pid().items() if its == session]


def sessions_by_pid() -> dict[int, int]:
    """pid → session id, from /proc; empty where there is none."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # the command name stands in brackets and may hold anything, so count from the last one
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(entry.parent.name)] = int(fields[3])
    return found


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
