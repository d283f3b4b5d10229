"""Alerts from the outbox to their sinks: in order, each at least once, none lost while a sink is down.

A sink is slow or dead without harm to trading: what it did not take stays in the outbox. Each alert carries
its number, by which a reader drops what it has seen already.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hydra.domain.alerts import Weight, connection_alert
from hydra.ports import Clock, Link, Log, Outbox, Told

BATCH_MAX = 100
# Shorter breaks of the link mend themselves and are nobody's concern.
LINK_PATIENCE_WALL_S = 2.0
LINK_AGAIN_WALL_S = 3600.0
ALERTS_FILE = "alerts.jsonl"


class Sink(Protocol):
    """A place alerts are told to; `take` returns when it has them all, and raises OSError when it has not."""

    name: str

    def take(self, alerts: Sequence[Told]) -> None: ...


class FileSink:
    """One JSON object a line, at the end of a file."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, alerts: Sequence[Told]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = "".join(json.dumps(plain(one), ensure_ascii=False) + "\n" for one in alerts)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            left = lines.encode()
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class LogSink:
    """The process's event log: what wants a person, as warnings and errors on stderr."""

    name = "log"

    def __init__(self, log: Log) -> None:
        self._log = log

    def take(self, alerts: Sequence[Told]) -> None:
        for one in alerts:
            if one.alert.weight is not Weight.INFO:
                level = one.alert.weight.value.lower()
                self._log("hydra.alert.raised", level, alert=one.alert.name, number=one.number, **_facts(one))


def plain(one: Told) -> dict[str, object]:
    """An alert as sinks write it."""
    alert = one.alert
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "name": alert.name,
        "weight": alert.weight.value,
        "resource": alert.resource,
        "facts": dict(alert.facts),
    }


def deliver(outbox: Outbox, sinks: Sequence[Sink], log: Log) -> bool:
    """Everything untold to every sink that takes it; False when one of them was down."""
    all_up = True
    for sink in sinks:
        try:
            while alerts := outbox.untold(sink.name, BATCH_MAX):
                sink.take(alerts)
                outbox.took(sink.name, alerts[-1].number)
        except Exception as problem:  # noqa: BLE001 - whatever a sink has, trading goes on without it
            all_up = False
            log("hydra.sink.failed", sink=sink.name, problem=str(problem))
    return all_up


class LinkReporter:
    """Puts lost and restored connections into the outbox; what the ledger does not take yet is kept.

    A link that stays away is told again every hour; inside a maintenance window it is expected to be away.
    """

    def __init__(self, client_id: int, clock: Clock) -> None:
        self._client_id = client_id
        self._clock = clock
        self._told_wall_s: float | None = None
        self._bad_since_wall_s: float | None = None

    def look(self, link: Link, outbox: Outbox, *, is_expected: bool = False) -> None:
        """Call it every second; Unavailable when the ledger is away, and then it is told the next time."""
        wall_s = self._clock.wall_s()
        if link.is_good:
            self._bad_since_wall_s = None
            if self._told_wall_s is not None:
                outbox.add([connection_alert(True, self._client_id, "")])
                self._told_wall_s = None
            return
        if self._bad_since_wall_s is None or is_expected:
            self._bad_since_wall_s = wall_s
        is_due = self._told_wall_s is None or wall_s - self._told_wall_s >= LINK_AGAIN_WALL_S
        if wall_s - self._bad_since_wall_s >= LINK_PATIENCE_WALL_S and is_due:
            outbox.add([connection_alert(False, self._client_id, link.reason)])
            self._told_wall_s = wall_s


def _facts(one: Told) -> dict[str, str]:
    """The facts under names that do not collide with the log's own."""
    return {f"alert_{name}": text for name, text in one.alert.facts.items()}
