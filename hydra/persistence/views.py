"""What reports read: the events as plain values, fills with their slippage, shortfall, cash."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from hydra.domain.events import EquityMarked, PaperGateJudged, PaperSessionCounted
from hydra.persistence.codec import decode
from hydra.persistence.database import Database

_EXPORT: Final = "SELECT stream, seq, kind, payload, recorded_at FROM order_events ORDER BY stream, seq"

_OF_KIND: Final = "SELECT kind, version, payload FROM order_events WHERE stream = ? AND kind = ? ORDER BY seq"
_GATE: Final = "paper-gate"


def exported(database: Database) -> Iterator[Mapping[str, object]]:
    """Every event, stream by stream: stream, seq, kind, payload (plain values), recorded_at."""
    for stream, seq, kind, payload, recorded_at in database.stream(_EXPORT):
        yield {
            "stream": stream,
            "seq": seq,
            "kind": kind,
            "payload": json.loads(payload),
            "recorded_at": recorded_at,
        }


def _table(database: Database, sql: str, values: tuple[object, ...] = ()) -> list[dict[str, Any]]:
    cursor = database.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fills(database: Database, session_on: str | None = None) -> list[dict[str, Any]]:
    """Our executions in time order, each with predicted and actual slippage in bps of the mid at send."""
    if session_on is None:
        return _table(database, "SELECT * FROM fills ORDER BY executed_at, exec_root")
    sql = "SELECT * FROM fills WHERE session_on = ? ORDER BY executed_at, exec_root"
    return _table(database, sql, (session_on,))


def shortfall(database: Database, session_on: str | None = None) -> list[dict[str, Any]]:
    """One row per parent that traded: cost against arrival in dollars and bps, the unfilled part left out."""
    if session_on is None:
        return _table(database, "SELECT * FROM shortfall ORDER BY parent_id")
    return _table(database, "SELECT * FROM shortfall WHERE session_on = ? ORDER BY parent_id", (session_on,))


def cash(database: Database) -> list[dict[str, Any]]:
    """Per contract: lots, cash in points, commissions; P&L = (cash + lots × mark) × usd − commissions."""
    return _table(database, "SELECT * FROM cash ORDER BY con_id")


def contract_symbols(database: Database) -> dict[int, str]:
    """The symbol of every contract the ledger ever planned for or held."""
    rows = database.rows("SELECT con_id, symbol FROM parents UNION SELECT con_id, symbol FROM positions")
    return {int(con_id): str(symbol) for con_id, symbol in rows}


def last_session(database: Database) -> date | None:
    """The date of the newest session that was planned."""
    row = database.row("SELECT MAX(session_on) FROM parents")
    return None if row is None or row[0] is None else date.fromisoformat(row[0])


def trading_states(database: Database) -> list[dict[str, Any]]:
    """The latest decision of every scope: scope, state, reason, by, at."""
    return _table(database, "SELECT scope, state, reason, by, at FROM trading_states ORDER BY scope")


def last_equity(database: Database) -> EquityMarked | None:
    """The account's latest mark; None on a ledger that never saw one."""
    row = database.row("SELECT session_on, last_usd FROM equity ORDER BY session_on DESC LIMIT 1")
    return None if row is None else EquityMarked(date.fromisoformat(row[0]), Decimal(row[1]), "session")


def breakers(database: Database) -> list[dict[str, Any]]:
    """The state of every breaker that ever moved."""
    return _table(database, "SELECT breaker, state, cooldown_left, period FROM breakers ORDER BY breaker")


def paper_sessions(database: Database) -> list[PaperSessionCounted]:
    """The latest count of every session on a paper account, in order."""
    counted = _events(database, PaperSessionCounted.__name__)
    return sorted({one.session_on: one for one in counted}.values(), key=lambda one: one.session_on)


def paper_gate(database: Database) -> PaperGateJudged | None:
    """The paper gate's latest verdict; None when it was never judged."""
    judged = _events(database, PaperGateJudged.__name__)
    return judged[-1] if judged else None


def _events(database: Database, kind: str) -> list[Any]:
    rows = database.rows(_OF_KIND, (_GATE, kind))
    return [decode(name, int(version), payload, _GATE) for name, version, payload in rows]
