"""The account's own streams: trading states, foreign executions, breakers, equity, champion and plans."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hydra.domain.champion import ArmRetired, AutonomyChanged, BookPlanned, ChampionChanged
from hydra.domain.events import (
    BreakerMoved,
    EquityMarked,
    ForeignExecutionBooked,
    PaperGateJudged,
    PaperSessionCounted,
    PositionAdopted,
    ReconciliationFound,
    TradingStateChanged,
)
from hydra.domain.quantity import Side
from hydra.persistence.books import Books
from hydra.persistence.chain import EMPTY, Head
from hydra.persistence.champions import AUTONOMY, CHAMPION, Champions, plan_stream
from hydra.persistence.codec import instant_text
from hydra.persistence.database import Database
from hydra.risk.view import AccountEvent

CONTROL: Final = "control"
ACCOUNT: Final = "account"
RECONCILIATION: Final = "reconciliation"
PAPER_GATE: Final = "paper-gate"
_FOREIGN: Final = "foreign-"
# An equity mark of this kind starts the peak anew: the drawdown breaker was released by a named person.
PEAK_RESTART: Final = "peak"

_HEAD: Final = "SELECT seq, hash FROM heads WHERE stream = ?"
_STATE: Final = (
    "INSERT INTO trading_states (scope, state, reason, by, at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (scope) DO UPDATE SET state = excluded.state, reason = excluded.reason, by = excluded.by,"
    " at = excluded.at"
)
_BREAKER: Final = (
    "INSERT INTO breakers (breaker, state, cooldown_left, period) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (breaker) DO UPDATE SET state = excluded.state, cooldown_left = excluded.cooldown_left,"
    " period = excluded.period"
)
_PEAK: Final = "SELECT peak_usd FROM equity ORDER BY session_on DESC LIMIT 1"
_EQUITY: Final = (
    "INSERT INTO equity (session_on, open_usd, last_usd, peak_usd) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (session_on) DO UPDATE SET last_usd = excluded.last_usd, peak_usd = excluded.peak_usd"
)
_RAISE_PEAK: Final = "UPDATE equity SET peak_usd = ? WHERE session_on > ?"


def stream_of(event: AccountEvent) -> str:
    """The stream an account event belongs to."""
    if isinstance(event, TradingStateChanged):
        return CONTROL
    if isinstance(event, ForeignExecutionBooked | PositionAdopted):
        return f"{_FOREIGN}{event.con_id}"
    if isinstance(event, PaperSessionCounted | PaperGateJudged):
        return PAPER_GATE
    if isinstance(event, BookPlanned):
        return plan_stream(event.session_on)
    if isinstance(event, ChampionChanged | ArmRetired):
        return CHAMPION
    if isinstance(event, AutonomyChanged):
        return AUTONOMY
    return RECONCILIATION if isinstance(event, ReconciliationFound) else ACCOUNT


class AccountBooks:
    """Writes the state tables of account events; always inside the caller's transaction."""

    def __init__(self, database: Database, books: Books) -> None:
        self._database = database
        self._books = books
        self._champions = Champions(database)

    def head(self, stream: str) -> Head:
        """The last event of one of the account's streams."""
        found = self._database.row(_HEAD, (stream,))
        return EMPTY if found is None else Head(*found)

    def is_known(self, event: AccountEvent) -> bool:
        """Whether this is no news: an execution booked at this revision or a higher one, a plan in force."""
        if isinstance(event, BookPlanned):
            return self._champions.plan(event.session_on) == event
        if not isinstance(event, ForeignExecutionBooked):
            return False
        known = self._books.known_execution(event.exec_root)
        return known is not None and int(known[1]) >= event.revision

    def write(self, event: AccountEvent, at: datetime) -> None:
        match event:
            case TradingStateChanged():
                values = (event.scope, event.state.value, event.reason, event.by, instant_text(at))
                self._database.execute(_STATE, values)
            case BreakerMoved():
                self._database.execute(
                    _BREAKER, (event.breaker, event.state, event.cooldown_left, event.period)
                )
            case EquityMarked():
                self._mark(event)
            case PositionAdopted():
                self._books.move_position(event.con_id, event.symbol, event.lots)
            case ForeignExecutionBooked():
                self._book_foreign(event)
            case ReconciliationFound() | PaperSessionCounted() | PaperGateJudged():
                pass  # for people and for the gate to live trading; it moves nothing
            case ChampionChanged() | ArmRetired() | BookPlanned() | AutonomyChanged():
                pass  # the end of its stream is the state

    def _mark(self, event: EquityMarked) -> None:
        found = self._database.row(_PEAK)
        peak = event.equity_usd
        if found is not None and event.kind != PEAK_RESTART:
            peak = max(Decimal(found[0]), peak)
        mark = str(event.equity_usd)
        session_on = event.session_on.isoformat()
        self._database.execute(_EQUITY, (session_on, mark, mark, str(peak)))
        # a late mark of an earlier session raises the peak of those after it, too
        self._database.execute(_RAISE_PEAK, (str(peak), session_on))

    def _book_foreign(self, event: ForeignExecutionBooked) -> None:
        known = self._books.known_execution(event.exec_root)
        if known is not None:
            is_own, _, side, qty, con_id = known
            if is_own:
                return  # our child's fold counts it; a person sees the event and the difference
            self._books.move_position(con_id, event.symbol, -Side(side).sign * qty)
        self._books.move_position(event.con_id, event.symbol, event.side.sign * event.last_qty)
        self._books.write_foreign_execution(
            (
                *(event.exec_root, event.exec_id, event.revision, 0, stream_of(event), event.order_ref),
                *(event.con_id, event.symbol, event.side.value, event.last_qty, str(event.last_px)),
                *(instant_text(event.executed_at), None, event.client_id, 0, 0),
            )
        )
