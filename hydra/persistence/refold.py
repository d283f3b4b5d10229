"""The state tables as the events alone make them, computed whole, against what was kept up step by step."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Any, Final

from hydra.domain.events import (
    BreakerMoved,
    EquityMarked,
    ForeignExecutionBooked,
    PositionAdopted,
    TradingStateChanged,
)
from hydra.domain.order import ChildState
from hydra.domain.parent import ParentOrder
from hydra.persistence.account import PEAK_RESTART
from hydra.persistence.chain import EventRow, Head
from hydra.persistence.codec import Event, decode, instant_of, instant_us
from hydra.persistence.database import Database
from hydra.persistence.streams import MESSAGES, MICRO, Stream

Table = dict[Any, tuple[Any, ...]]
_NUMBERED = tuple[int, datetime, Event]

_ACTUAL: Final[dict[str, str]] = {
    "parents": "SELECT parent_id, session_on, symbol, con_id, status, unfinished, side, order_qty, cum_qty,"
    " arrival_px, usd_per_point, messages, sent_musd, seq, hash FROM parents",
    "children": "SELECT order_ref, parent_id, con_id, side, qty, cum_qty, reserved_qty, state, good_till_us"
    " FROM children",
    "sendings": "SELECT order_ref, parent_id, con_id, side, qty, limit_px, client_id, ib_order_id, verdict"
    " FROM sendings",
    "positions": "SELECT con_id, lots FROM positions WHERE lots <> 0",
    "executions": "SELECT exec_root, revision, is_own, order_ref, con_id, side, qty, px, commission_usd"
    " FROM executions",
    "messages": "SELECT stream, seq, at_us FROM messages",
    "trading_states": "SELECT scope, state, reason, by FROM trading_states",
    "breakers": "SELECT breaker, state, cooldown_left, period FROM breakers",
    "equity": "SELECT session_on, open_usd, last_usd, peak_usd FROM equity",
}


def table_differences(database: Database, rows: Iterable[EventRow]) -> Iterator[tuple[str, int, str]]:
    """(table, 0, difference) for every row of a state table that the events make otherwise or not at all."""
    expected = refolded(rows)
    for table, sql in _ACTUAL.items():
        width = 2 if table == "messages" else 1
        actual = {_key(row, width): tuple(row[width:]) for row in database.rows(sql)}
        for key in sorted(expected[table].keys() | actual.keys(), key=str):
            wanted, found = expected[table].get(key), actual.get(key)
            if wanted != found:
                yield table, 0, f"{key} is {found}, the events make it {wanted}"


def refolded(rows: Iterable[EventRow]) -> dict[str, Table]:
    """Every state table, by its key, as these events (ordered within each stream) make it."""
    tables: dict[str, Table] = {name: {} for name in _ACTUAL}
    streams: dict[str, list[_NUMBERED]] = {}
    last: dict[str, Head] = {}
    for row in rows:
        event = decode(row.kind, row.version, row.payload, f"{row.stream} {row.seq}")
        streams.setdefault(row.stream, []).append((row.seq, instant_of(row.recorded_at), event))
        last[row.stream] = Head(row.seq, row.hash)
    lots: dict[int, int] = {}
    for name, numbered in streams.items():
        if name[:1].isdigit():
            _refold_parent(tables, lots, name, numbered, last[name])
    account = [
        event for name, numbered in streams.items() if not name[:1].isdigit() for _, _, event in numbered
    ]
    _refold_account(tables, lots, account)
    tables["positions"] = {con_id: (number,) for con_id, number in lots.items() if number}
    return tables


def _key(row: tuple[Any, ...], width: int) -> Any:
    return row[0] if width == 1 else tuple(row[:width])


def _refold_parent(
    tables: dict[str, Table], lots: dict[int, int], name: str, numbered: list[Any], head: Head
) -> None:
    stream = Stream().after(numbered, head)
    parent = stream.parent
    if parent is None:
        return
    summary = stream.summary
    tables["parents"][name] = (
        *summary[1:8],
        parent.cum_qty,
        *summary[9:12],
        _sent_musd(parent),
        *summary[13:],
    )
    for seq, at, event in numbered:
        if type(event) in MESSAGES:
            tables["messages"][name, seq] = (instant_us(at),)
    if parent.opened is not None:
        con_id = parent.opened.con_id
        lots[con_id] = lots.get(con_id, 0) + parent.opened.side.sign * parent.cum_qty
    _refold_children(tables, parent)


def _sent_musd(parent: ParentOrder) -> int:
    sent = [child.sending for child in parent.children if child.state is not ChildState.NOT_SENT]
    usd = parent.opened.usd_per_point if parent.opened else Decimal(0)
    return sum(ceil(of.qty * abs(of.limit_px) * usd * MICRO) for of in sent)


def _refold_children(tables: dict[str, Table], parent: ParentOrder) -> None:
    for child in parent.children:
        of = child.sending
        what = (parent.parent_id, of.con_id, of.side.value, of.qty)
        tables["sendings"][child.order_ref] = (
            *what,
            *(str(of.limit_px), of.client_id, of.ib_order_id, of.verdict),
        )
        if not child.is_terminal:
            state = (child.cum_qty, child.reserved_qty, child.state.value, instant_us(of.good_till))
            tables["children"][child.order_ref] = (*what, *state)
        for one in child.executions:
            commission = None if one.commission_usd is None else str(one.commission_usd)
            tables["executions"][one.exec_root] = (
                *(one.revision, 1, child.order_ref, of.con_id, of.side.value),
                *(one.qty, str(one.px), commission),
            )


def _refold_account(tables: dict[str, Table], lots: dict[int, int], events: list[Any]) -> None:
    peak: Decimal | None = None
    for event in events:
        match event:
            case TradingStateChanged():
                tables["trading_states"][event.scope] = (event.state.value, event.reason, event.by)
            case BreakerMoved():
                tables["breakers"][event.breaker] = (event.state, event.cooldown_left, event.period)
            case PositionAdopted():
                lots[event.con_id] = lots.get(event.con_id, 0) + event.lots
            case ForeignExecutionBooked():
                _refold_foreign(tables["executions"], lots, event)
            case EquityMarked():
                is_start = peak is None or event.kind == PEAK_RESTART
                peak = event.equity_usd if peak is None or is_start else max(peak, event.equity_usd)
                _refold_mark(tables["equity"], event, str(peak))


def _refold_foreign(executions: Table, lots: dict[int, int], event: ForeignExecutionBooked) -> None:
    known = executions.get(event.exec_root)
    if known is not None and (known[1] == 1 or known[0] >= event.revision):
        return
    if known is not None:
        _, _, _, con_id, side, qty, _, _ = known
        lots[con_id] -= qty if side == "BUY" else -qty
    lots[event.con_id] = lots.get(event.con_id, 0) + event.side.sign * event.last_qty
    executions[event.exec_root] = (
        *(event.revision, 0, event.order_ref, event.con_id, event.side.value),
        *(event.last_qty, str(event.last_px), None),
    )


def _refold_mark(equity: Table, event: EquityMarked, peak: str) -> None:
    session_on, mark = event.session_on.isoformat(), str(event.equity_usd)
    opened = equity[session_on][0] if session_on in equity else mark
    equity[session_on] = (opened, mark, peak)
    for later in [other for other in equity if other > session_on]:
        equity[later] = (*equity[later][:2], peak)
