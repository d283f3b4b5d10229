"""Reports in the order they arrived: a queue that the use cases drain, and a bell that wakes them.

Built from the wire's own messages, never from the client library's view of an order. Executions told again
on request are handed on once; those the broker pushes are handed on every time.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from hydra.domain.evidence import ExecutionReport, Report

UNREAD_MAX = 100_000


class Inbox:
    """Everything the broker said that nobody has read yet."""

    def __init__(self) -> None:
        self._reports: deque[Report] = deque()
        self._bell = asyncio.Event()
        self._seen_exec_ids: set[str] = set()

    @property
    def is_overfull(self) -> bool:
        """Nobody reads: whoever trades on would trade blind."""
        return len(self._reports) > UNREAD_MAX

    def put(self, report: Report) -> None:
        if isinstance(report, ExecutionReport):
            self._seen_exec_ids.add(report.exec_id)
        self._reports.append(report)
        self._bell.set()

    def put_if_new(self, execution: ExecutionReport) -> None:
        """An execution told on request: news only if it was never told before."""
        if execution.exec_id not in self._seen_exec_ids:
            self.put(execution)

    def drain(self) -> Sequence[Report]:
        """All unread reports, oldest first."""
        taken = tuple(self._reports)
        self._reports.clear()
        return taken

    def ring(self) -> None:
        self._bell.set()

    async def wait(self, timeout_s: float) -> bool:
        """Waits until there is something to look at; False when the wall seconds passed first."""
        if not self._reports:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._bell.wait()
            except TimeoutError:
                return False
        self._bell.clear()
        return True
