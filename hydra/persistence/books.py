"""Writes events together with the tables of their present state; always inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import zip_longest
from typing import Any, Final

from hydra.domain.events import (
    ChildCommissioned,
    ChildFilled,
    ChildSending,
    ParentEvent,
)
from hydra.domain.order import ChildOrder
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence.chain import EventRow
from hydra.persistence.codec import instant_text, instant_us
from hydra.persistence.database import Database
from hydra.persistence.streams import MESSAGES, Stream, Summary

_EXECUTIONS: Final = (ChildFilled, ChildCommissioned)
_MOVING: Final = -4  # messages, sent_musd, seq, hash: what every event may change
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?)"
_HEAD: Final = (
    "INSERT INTO heads (stream, seq, hash) VALUES (?, ?, ?)"
    " ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, hash = excluded.hash"
)
_PARENT: Final = (
    "INSERT INTO parents (parent_id, session_on, symbol, con_id, status, unfinished, side, order_qty,"
    " cum_qty, arrival_px, usd_per_point, messages, sent_musd, seq, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (parent_id) DO UPDATE SET status = excluded.status, unfinished = excluded.unfinished,"
    " side = excluded.side, order_qty = excluded.order_qty, cum_qty = excluded.cum_qty,"
    " arrival_px = excluded.arrival_px, usd_per_point = excluded.usd_per_point,"
    " messages = excluded.messages, sent_musd = excluded.sent_musd, con_id = excluded.con_id,"
    " seq = excluded.seq, hash = excluded.hash"
)
_PARENT_MOVED: Final = "UPDATE parents SET messages = ?, sent_musd = ?, seq = ?, hash = ? WHERE parent_id = ?"
_SENDING: Final = (
    "INSERT INTO sendings (order_ref, parent_id, con_id, side, qty, limit_px, client_id, ib_order_id,"
    " verdict, sent_at, slice_no, step, mid_px, predicted_slippage_bps)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHILD: Final = (
    "INSERT INTO children (order_ref, parent_id, symbol, con_id, side, qty, cum_qty, reserved_qty, state,"
    " good_till_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (order_ref) DO UPDATE SET cum_qty = excluded.cum_qty, reserved_qty = excluded.reserved_qty,"
    " state = excluded.state"
)
_CHILD_ENDED: Final = "DELETE FROM children WHERE order_ref = ?"
_MESSAGE: Final = "INSERT INTO messages (at_us, stream, seq) VALUES (?, ?, ?)"
_POSITION: Final = (
    "INSERT INTO positions (con_id, symbol, lots) VALUES (?, ?, ?)"
    " ON CONFLICT (con_id) DO UPDATE SET lots = positions.lots + excluded.lots"
)
_EXECUTION_KNOWN: Final = "SELECT is_own, revision, side, qty, con_id FROM executions WHERE exec_root = ?"
_EXECUTION: Final = (
    "INSERT INTO executions (exec_root, exec_id, revision, is_own, stream, order_ref, con_id, symbol, side,"
    " qty, px, executed_at, commission_usd, client_id, ib_order_id, perm_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (exec_root) DO UPDATE SET exec_id = excluded.exec_id, revision = excluded.revision,"
    " is_own = excluded.is_own, stream = excluded.stream, order_ref = excluded.order_ref,"
    " con_id = excluded.con_id, symbol = excluded.symbol, side = excluded.side, qty = excluded.qty,"
    " px = excluded.px, executed_at = excluded.executed_at, commission_usd = excluded.commission_usd,"
    " client_id = excluded.client_id, ib_order_id = excluded.ib_order_id, perm_id = excluded.perm_id"
)


@cache
def _insert_events(count: int) -> str:
    return (
        "INSERT INTO order_events (stream, seq, kind, version, payload, recorded_at, prev_hash, hash) VALUES "
        + ", ".join([_ROW] * count)
    )


class Books:
    """The writer of events and state tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write_events(self, rows: Sequence[EventRow]) -> None:
        """The rows of one stream; its head is the writer's to move."""
        values = [value for row in rows for value in row]
        self._database.execute(_insert_events(len(rows)), values)

    def write_head(self, row: EventRow) -> None:
        """The new head of a stream that is no parent's."""
        self._database.execute(_HEAD, (row.stream, row.seq, row.hash))

    def write_parent(
        self, before: Stream, after: Stream, events: Sequence[tuple[int, datetime, ParentEvent]]
    ) -> None:
        """The state tables of one parent after these events of its stream."""
        parent = after.parent
        if parent is None:
            return
        for seq, at, event in events:
            kind = type(event)
            if kind in MESSAGES:
                self._database.execute(_MESSAGE, (instant_us(at), parent.parent_id, seq))
            if isinstance(event, ChildSending):
                self._write_sending(parent, event, at)
            elif isinstance(event, _EXECUTIONS):
                self._write_execution(parent, event)
        self._write_children(before.parent, parent)
        self._write_summary(before.summary, after.summary)
        done = after.cum_qty - before.cum_qty
        if done and parent.opened is not None:
            self.move_position(parent.opened.con_id, parent.plan.symbol, parent.opened.side.sign * done)

    def move_position(self, con_id: int, symbol: str, lots: int) -> None:
        self._database.execute(_POSITION, (con_id, symbol, lots))

    def known_execution(self, exec_root: str) -> tuple[Any, ...] | None:
        """(is_own, revision, side, qty, con_id) of the execution as it stands."""
        return self._database.row(_EXECUTION_KNOWN, (exec_root,))

    def write_foreign_execution(self, values: tuple[object, ...]) -> None:
        self._database.execute(_EXECUTION, values)

    def _write_summary(self, before: Summary, after: Summary) -> None:
        if before[:_MOVING] == after[:_MOVING]:
            self._database.execute(_PARENT_MOVED, (*after[_MOVING:], after[0]))
        else:
            self._database.execute(_PARENT, after)

    def _write_children(self, before: ParentOrder | None, parent: ParentOrder) -> None:
        known = before.children if before else ()
        for child, earlier in zip_longest(parent.children, known):  # children are only ever added at the end
            if earlier is child:
                continue
            if not child.is_terminal:
                self._database.execute(_CHILD, _child_values(parent, child))
            elif earlier is not None and not earlier.is_terminal:
                self._database.execute(_CHILD_ENDED, (child.order_ref,))

    def _write_sending(self, parent: ParentOrder, event: ChildSending, at: datetime) -> None:
        child = parent.child(event.order_ref)
        priced = child.priced if child else None
        self._database.execute(
            _SENDING,
            (
                event.order_ref,
                event.parent,
                event.con_id,
                event.side.value,
                event.qty,
                str(event.limit_px),
                event.client_id,
                event.ib_order_id,
                event.verdict,
                instant_text(at),
                priced.slice_no if priced else None,
                priced.step if priced else None,
                str(priced.mid_px) if priced else None,
                str(priced.predicted_slippage_bps) if priced else None,
            ),
        )

    def _write_execution(self, parent: ParentOrder, event: ChildFilled | ChildCommissioned) -> None:
        child = parent.child(event.order_ref)
        booked = [one for one in child.executions if one.exec_root == event.exec_root] if child else []
        if child is None or not booked:
            return  # a commission ahead of its execution waits in the fold
        (execution,) = booked
        known = self.known_execution(event.exec_root)
        if known is not None and not known[0]:  # booked as foreign before we knew it for ours
            _, _, side, qty, con_id = known
            self.move_position(con_id, parent.plan.symbol, -Side(side).sign * qty)
        commission = execution.commission_usd
        sending = child.sending
        values = (
            *(execution.exec_root, execution.exec_id, execution.revision, 1, parent.parent_id),
            *(child.order_ref, sending.con_id, parent.plan.symbol, sending.side.value, execution.qty),
            *(str(execution.px), instant_text(execution.executed_at)),
            *(None if commission is None else str(commission), sending.client_id, sending.ib_order_id),
            child.perm_id or 0,
        )
        self._database.execute(_EXECUTION, values)


def _child_values(parent: ParentOrder, child: ChildOrder) -> tuple[object, ...]:
    sending = child.sending
    return (
        child.order_ref,
        parent.parent_id,
        parent.plan.symbol,
        sending.con_id,
        sending.side.value,
        sending.qty,
        child.cum_qty,
        child.reserved_qty,
        child.state.value,
        instant_us(sending.good_till),
    )
