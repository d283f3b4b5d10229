"""The pulse of the `ib` loop, and the thread that ends the process when it stops.

A loop that stands still proves nothing, cancels nothing and renews no lease. Ending the process, without any
clean-up that might hang as well, hands everything to the supervisor and to recovery.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hydra import eventlog
from hydra.domain.errors import Unavailable

BEAT_S: Final = 0.1
TOLD_LAG_S: Final = 0.5
TICK_S: Final = 0.25
# With nothing open a loop that stands still costs only its place.
IDLE_STALL_S: Final = 30.0


@dataclass(slots=True)
class Pulse:
    """Written by the loop, read by the watchdog's thread."""

    beats: int = 0
    is_open: bool = False
    has_work: bool = False
    worst_lag_s: float = 0.0

    async def keep(self, has_work: Callable[[], bool]) -> None:
        """Beat until cancelled; a beat that comes late is told."""
        while True:
            due_s = time.monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            lag_s = time.monotonic() - due_s
            if self.is_open:
                self._measure(lag_s)
            self.has_work = has_work()
            self.beats += 1

    def _measure(self, lag_s: float) -> None:
        """Before the connection is open nothing waits for the loop: a migration may take its time there."""
        self.worst_lag_s = max(self.worst_lag_s, lag_s)
        if lag_s > TOLD_LAG_S:
            eventlog.event("hydra.loop.stalled", "warning", error=None, lag_s=round(lag_s, 3))


class Watchdog:
    """Ends the process when the pulse stops for `stall_s` of this process's own running time.

    Time is counted in short waits of this thread, so a process that was stopped as a whole (SIGSTOP, a
    suspended machine) is not taken for one that hangs.
    """

    def __init__(self, pulse: Pulse, stall_s: float, end: Callable[[float], None]) -> None:
        self._pulse, self._stall_s, self._end = pulse, stall_s, end
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more watching: the loop is about to end on purpose."""
        self._over.set()

    def _watch(self) -> None:
        seen, still_s = -1, 0.0
        while not self._over.wait(TICK_S):
            beats = self._pulse.beats
            still_s = still_s + TICK_S if beats == seen else 0.0
            seen = beats
            if still_s >= (self._stall_s if self._pulse.has_work else IDLE_STALL_S):
                self._end(still_s)
                return


def end_process(client_id: int) -> Callable[[float], None]:
    """Tells HY-607 and where every thread stands, then exits without clean-up."""

    def end(still_s: float) -> None:
        stalled = Unavailable("HY-607", client_id=client_id, seconds=f"{still_s:g}")
        sys.stderr.write(f"{stalled}\n")
        sys.stderr.flush()
        faulthandler.dump_traceback(all_threads=True)
        os._exit(stalled.exit_code)

    return end
