"""A client id's OS lock and the process that has it: all of a lease that needs no database.

The lock survives nothing, not even SIGKILL: free = its holder is dead. The lock file names the holder, so
that a kill finds it when the ledger is dead; a start time tells a process from a later one of the same pid.
"""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCKS_FOLDER: Final = "locks"
KILL_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, beyond doubt: its start time tells it from a later one with the same pid."""

    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started}"


@dataclass(frozen=True, slots=True)
class Host:
    """The machine that leases are taken on: what runs there, and how a process of it is ended."""

    name: str
    own_pid: int
    started: Callable[[int], str | None]
    kill: Callable[[Holder], bool]

    def has(self, process: Holder) -> bool:
        return process.host == self.name

    def runs(self, process: Holder) -> bool:
        """Whether that very process runs on this host."""
        return self.has(process) and self.started(process.pid) == process.started


def this_host() -> Host:
    """The machine this process runs on."""
    return Host(socket.gethostname(), os.getpid(), _started, _kill)


def this_holder() -> str:
    """This process as leases name it: host/pid/start time."""
    return str(Holder(socket.gethostname(), os.getpid(), _started(os.getpid()) or "0"))


def holder_of(text: str) -> Holder | None:
    """The process a holder text names, None when it follows another grammar."""
    host, _, rest = text.rpartition("/")[0].rpartition("/")
    started = text.rpartition("/")[2]
    return Holder(host, int(rest), started) if host and rest.isdigit() else None


def _started(pid: int) -> str | None:
    """Clock ticks since boot at which the process started; None when it runs no more (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


class Seat:
    """A client id taken for a kill: by its OS lock alone, so that no ledger is needed. `close` lets go."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def take_seat(folder: Path, client_id: int, host: Host | None = None) -> Seat | str:
    """The client id, its living holder on this host ended with SIGKILL; a text when it cannot be had.

    Blocks at most 2 s. The lock file names its holder, whose start time must be that of the process found.
    """
    host = host if host is not None else this_host()
    deadline = time.monotonic() + KILL_WAIT_S
    refusal = ""
    while time.monotonic() <= deadline:
        try:
            descriptor = locked(folder, client_id)
        except OSError as problem:
            return f"the lock of client id {client_id} cannot be taken: {problem}"
        if descriptor is not None:
            sign(descriptor, this_holder())
            return Seat(descriptor)
        process = signed(folder, client_id)
        if process is None or process.pid == host.own_pid:
            refusal = f"client id {client_id} is held by a process that its lock does not name"
        elif not host.has(process):
            return f"client id {client_id} is held by {process} on another host"
        elif host.runs(process) and not host.kill(process):
            refusal = f"client id {client_id} is held by {process}, which this user cannot end"
        time.sleep(0.01)
    return refusal or f"client id {client_id}: its holder was ended, its lock is still held"


def locked(folder: Path, client_id: int) -> int | None:
    """The descriptor that has the OS lock, None while another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"client-{client_id}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def sign(descriptor: int, holder: str) -> None:
    """The lock file says who has it: all that a kill can read when the ledger is dead."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
    except OSError:
        pass  # a full disk; the lock itself holds


def signed(folder: Path, client_id: int) -> Holder | None:
    """The process that the lock file names; only a taken lock makes it true."""
    try:
        return holder_of((folder / f"client-{client_id}.lock").read_text().strip())
    except (OSError, ValueError):
        return None


def _kill(process: Holder) -> bool:
    """Ends exactly that process: the handle is taken first, so that a reused pid is never hit."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if _started(process.pid) != process.started:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
