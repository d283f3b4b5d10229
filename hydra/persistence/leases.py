"""Leases: one process may send on a client id. A row names the holder, an OS lock proves that it lives.

Lock free = the holder is dead = take over at once. Lock held and no renewal for 10 s of wall time = end the
holder if it is on this host and still the process that took the lease; else refuse with one line. Then the
epoch rises, and with it every sending of an older epoch is refused.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hydra.persistence.database import Database
from hydra.persistence.seat import KILL_WAIT_S, Holder, Host, holder_of, locked, sign, this_host
from hydra.ports import Conflict, Lease, OtherBuild

STALE_AFTER_S: Final = 10.0
_ROW: Final = "SELECT epoch, holder, renewed_wall_s, released FROM leases WHERE client_id = ?"
_TAKE: Final = (
    "INSERT INTO leases (client_id, epoch, holder, build_id, renewed_wall_s, released)"
    " VALUES (?, ?, ?, ?, ?, 0)"
    " ON CONFLICT (client_id) DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder,"
    " build_id = excluded.build_id, renewed_wall_s = excluded.renewed_wall_s, released = 0"
)
_OTHER_BUILDS: Final = (
    "SELECT client_id, holder, build_id FROM leases"
    " WHERE client_id <> ? AND released = 0 AND build_id <> ? ORDER BY client_id"
)
_BURY: Final = "UPDATE leases SET released = 1 WHERE client_id = ? AND holder = ?"
_RENEW: Final = (
    "UPDATE leases SET renewed_wall_s = ? WHERE client_id = ? AND epoch = ? AND holder = ? AND released = 0"
)
_RELEASE: Final = "UPDATE leases SET released = 1 WHERE client_id = ? AND epoch = ? AND holder = ?"


class LeaseBook:
    """The leases this process holds or wants.

    `is_lock_shared`: whether every possible holder uses these very lock files, as all do whose ledger is a
    file beside them. On a server, a holder on another host is out of reach: it is refused until it releases.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        wall_s: Callable[[], float],
        *,
        is_lock_shared: bool,
        host: Host | None = None,
    ) -> None:
        self._database = database
        self._folder = folder
        self._wall_s = wall_s
        self._is_lock_shared = is_lock_shared
        self._host = host if host is not None else this_host()
        self._locks: dict[int, int] = {}

    def acquire(self, client_id: int, holder: str, build_id: str) -> Lease | Conflict:
        """The lease at a new epoch, or one line that says who has it; blocks at most 2 s, after a kill."""
        had_lock = client_id in self._locks
        if not self._lock(client_id):
            refusal = self._evict(client_id)
            if refusal is not None:
                return Conflict(refusal)
        sign(self._locks[client_id], holder)
        lease: Lease | Conflict | None = None
        try:
            lease = self._raise_epoch(client_id, holder, build_id)
            return lease
        finally:
            # A second lease that fails must not cost the first one its lock.
            if not isinstance(lease, Lease) and not had_lock:
                self._unlock(client_id)

    def problem(self, lease: Lease) -> str | None:
        """Why the lease is not current, read in the caller's transaction; None when it is."""
        row = self._database.row(_ROW, (lease.client_id,))
        if row is None:
            return f"client id {lease.client_id} has no lease"
        epoch, holder, _, released = row
        if released or (epoch, holder) != (lease.epoch, lease.holder):
            state = "released" if released else "held"
            return f"lease epoch {lease.epoch} of client id {lease.client_id} is over: {state} at {epoch}"
        return None

    def renew(self, lease: Lease) -> bool:
        with self._database.transaction():
            values = (self._wall_s(), lease.client_id, lease.epoch, lease.holder)
            return bool(self._database.execute(_RENEW, values).rowcount == 1)

    def release(self, lease: Lease) -> None:
        with self._database.transaction():
            self._database.execute(_RELEASE, (lease.client_id, lease.epoch, lease.holder))
        self._unlock(lease.client_id)

    def close(self) -> None:
        """Lets go of the OS locks, as the process's death would; the rows stay."""
        for client_id in list(self._locks):
            self._unlock(client_id)

    def _raise_epoch(self, client_id: int, holder: str, build_id: str) -> Lease | Conflict:
        with self._database.transaction():
            row = self._database.row(_ROW, (client_id,))
            if row is not None and not row[3] and not self._is_lock_shared:
                refusal = self._out_of_reach(client_id, holder, row[1], row[2])
                if refusal is not None:
                    return Conflict(refusal)
            other = self._other_build(client_id, build_id)
            if other is not None:
                return OtherBuild(other)
            epoch = 1 if row is None else int(row[0]) + 1
            self._database.execute(_TAKE, (client_id, epoch, holder, build_id, self._wall_s()))
        died = "" if row is None or row[3] or row[1] == holder else str(row[1])
        return Lease(client_id, epoch, holder, build_id, died)

    def _other_build(self, client_id: int, build_id: str) -> str | None:
        """Who holds another id with other code; a holder of this host that is dead is buried instead.

        The senders of a buried lease are refused in their own transactions, as those of any released one.
        """
        for theirs, holder, build in self._database.rows(_OTHER_BUILDS, (client_id, build_id)):
            process = holder_of(str(holder))
            if process is None or not self._host.has(process) or self._host.runs(process):
                return f"client id {theirs} is held by {holder} with build {build}, this is {build_id}"
            self._database.execute(_BURY, (theirs, holder))
        return None

    def _out_of_reach(self, client_id: int, holder: str, other: str, renewed_wall_s: float) -> str | None:
        """Why a lease whose lock file may be another one cannot be taken over; None when it can."""
        process = holder_of(other)
        is_here = process is not None and self._host.has(process)
        if other == holder or (process is not None and is_here and not self._host.runs(process)):
            return None
        if process is not None and is_here:
            return self._end_stale(client_id, process, renewed_wall_s)
        return f"client id {client_id} is held by {other} on another host, and not released"

    def _evict(self, client_id: int) -> str | None:
        """Ends a holder that keeps the lock but has stopped renewing; the refusal when it may not."""
        row = self._database.row(_ROW, (client_id,))
        process = None if row is None else holder_of(str(row[1]))
        if row is None or process is None or not self._host.has(process):
            return f"client id {client_id} is held by {row[1] if row else 'a process that is just starting'}"
        refusal = self._end_stale(client_id, process, float(row[2]))
        if refusal is not None:
            return refusal
        deadline = time.monotonic() + KILL_WAIT_S
        while not self._lock(client_id):
            if time.monotonic() > deadline:
                return f"client id {client_id}: {process} was ended, its lock is still held"
            time.sleep(0.01)
        return None

    def _end_stale(self, client_id: int, process: Holder, renewed_wall_s: float) -> str | None:
        silent_s = self._wall_s() - renewed_wall_s
        if silent_s < STALE_AFTER_S:
            return f"client id {client_id} is held by {process}, which renewed {max(silent_s, 0):.1f} s ago"
        if process.pid == self._host.own_pid:
            return f"client id {client_id} is held by this very process"
        if not self._host.kill(process):
            return f"client id {client_id}: lock held by another process than its lease names, {process}"
        return None

    def _lock(self, client_id: int) -> bool:
        """Whether this process has the OS lock now; it survives nothing, not even SIGKILL."""
        if client_id in self._locks:
            return True
        descriptor = locked(self._folder, client_id)
        if descriptor is None:
            return False
        self._locks[client_id] = descriptor
        return True

    def _unlock(self, client_id: int) -> None:
        descriptor = self._locks.pop(client_id, None)
        if descriptor is not None:
            os.close(descriptor)
