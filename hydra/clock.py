"""The clock adapters: the only place that reads the machine's time.

Market time (deadlines, patience, slices, good_till, staleness) may run scaled; the wire's own timeouts
(connect, heartbeat, acknowledgement, settle) stay wall time, so that a scheduler's pause is not taken for
a disconnect.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Market time is wall time."""

    speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall_s(self) -> float:
        return time.monotonic()

    def wall_delay(self, until: datetime) -> float:
        return max((until - self.now()).total_seconds(), 0.0)

    def market(self, wall_s: float) -> timedelta:
        return timedelta(seconds=wall_s)

    async def sleep_until(self, until: datetime) -> None:
        await asyncio.sleep(self.wall_delay(until))

    async def sleep_wall(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScaledClock(SystemClock):
    """Market time as one pure function of wall time: start + (wall - anchor) × speed."""

    def __init__(self, start: datetime, speed: float, anchor_s: float) -> None:
        """`start`: aware instant that held at Unix wall second `anchor_s`; `speed` > 0."""
        if start.tzinfo is None or not speed > 0:
            raise ValueError(f"needs an aware start and a positive speed, not {start}, {speed}")
        self.start = start.astimezone(UTC)
        self.speed = speed
        self.anchor_s = anchor_s

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.anchor_s) * self.speed)

    def wall_delay(self, until: datetime) -> float:
        return max((until - self.now()).total_seconds() / self.speed, 0.0)

    def market(self, wall_s: float) -> timedelta:
        return timedelta(seconds=wall_s * self.speed)


class LoopClock(SystemClock):
    """Market time that follows an asyncio loop's own time: exact on a loop whose time is virtual."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime) -> None:
        """`start`: the aware instant at the loop's present time."""
        self._loop = loop
        self._start = start.astimezone(UTC)
        self._zero_s = loop.time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() - self._zero_s)

    def wall_s(self) -> float:
        return self._loop.time()
