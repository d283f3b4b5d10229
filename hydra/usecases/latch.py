"""The kill latch as a file: added to in one write, lifted only by name, never lost between two processes.

A kill must wait for nobody, so adding takes no lock: whoever adds looks afterwards whether its line is under
the path, and whoever lifts looks afterwards whether the file it replaced has grown meanwhile. Only those who
replace the file wait for each other.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from hydra.domain.latch import Latched, latch_line, read_latch_text, unreadable, with_pass

LATCH_FILE = "kill.latch"
ATTEMPTS_MAX = 100
SETTLE_LOOKS = 20
SETTLE_PAUSE_S = 0.005

Change = Callable[[tuple[Latched, ...]], tuple[Latched, ...]]


def read_latch(path: Path) -> tuple[Latched, ...]:
    """Every kill in force; empty when there is no latch. What cannot be read blocks everything."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as problem:
        return (unreadable(str(problem)),)
    return read_latch_text(text)


def blocking(path: Path | None, symbol: str, parent_id: str, holder: str = "") -> Latched | None:
    """The kill that forbids a child of this parent; costs one stat while there is none."""
    if path is None:
        return None
    try:
        os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as problem:
        return unreadable(str(problem))
    return next((one for one in read_latch(path) if one.blocks(symbol, parent_id, holder)), None)


def set_latch(path: Path, latched: Latched) -> None:
    """Add one kill, on disk when this returns; OSError when it cannot be written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = latch_line(latched).encode()
    for _ in range(ATTEMPTS_MAX):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if _is_cut(descriptor):
                line = b"\n" + line.lstrip(b"\n")
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if latched in read_latch(path):
            return
    raise OSError(f"{path}: other processes keep replacing it")


def lift_latch(path: Path, scope: str) -> tuple[Latched, ...]:
    """Take the kills of exactly this scope away; returns them. Kills of other scopes stay."""
    return _replace(path, lambda kept: tuple(one for one in kept if one.scope != scope), scope)


def let_through(path: Path, scope: str, holder: str) -> None:
    """Let this one process pass the kills of this scope: its flatten sends reducing orders only."""

    def passed(held: tuple[Latched, ...]) -> tuple[Latched, ...]:
        return tuple(with_pass([one], holder)[0] if one.scope == scope else one for one in held)

    _replace(path, passed, scope)


def _replace(path: Path, change: Change, scope: str) -> tuple[Latched, ...]:
    """Put the changed latch in the old one's place; returns the kills of this scope that were there."""
    try:
        turn = os.open(path.with_name(f"{path.name}.turn"), os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return ()
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return _replace_in_turn(path, change, scope)
    finally:
        os.close(turn)


def _replace_in_turn(path: Path, change: Change, scope: str) -> tuple[Latched, ...]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ()
    try:
        before = _settled(descriptor)
        held = read_latch_text(before)
        _put(path, change(held))
        later = _text(descriptor)[len(before) :]
    finally:
        os.close(descriptor)
    for missed in read_latch_text(later) if later.strip() else ():
        set_latch(path, missed)
    return tuple(one for one in held if one.scope == scope)


def _put(path: Path, kept: Iterable[Latched]) -> None:
    lines = "".join(map(latch_line, kept))
    if not lines:
        path.unlink(missing_ok=True)
    else:
        beside = path.with_name(f"{path.name}.new")
        with open(beside, "w", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _settled(descriptor: int) -> str:
    """The text once its last line is whole: a reader may see half of a write that is under way.

    What stays torn or empty was left so by a crash.
    """
    for _ in range(SETTLE_LOOKS):
        text = _text(descriptor)
        if text.endswith("\n"):
            break
        time.sleep(SETTLE_PAUSE_S)
    return text


def _text(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode("utf-8", "replace")


def _is_cut(descriptor: int) -> bool:
    """Whether the last line was torn: ours must not become part of it."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
