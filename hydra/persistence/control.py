"""What bears on one more order, read from the state tables inside the caller's transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hydra.domain.events import TradingState
from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side
from hydra.persistence.codec import instant_us
from hydra.persistence.database import Database, Rows
from hydra.persistence.streams import MICRO
from hydra.risk.view import BreakerStatus, ControlState, MessageCounts

_EVERYWHERE: Final = "ALL"
_FLAT: Final = Exposure(0, 0)
_STRICTNESS: Final[dict[str, int]] = {
    TradingState.ACTIVE: 0,
    TradingState.REDUCING: 1,
    TradingState.HALTED: 2,
}

_SUMS: Final = (
    "SELECT EXISTS (SELECT 1 FROM children WHERE symbol = ? AND good_till_us < ?),"
    " EXISTS (SELECT 1 FROM parents WHERE unfinished = 1 AND symbol = ? AND status = 'IN_DOUBT'),"
    " (SELECT COUNT(*) FROM messages WHERE at_us > ?),"
    " (SELECT COUNT(*) FROM messages WHERE at_us > ?),"
    " (SELECT open_usd FROM equity WHERE session_on = ?),"
    " (SELECT peak_usd FROM equity ORDER BY session_on DESC LIMIT 1),"
    " SUM(messages), SUM(sent_musd), SUM(CASE WHEN symbol = ? AND side IS NOT NULL THEN 1 ELSE 0 END),"
    " COUNT(side)"
    " FROM parents WHERE session_on = ?"
)
# One statement for four small tables: the order path pays for every statement, not for rows.
_ROWS: Final = (
    "SELECT 0, con_id, lots, '', '', '' FROM positions WHERE lots <> 0"
    " UNION ALL SELECT 1, con_id, SUM(reserved_qty), side, '', '' FROM children GROUP BY con_id, side"
    " UNION ALL SELECT 2, 0, 0, scope, state, reason FROM trading_states"
    " UNION ALL SELECT 3, 0, cooldown_left, breaker, state, period FROM breakers"
)
_POSITIONS: Final = "SELECT con_id, lots FROM positions WHERE lots <> 0"
_LATEST_SESSION: Final = "SELECT MAX(session_on) FROM parents"
_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60_000_000


class ControlReader:
    """Reads the control state; a child is in doubt from `settle` (market time) after its good_till."""

    def __init__(self, database: Database, now: Callable[[], datetime], settle: timedelta) -> None:
        self._database = database
        self._now = now
        self.use_settle(settle)

    def use_settle(self, settle: timedelta) -> None:
        """The settle time of the account that was found at the gateway."""
        self._settle_us = settle // timedelta(microseconds=1)

    def latest_session(self) -> str:
        """The latest session planned, as an ISO date; empty on a new ledger."""
        found = self._database.row(_LATEST_SESSION)
        return str(found[0]) if found and found[0] else ""

    def positions(self) -> dict[int, int]:
        return {int(con_id): int(lots) for con_id, lots in self._database.rows(_POSITIONS)}

    def exposures(self) -> dict[int, Exposure]:
        """The exposure interval of every contract that has a position or a live child."""
        return _sorted_out(self._database.rows(_ROWS)).exposures

    def read(self, con_id: int, symbol: str, session_on: str, parent_id: str = "") -> ControlState:
        now_us = instant_us(self._now())
        late_us, second_us, minute_us = now_us - self._settle_us, now_us - _SECOND_US, now_us - _MINUTE_US
        sums = self._database.row(
            _SUMS, (symbol, late_us, symbol, second_us, minute_us, session_on, symbol, session_on)
        )
        assert sums is not None  # an aggregate always has its row
        late_child, doubtful_parent, second, minute, open_usd, peak_usd, *session = sums
        messages, sent_musd, entries, orders = session
        small = _sorted_out(self._database.rows(_ROWS), symbol, parent_id, str(con_id))
        return ControlState(
            trading_state=small.state,
            trading_reason=small.reason,
            exposure=small.exposures.get(con_id, _FLAT),
            exposures=small.exposures,
            has_doubt=bool(late_child or doubtful_parent),
            breakers=small.breakers,
            equity_open_usd=None if open_usd is None else Decimal(open_usd),
            equity_peak_usd=None if peak_usd is None else Decimal(peak_usd),
            messages=MessageCounts(second, minute, int(messages or 0)),
            entries_session=int(entries or 0),
            orders_session=int(orders),
            sent_usd_session=Decimal(int(sent_musd or 0)) / MICRO,
        )


@dataclass(slots=True)
class _Small:
    """What the small tables say: exposure by contract, the state in force for a symbol, the breakers."""

    exposures: dict[int, Exposure]
    state: TradingState
    reason: str
    breakers: dict[str, BreakerStatus]


def _sorted_out(rows: Rows, *names: str) -> _Small:
    """`names`: the symbol, the parent and the contract whose trading state is asked for."""
    small = _Small({}, TradingState.ACTIVE, "", {})
    exposures, scopes = small.exposures, {_EVERYWHERE, *names} - {""}
    for table, con_id, number, name, state, text in rows:
        if table == 0:
            exposures[con_id] = Exposure(number, number)
        elif table == 1:
            exposures[con_id] = exposures.get(con_id, _FLAT).with_order(Side(name), int(number))
        elif table == 3:
            small.breakers[name] = BreakerStatus(state, number, text)
        elif name in scopes and _STRICTNESS[state] > _STRICTNESS[small.state]:
            small.state, small.reason = TradingState(state), f"{name}: {text}"
    return small
