"""Pending requests of one connection: each ends with rows, a refusal, or Unknown, and never hangs.

Requests without an id on the wire (positions, open orders, completed orders, the time, market rules) are
answered under a fixed key: one at a time, and an end marker owed to an abandoned one is not taken for ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hydra.ports import Refused, Unknown

Key = int | str
Answer = list[object] | Refused | Unknown


@dataclass(slots=True)
class _Pending:
    done: asyncio.Future[Refused | Unknown | None]
    rows: list[object] = field(default_factory=list)
    owed: int = 0


class Requests:
    """The requests in flight on one connection."""

    def __init__(self, pace: Callable[[], Awaitable[None]], timeouts_max: int = 3) -> None:
        """`pace` returns when one more message may be sent without delaying an order."""
        self.pace = pace
        self._timeouts_max = timeouts_max
        self._pending: dict[Key, _Pending] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._owed: dict[Key, int] = {}
        self._timeouts: dict[str, int] = {}
        self._used_ids: set[int] = set()
        self._listeners: dict[str, list[list[object]]] = {}
        self._closed_because = ""

    @property
    def hopeless(self) -> str:
        """A fixed key that stayed unanswered too often: only a new connection mends it."""
        for key, count in self._timeouts.items():
            if count >= self._timeouts_max:
                return f"{key} unanswered {count} times"
        return ""

    def forgive(self) -> None:
        """An outage explains the silence: what went unanswered says nothing about this connection."""
        self._timeouts.clear()

    def is_request(self, req_id: int) -> bool:
        """Whether the id belongs, or on this connection once belonged, to a request of ours."""
        return req_id in self._used_ids

    def claim(self, req_id: int) -> None:
        """Marks the id of a subscription as a request's."""
        self._used_ids.add(req_id)

    def owes(self, key: str) -> bool:
        """Whether an earlier request of this kind is still unanswered."""
        return self._owed.get(key, 0) > 0

    def is_pending(self, key: Key) -> bool:
        return key in self._pending

    # --- asking ---

    async def ask(self, req_id: int, send: Callable[[], None], timeout_s: float) -> Answer:
        """The rows of a request with an id of its own."""
        self._used_ids.add(req_id)
        try:
            async with asyncio.timeout(timeout_s):
                await self.pace()
                return await self._exchange(req_id, send)
        except TimeoutError:
            return Unknown(f"request {req_id}: no answer within {timeout_s:g} s")

    async def ask_fixed(
        self,
        key: str,
        send: Callable[[], None],
        timeout_s: float,
        *,
        is_required: bool = True,
        takes_late_answers: bool = False,
    ) -> Answer:
        """The rows of a request that the wire knows by its kind alone: one at a time.

        `takes_late_answers`: an answer owed to an earlier request is as good as ours.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            if takes_late_answers:
                self._owed.pop(key, None)
            try:
                async with asyncio.timeout(timeout_s):
                    await self.pace()
                    answer = await self._exchange(key, send)
            except TimeoutError:
                if is_required:
                    self._timeouts[key] = self._timeouts.get(key, 0) + 1
                return Unknown(f"{key}: no answer within {timeout_s:g} s")
        self._timeouts.pop(key, None)
        return answer

    async def _exchange(self, key: Key, send: Callable[[], None]) -> Answer:
        if self._closed_because:
            return Unknown(self._closed_because)
        pending = _Pending(asyncio.get_running_loop().create_future(), owed=self._owed.get(key, 0))
        self._pending[key] = pending
        try:
            try:
                send()
            except ConnectionError as problem:
                return Unknown(str(problem))
            if isinstance(key, str):
                self._owed[key] = self._owed.get(key, 0) + 1
            refusal = await pending.done
        finally:
            self._pending.pop(key, None)
        return pending.rows if refusal is None else refusal

    @contextmanager
    def listening(self, kind: str) -> Iterator[list[object]]:
        """Collects what comes under this kind without a request of its own."""
        heard: list[object] = []
        listeners = self._listeners.setdefault(kind, [])
        listeners.append(heard)
        try:
            yield heard
        finally:
            listeners.remove(heard)

    # --- answers ---

    def add(self, key: Key, row: object) -> None:
        """One row of an answer; those owed to an abandoned request go when their end marker comes."""
        pending = self._pending.get(key)
        if pending is not None:
            pending.rows.append(row)

    def overhear(self, kind: str, row: object) -> None:
        """A message that answers no request of its own."""
        for heard in self._listeners.get(kind, ()):
            heard.append(row)

    def end(self, key: Key) -> None:
        """The end marker."""
        if isinstance(key, str):
            self._owed[key] = max(self._owed.get(key, 0) - 1, 0)
        pending = self._pending.get(key)
        if pending is None:
            return
        if pending.owed > 0:
            pending.owed -= 1
            pending.rows.clear()
        elif not pending.done.done():
            pending.done.set_result(None)

    def refuse(self, key: Key, refusal: Refused) -> None:
        """The broker answered no."""
        pending = self._pending.get(key)
        if pending is not None and not pending.done.done():
            pending.done.set_result(refusal)

    def close(self, reason: str) -> None:
        """Ends everything in flight as Unknown; nothing can be asked any more."""
        self._closed_because = reason
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_result(Unknown(reason))
