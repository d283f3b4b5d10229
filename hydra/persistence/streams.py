"""Parents' streams: read, checked against their hash chain, folded once and kept: a step costs O(1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    ChildCancelRequested,
    ChildFilled,
    ChildNotSent,
    ChildResolved,
    ChildSending,
    ParentEvent,
)
from hydra.domain.parent import ParentOrder, fold_parent
from hydra.persistence.chain import EMPTY, EventRow, Head, hash_of
from hydra.persistence.codec import decode, instant_of
from hydra.persistence.database import Database

MICRO: Final = 1_000_000
MESSAGES: Final = (ChildSending, ChildCancelRequested)
_FILLING: Final = (ChildFilled, ChildResolved)
_KEPT_MAX: Final = 512
_HEAD: Final = "SELECT seq, hash FROM parents WHERE parent_id = ?"
_EVENTS: Final = (
    "SELECT stream, seq, kind, version, payload, recorded_at, prev_hash, hash FROM order_events"
    " WHERE stream = ? AND seq > ? ORDER BY seq"
)


Summary = tuple[object, ...]
"""The row of `parents` that the stream makes, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A parent's stream up to a head: its fold, and the sums that limits look at, kept up step by step.

    `messages` counts new orders and cancels; `sent_musd` is what was sent, in micro-dollars.
    """

    head: Head = EMPTY
    parent: ParentOrder | None = None
    messages: int = 0
    cum_qty: int = 0
    sent_musd: int = 0
    summary: Summary = ()

    def after(self, events: Sequence[tuple[int, datetime, ParentEvent]], head: Head) -> "Stream":
        """The stream with these events at its end; BrokenLaw when the state machines refuse one."""
        parent = fold_parent(events, self.parent)
        if parent is None:
            return self
        messages, sent_musd, is_filled = self.messages, self.sent_musd, False
        for _, _, event in events:
            kind = type(event)
            messages += kind in MESSAGES
            is_filled = is_filled or kind in _FILLING
            if isinstance(event, ChildSending):
                sent_musd += _musd(parent, event)
            elif isinstance(event, ChildNotSent):
                child = parent.child(event.order_ref)
                sent_musd -= _musd(parent, child.sending) if child else 0
        cum_qty = parent.cum_qty if is_filled else self.cum_qty
        summary = _summary(parent, cum_qty, messages, sent_musd, head)
        return Stream(head, parent, messages, cum_qty, sent_musd, summary)


def _summary(parent: ParentOrder, cum_qty: int, messages: int, sent_musd: int, head: Head) -> Summary:
    opened = parent.opened
    return (
        parent.parent_id,
        parent.plan.session_on.isoformat(),
        parent.plan.symbol,
        opened.con_id if opened else parent.plan.con_id,
        parent.status.value,
        int(not parent.is_closed or bool(parent.live_children)),
        opened.side.value if opened else None,
        parent.order_qty,
        cum_qty,
        str(opened.arrival_px) if opened else None,
        str(opened.usd_per_point) if opened else None,
        messages,
        sent_musd,
        head.seq,
        head.hash,
    )


def _musd(parent: ParentOrder, sending: ChildSending) -> int:
    """The child's whole value, in micro-dollars, rounded up."""
    if parent.opened is None:
        return 0
    return ceil(sending.qty * abs(sending.limit_px) * parent.opened.usd_per_point * MICRO)


class Streams:
    """The folds this process knows, each trusted only while the database still has its head."""

    def __init__(self, database: Database, where: str) -> None:
        self._database = database
        self._where = where
        self._known: dict[str, Stream] = {}

    def head(self, stream: str) -> Head:
        found = self._database.row(_HEAD, (stream,))
        return EMPTY if found is None else Head(*found)

    def current(self, stream: str) -> Stream:
        """The stream as the database has it now."""
        return self.at(stream, self.head(stream))

    def at(self, stream: str, head: Head) -> Stream:
        """The stream up to its head as the database just gave it; what is known already is not read again."""
        known = self._known.get(stream, Stream())
        if known.head == head:
            return known
        read = self._read(stream, known)
        if read.head.seq < head.seq:
            raise self._damaged(stream, read.head.seq + 1, f"is missing, the stream had {head.seq} events")
        self.keep(stream, read)
        return read

    def keep(self, stream: str, state: Stream) -> None:
        """Remembers the fold of what has been committed."""
        if len(self._known) >= _KEPT_MAX:
            self._known.clear()
        self._known[stream] = state

    def forget(self, stream: str | None = None) -> None:
        """What this process believed of the stream (or of all) is read anew next time."""
        if stream is None:
            self._known.clear()
        else:
            self._known.pop(stream, None)

    def _read(self, stream: str, known: Stream) -> Stream:
        rows = [EventRow(*row) for row in self._database.rows(_EVENTS, (stream, known.head.seq))]
        if known.head.seq and (not rows or rows[0].prev_hash != known.head.hash):
            return self._read(stream, Stream())  # not the stream this process knew: read all of it
        before = known.head
        events: list[tuple[int, datetime, ParentEvent]] = []
        for row in rows:
            if row.seq != before.seq + 1 or row.prev_hash != before.hash or hash_of(row) != row.hash:
                raise self._damaged(stream, row.seq, "does not fit its hash chain")
            event = decode(row.kind, row.version, row.payload, f"{self._where}, {stream} {row.seq}")
            events.append((row.seq, instant_of(row.recorded_at), event))
            before = Head(row.seq, row.hash)
        return known.after(events, before) if events else known

    def _damaged(self, stream: str, seq: int, problem: str) -> BrokenLaw:
        detail = f"ledger {self._where}: event {seq} of {stream} {problem} (see `hydra ledger verify`)"
        return BrokenLaw("HY-900", law="of the append-only ledger", detail=detail)
