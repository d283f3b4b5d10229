"""The outbox: alerts in the transaction of their facts, read out sink by sink, in order, none lost.

Numbers come from the table itself: writers are one at a time, so that a later number is never seen before an
earlier one and a sink's place can be one number.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from hydra.domain.alerts import Alert, Weight, alert_of
from hydra.domain.errors import Unavailable
from hydra.persistence.codec import instant_of, instant_text
from hydra.persistence.database import Database, TransactionFailed
from hydra.ports import Told

_LAST: Final = "SELECT MAX(number) FROM outbox"
_ADD: Final = "INSERT INTO outbox (number, at, name, weight, resource, facts) VALUES (?, ?, ?, ?, ?, ?)"
_PLACE: Final = "SELECT number FROM outbox_sinks WHERE sink = ?"
_UNTOLD: Final = (
    "SELECT number, at, name, weight, resource, facts FROM outbox WHERE number > ? ORDER BY number LIMIT ?"
)
_MOVE: Final = (
    "INSERT INTO outbox_sinks (sink, number) VALUES (?, ?)"
    " ON CONFLICT (sink) DO UPDATE SET number = excluded.number WHERE outbox_sinks.number < excluded.number"
)


class SqlOutbox:
    """`hydra.ports.Outbox` on the ledger's own connection."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def write(self, facts: Iterable[object], at: datetime) -> None:
        """The alerts of these facts, inside the caller's transaction."""
        self._insert([alert for alert in map(alert_of, facts) if alert is not None], at)

    def add(self, alerts: Sequence[Alert]) -> None:
        """Alerts of what is no fact of the ledger (a lost link); Unavailable when nothing was written."""
        with self._coded(), self._database.transaction():
            self._insert(alerts, self._now().astimezone(UTC))

    def untold(self, sink: str, limit: int) -> Sequence[Told]:
        """The next alerts this sink has not taken, oldest first."""
        place = self._database.row(_PLACE, (sink,))
        rows = self._database.rows(_UNTOLD, (0 if place is None else place[0], limit))
        return [
            Told(int(number), instant_of(at), Alert(name, Weight(weight), resource, json.loads(facts)))
            for number, at, name, weight, resource, facts in rows
        ]

    def took(self, sink: str, number: int) -> None:
        """The sink has everything up to this number; it never goes back."""
        with self._coded(), self._database.transaction():
            self._database.execute(_MOVE, (sink, number))

    def _insert(self, alerts: Sequence[Alert], at: datetime) -> None:
        if not alerts:
            return
        last = self._database.row(_LAST)
        first = int(last[0]) + 1 if last is not None and last[0] is not None else 1
        for number, alert in enumerate(alerts, start=first):
            facts = json.dumps(dict(alert.facts), ensure_ascii=False, separators=(",", ":"))
            values = (number, instant_text(at), alert.name, alert.weight.value, alert.resource, facts)
            self._database.execute(_ADD, values)

    def _coded(self) -> "_Coded":
        return _Coded(self._database)


class _Coded:
    """A failed transaction as one coded line."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TransactionFailed):
            where = self._database.where or "ledger"
            raise Unavailable("HY-406", where=where, problem=error.reason) from error
