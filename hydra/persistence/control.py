"""What bears on one more order, read from the state tables inside the caller's transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hydra.domain.events import TradingState
from hydra.domain.exposure import Exposure, exposure_of
from hydra.persistence.codec import instant_text
from hydra.persistence.database import Database
from hydra.persistence.streams import MICRO
from hydra.risk.view import BreakerStatus, ControlState, MessageCounts

_EVERYWHERE: Final = "ALL"
_STRICTNESS: Final = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}

_FACTS: Final = (
    "SELECT EXISTS (SELECT 1 FROM children WHERE symbol = ? AND good_till < ?),"
    " EXISTS (SELECT 1 FROM parents WHERE unfinished = 1 AND symbol = ? AND status = 'IN_DOUBT'),"
    " (SELECT COUNT(*) FROM messages WHERE at > ?),"
    " (SELECT COUNT(*) FROM messages WHERE at > ?),"
    " (SELECT open_usd FROM equity WHERE session_on = ?),"
    " (SELECT peak_usd FROM equity ORDER BY session_on DESC LIMIT 1)"
)
_SENT: Final = (
    "SELECT SUM(messages), SUM(sent_musd), SUM(CASE WHEN symbol = ? AND side IS NOT NULL THEN 1 ELSE 0 END)"
    " FROM parents WHERE session_on = ?"
)
_STATES: Final = "SELECT scope, state, reason FROM trading_states"
_BREAKERS: Final = "SELECT breaker, state, cooldown_left, period FROM breakers"
_POSITIONS: Final = "SELECT con_id, lots FROM positions WHERE lots <> 0"
_LIVE: Final = "SELECT con_id, side, SUM(reserved_qty) FROM children GROUP BY con_id, side"
_LATEST_SESSION: Final = "SELECT MAX(session_on) FROM parents"


class ControlReader:
    """Reads the control state; a child is in doubt from `settle` (market time) after its good_till."""

    def __init__(self, database: Database, now: Callable[[], datetime], settle: timedelta) -> None:
        self._database = database
        self._now = now
        self._settle = settle

    def use_settle(self, settle: timedelta) -> None:
        """The settle time of the account that was found at the gateway."""
        self._settle = settle

    def latest_session(self) -> str:
        """The latest session planned, as an ISO date; empty on a new ledger."""
        found = self._database.row(_LATEST_SESSION)
        return str(found[0]) if found and found[0] else ""

    def read(self, con_id: int, symbol: str, session_on: str) -> ControlState:
        now = self._now()
        facts = self._database.row(
            _FACTS,
            (
                *(symbol, instant_text(now - self._settle)),
                symbol,
                instant_text(now - timedelta(seconds=1)),
                instant_text(now - timedelta(minutes=1)),
                session_on,
            ),
        )
        assert facts is not None
        late_child, doubtful_parent, second, minute, open_usd, peak_usd = facts
        state, reason = self.trading_state(symbol)
        exposures = self.exposures()
        messages, sent_musd, entries = self._database.row(_SENT, (symbol, session_on)) or (None, None, None)
        return ControlState(
            trading_state=state,
            trading_reason=reason,
            exposure=exposures.get(con_id, Exposure(0, 0)),
            exposures=exposures,
            has_doubt=bool(late_child or doubtful_parent),
            breakers=self._breakers(),
            equity_open_usd=None if open_usd is None else Decimal(open_usd),
            equity_peak_usd=None if peak_usd is None else Decimal(peak_usd),
            messages=MessageCounts(int(second), int(minute), int(messages or 0)),
            entries_session=int(entries or 0),
            sent_usd_session=Decimal(int(sent_musd or 0)) / MICRO,
        )

    def trading_state(self, symbol: str) -> tuple[TradingState, str]:
        """The strictest state of the scopes that hold for the symbol, and its reason."""
        strictest, why = TradingState.ACTIVE, ""
        for scope, text, reason in self._database.rows(_STATES):
            state = TradingState(text)
            if scope in (_EVERYWHERE, symbol) and _STRICTNESS[state] > _STRICTNESS[strictest]:
                strictest, why = state, f"{scope}: {reason}"
        return strictest, why

    def positions(self) -> dict[int, int]:
        return {int(con_id): int(lots) for con_id, lots in self._database.rows(_POSITIONS)}

    def exposures(self) -> dict[int, Exposure]:
        """The exposure interval of every contract that has a position or a live child."""
        positions = self.positions()
        live: dict[tuple[int, str], int] = {
            (int(con_id), side): int(lots) for con_id, side, lots in self._database.rows(_LIVE)
        }
        return {
            con_id: exposure_of(
                positions.get(con_id, 0), live.get((con_id, "BUY"), 0), live.get((con_id, "SELL"), 0)
            )
            for con_id in positions.keys() | {con_id for con_id, _ in live}
        }

    def _breakers(self) -> dict[str, BreakerStatus]:
        rows = self._database.rows(_BREAKERS)
        return {name: BreakerStatus(state, int(left), period) for name, state, left, period in rows}
