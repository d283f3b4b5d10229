"""Proves a ledger: the hash chains, the heads anchored outside, the state tables against the fold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations, pairwise
from typing import Final

from hydra.persistence.anchor import Anchored, HeadsFile
from hydra.persistence.chain import EventRow, Head, hash_of
from hydra.persistence.database import Database
from hydra.persistence.refold import table_differences

_PAIRED_MAX: Final = 200
_ROWS: Final = (
    "SELECT stream, seq, kind, version, payload, recorded_at, prev_hash, hash FROM order_events"
    " ORDER BY stream, seq"
)
_HEADS: Final = "SELECT parent_id, seq, hash FROM parents UNION ALL SELECT stream, seq, hash FROM heads"


class Damage(StrEnum):
    """What was done to a ledger that no longer proves itself."""

    EDITED = "EDITED"  # an event does not say what its hash was made of
    SWAPPED = "SWAPPED"  # two events stand in each other's place
    REMOVED = "REMOVED"  # an event is missing before a later one
    REWRITTEN = "REWRITTEN"  # an event and its hash were both made anew
    DROPPED_TAIL = "DROPPED_TAIL"  # the last events of a stream are missing
    OLDER_FILE = "OLDER_FILE"  # the whole ledger is as it was at an earlier time
    TABLE = "TABLE"  # a state table does not say what the events say


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where."""

    damage: Damage
    stream: str
    seq: int
    detail: str

    def __str__(self) -> str:
        return f"{self.damage} {self.stream} {self.seq}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and every finding; no findings = the ledger proves itself."""

    streams: int
    events: int
    anchored: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Read:
    """The whole ledger as it is read once."""

    by_stream: dict[str, list[EventRow]] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)


def verify(database: Database, heads_file: HeadsFile | None) -> Proof:
    """Reads everything once. The heads file is read first: a writer may go on meanwhile, never back."""
    anchored = list(heads_file.lines()) if heads_file is not None else []
    with database.reading():
        read = _Read()
        for row in map(EventRow._make, database.rows(_ROWS)):
            read.by_stream.setdefault(row.stream, []).append(row)
        read.heads = {str(stream): Head(*head) for stream, *head in database.rows(_HEADS)}
        findings = [*_chain_findings(read), *_tail_findings(read)]
        findings += _anchor_findings(read, anchored, is_whole=not findings)
        if not findings:
            rows = [row for stream in read.by_stream.values() for row in stream]
            findings = [
                Finding(Damage.TABLE, *difference) for difference in table_differences(database, rows)
            ]
    events = sum(map(len, read.by_stream.values()))
    return Proof(len(read.by_stream), events, len(anchored), tuple(findings))


def _chain_findings(read: _Read) -> Iterator[Finding]:
    broken = [row for rows in read.by_stream.values() for row in rows if hash_of(row) != row.hash]
    yield from _named(broken)
    wrong = {(row.stream, row.seq) for row in broken}
    for stream, rows in read.by_stream.items():
        first = EventRow(stream, 0, "", 0, "", "", "", "")
        for before, row in pairwise([first, *rows]):
            if row.seq != before.seq + 1:
                missing = f"{row.seq - before.seq - 1} event(s) before {row.seq} are missing"
                yield Finding(Damage.REMOVED, stream, before.seq + 1, missing)
            elif row.prev_hash != before.hash and not {(stream, before.seq), (stream, row.seq)} & wrong:
                detail = f"event {row.seq} was appended to another event {before.seq} than this one"
                yield Finding(Damage.REWRITTEN, stream, before.seq, detail)


def _named(broken: list[EventRow]) -> Iterator[Finding]:
    """Each broken event as one of a swapped pair where it fits another's place, else as edited."""
    paired: set[EventRow] = set()
    if len(broken) <= _PAIRED_MAX:
        for one, other in combinations(broken, 2):
            if not {one, other} & paired and (_content_swapped(one, other) or _place_swapped(one, other)):
                paired |= {one, other}
                detail = f"changed places with {other.stream} {other.seq}"
                yield Finding(Damage.SWAPPED, one.stream, one.seq, detail)
    for row in broken:
        if row not in paired:
            yield Finding(Damage.EDITED, row.stream, row.seq, f"{row.kind} does not fit its hash")


def _content_swapped(one: EventRow, other: EventRow) -> bool:
    return _fits(one, one, other) and _fits(other, other, one)


def _place_swapped(one: EventRow, other: EventRow) -> bool:
    return _fits(one, other, one) and _fits(other, one, other)


def _fits(hashed: EventRow, place: EventRow, content: EventRow) -> bool:
    """Whether the hash of one row was made of another's place or content."""
    made = content._replace(prev_hash=hashed.prev_hash, stream=place.stream, seq=place.seq)
    return hash_of(made) == hashed.hash


def _tail_findings(read: _Read) -> Iterator[Finding]:
    """The heads that the ledger itself keeps, against the events that are there."""
    for stream in read.heads.keys() | read.by_stream.keys():
        rows = read.by_stream.get(stream, [])
        last = Head(rows[-1].seq, rows[-1].hash) if rows else Head(0, "")
        head = read.heads.get(stream, Head(0, ""))
        if head.seq > last.seq:
            detail = f"the stream had {head.seq} events, {last.seq} are left"
            yield Finding(Damage.DROPPED_TAIL, stream, last.seq + 1, detail)
        elif head != last:
            detail = f"the ledger's own head is {head.seq}, the last event {last.seq}, or their hashes differ"
            yield Finding(Damage.REWRITTEN, stream, last.seq, detail)


def _anchor_findings(read: _Read, anchored: Iterable[Anchored], *, is_whole: bool) -> list[Finding]:
    """The heads kept outside, against the events. `is_whole`: inside, nothing contradicts itself."""
    hashes = {(row.stream, row.seq): row.hash for rows in read.by_stream.values() for row in rows}
    missing: dict[str, Anchored] = {}
    findings: dict[str, Finding] = {}
    is_cut, last_met = True, None
    for line in anchored:
        found = hashes.get((line.stream, line.head.seq))
        if found == line.head.hash:
            is_cut, last_met = is_cut and not missing, line
        elif found is None:
            missing[line.stream] = line
        else:
            detail = f"the heads file has another hash for it, noted at {line.at}"
            findings.setdefault(line.stream, Finding(Damage.REWRITTEN, line.stream, line.head.seq, detail))
    if missing and is_whole and is_cut and not findings:
        then = last_met.at if last_met else "its beginning"
        newest = max(line.at for line in missing.values())
        detail = f"the ledger is as it was at {then}; the heads file goes on to {newest}"
        stream, line = next(iter(missing.items()))
        return [Finding(Damage.OLDER_FILE, stream, line.head.seq, detail)]
    for stream, line in missing.items():
        detail = f"the heads file has it, noted at {line.at}"
        findings.setdefault(stream, Finding(Damage.DROPPED_TAIL, stream, line.head.seq, detail))
    return list(findings.values())
