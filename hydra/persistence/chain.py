"""The hash chain of a stream: each event's hash covers its place, its content and the hash before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from hydra.persistence.codec import Event, encode


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of a stream; an empty stream has seq 0 and no hash."""

    seq: int
    hash: str


EMPTY: Final = Head(0, "")


class EventRow(NamedTuple):
    """One row of `order_events`, in the order of its columns."""

    stream: str
    seq: int
    kind: str
    version: int
    payload: str
    recorded_at: str
    prev_hash: str
    hash: str


def link(
    prev_hash: str, stream: str, seq: int, kind: str, version: int, payload: str, recorded_at: str
) -> str:
    """The hash of an event in its place; no part but the last may hold a newline, so parts cannot shift."""
    text = f"{prev_hash}\n{stream}\n{seq}\n{kind}\n{version}\n{recorded_at}\n{payload}"
    return sha256(text.encode()).hexdigest()


def hash_of(row: EventRow) -> str:
    """The hash this row should carry, given what it says and what it says came before."""
    return link(row.prev_hash, row.stream, row.seq, row.kind, row.version, row.payload, row.recorded_at)


def rows_after(head: Head, stream: str, events: Sequence[Event], recorded_at: str) -> list[EventRow]:
    """The rows that append these events to the stream."""
    rows: list[EventRow] = []
    seq, before = head.seq, head.hash
    for event in events:
        seq += 1
        kind, version, payload = encode(event)
        own = link(before, stream, seq, kind, version, payload, recorded_at)
        rows.append(EventRow(stream, seq, kind, version, payload, recorded_at, before, own))
        before = own
    return rows
