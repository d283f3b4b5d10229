"""The circuit breakers: what trips them, and the persisted state machine that keeps them tripped.

A breach trips an ACTIVE breaker; the end of its session begins a cooldown counted in sessions; the
drawdown breaker also waits for a named person. While a breaker is not ACTIVE only reducing orders and
cancels pass. Every threshold is strict: a value exactly at it passes. A value that is missing or not a
number moves nothing here and is denied by the gate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hydra.domain.errors import UserError
from hydra.domain.events import BreakerMoved
from hydra.domain.exposure import Exposure
from hydra.risk.limits import BreakerLimits
from hydra.risk.subject import is_price
from hydra.risk.view import BreakerStatus


class Breaker(StrEnum):
    """The four breakers."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    POSITION = "position"
    TRADE_LOSS = "trade_loss"


class BreakerState(StrEnum):
    """ACKED: a person has said yes and the cooldown still runs; AWAITING_ACK: the other way round."""

    ACTIVE = "ACTIVE"
    TRIGGERED = "TRIGGERED"
    TRIGGERED_ACKED = "TRIGGERED_ACKED"
    COOLDOWN = "COOLDOWN"
    COOLDOWN_ACKED = "COOLDOWN_ACKED"
    AWAITING_ACK = "AWAITING_ACK"


class BreakerEvent(StrEnum):
    """What happens to a breaker; LAST_PERIOD_END is the end of the last session of its cooldown."""

    BREACH = "BREACH"
    PERIOD_END = "PERIOD_END"
    LAST_PERIOD_END = "LAST_PERIOD_END"
    ACK = "ACK"


S, E = BreakerState, BreakerEvent

# (state, what happened) -> next state; what is absent changes nothing. COOLDOWN → ACTIVE is the way of the
# breakers that need no person; for the others NEEDS_ACK puts AWAITING_ACK in its place.
TRANSITIONS: Final[Mapping[tuple[BreakerState, BreakerEvent], BreakerState]] = {
    (S.ACTIVE, E.BREACH): S.TRIGGERED,
    (S.TRIGGERED, E.PERIOD_END): S.COOLDOWN,
    (S.TRIGGERED, E.ACK): S.TRIGGERED_ACKED,
    (S.TRIGGERED_ACKED, E.PERIOD_END): S.COOLDOWN_ACKED,
    (S.COOLDOWN, E.PERIOD_END): S.COOLDOWN,
    (S.COOLDOWN, E.LAST_PERIOD_END): S.ACTIVE,
    (S.COOLDOWN, E.ACK): S.COOLDOWN_ACKED,
    (S.COOLDOWN_ACKED, E.PERIOD_END): S.COOLDOWN_ACKED,
    (S.COOLDOWN_ACKED, E.LAST_PERIOD_END): S.ACTIVE,
    (S.AWAITING_ACK, E.ACK): S.ACTIVE,
}
NEEDS_ACK: Final = frozenset({Breaker.DRAWDOWN})
_TRIPPED: Final = frozenset({S.TRIGGERED, S.TRIGGERED_ACKED})
_BY_RULE: Final = "gate"


@dataclass(frozen=True, slots=True)
class BreakerValues:
    """What the breakers watch, as fractions; None = an input was missing or not a number."""

    daily_loss: Decimal | None
    drawdown: Decimal | None
    position: Decimal | None
    trade_loss: Decimal | None

    def of(self, breaker: Breaker) -> Decimal | None:
        """The value of one breaker."""
        return {
            Breaker.DAILY_LOSS: self.daily_loss,
            Breaker.DRAWDOWN: self.drawdown,
            Breaker.POSITION: self.position,
            Breaker.TRADE_LOSS: self.trade_loss,
        }[breaker]


def breaker_values(
    *,
    equity_usd: Decimal | None,
    equity_open_usd: Decimal | None,
    equity_peak_usd: Decimal | None,
    worst_trade_usd: Decimal | None,
    exposures: Mapping[int, Exposure],
    marks: Mapping[int, Decimal],
    usd_per_point: Mapping[int, Decimal],
) -> BreakerValues:
    """The breakers' values from the account's dollars.

    Day's change over the session's opening equity; equity over its persisted peak, less 1; the largest
    position at its worse end, over equity; the worst realised round trip, over equity.
    """
    equity = _positive(equity_usd)
    opened, peak = _positive(equity_open_usd), _positive(equity_peak_usd)
    trade = worst_trade_usd if worst_trade_usd is not None and worst_trade_usd.is_finite() else None
    return BreakerValues(
        daily_loss=None if equity is None or opened is None else equity / opened - 1,
        drawdown=None if equity is None or peak is None else equity / max(peak, equity) - 1,
        position=None if equity is None else _largest(exposures, marks, usd_per_point, equity),
        trade_loss=None if equity is None or trade is None else min(trade, Decimal(0)) / equity,
    )


def breached(breaker: Breaker, value: Decimal, limits: BreakerLimits) -> bool:
    """Whether the value lies beyond the threshold; exactly at it passes."""
    limit = threshold(breaker, limits)
    return value > limit if breaker is Breaker.POSITION else value < limit


def threshold(breaker: Breaker, limits: BreakerLimits) -> Decimal:
    """The value a breaker still passes at."""
    return {
        Breaker.DAILY_LOSS: limits.daily_loss,
        Breaker.DRAWDOWN: limits.drawdown,
        Breaker.POSITION: limits.position,
        Breaker.TRADE_LOSS: limits.trade_loss,
    }[breaker]


def cooldown(breaker: Breaker, limits: BreakerLimits) -> int:
    """Sessions a breaker stays in cooldown after the one it tripped in."""
    return {
        Breaker.DAILY_LOSS: limits.daily_loss_cooldown,
        Breaker.DRAWDOWN: limits.drawdown_cooldown,
        Breaker.POSITION: limits.position_cooldown,
        Breaker.TRADE_LOSS: limits.trade_loss_cooldown,
    }[breaker]


def evaluate(
    values: BreakerValues,
    limits: BreakerLimits,
    statuses: Mapping[str, BreakerStatus],
    period: date,
) -> list[BreakerMoved]:
    """The breakers these values trip in this session; asked again with their moves recorded: none."""
    moves = []
    for breaker in Breaker:
        value = values.of(breaker)
        if value is None or not breached(breaker, value, limits):
            continue
        state = _state(statuses.get(breaker))
        following = TRANSITIONS.get((state, E.BREACH))
        if following is not None:
            moves.append(_moved(breaker, following, 0, value, limits, period.isoformat(), _BY_RULE))
    return moves


def period_end(
    statuses: Mapping[str, BreakerStatus], limits: BreakerLimits, period: date
) -> list[BreakerMoved]:
    """The moves at the end of a session; repeated for the same session, with them recorded: none.

    A session that was never ended counts as no session: a missed end lengthens a cooldown.
    """
    moves = []
    for breaker in Breaker:
        status = statuses.get(breaker)
        if status is None or not _ends(status, period):
            continue
        state, left = _after_period(breaker, status, limits)
        if state is not None:
            moves.append(_moved(breaker, state, left, Decimal(0), limits, period.isoformat(), _BY_RULE))
    return moves


def acknowledge(
    breaker: Breaker, statuses: Mapping[str, BreakerStatus], limits: BreakerLimits, by: str
) -> list[BreakerMoved]:
    """A named person's yes to trading on after this breaker; nothing where no yes is awaited."""
    if not by.strip():
        raise UserError("HY-702", breaker=breaker)
    status = statuses.get(breaker)
    if status is None or breaker not in NEEDS_ACK:
        return []
    following = TRANSITIONS.get((_state(status), E.ACK))
    if following is None:
        return []
    return [_moved(breaker, following, status.cooldown_left, Decimal(0), limits, status.period, by)]


def restarts_peak(moves: list[BreakerMoved]) -> bool:
    """Whether the drawdown breaker was released: the peak then starts anew, or it would trip at once."""
    return any(one.breaker == Breaker.DRAWDOWN and one.state == S.ACTIVE for one in moves)


def _state(status: BreakerStatus | None) -> BreakerState:
    return S.ACTIVE if status is None else BreakerState(status.state)


def _ends(status: BreakerStatus, period: date) -> bool:
    """A trip ends with its own session; a cooldown's session is a later one than its last move's."""
    last = date.fromisoformat(status.period)
    return period >= last if _state(status) in _TRIPPED else period > last


def _after_period(
    breaker: Breaker, status: BreakerStatus, limits: BreakerLimits
) -> tuple[BreakerState | None, int]:
    state = _state(status)
    if state in _TRIPPED:
        return TRANSITIONS.get((state, E.PERIOD_END)), cooldown(breaker, limits)
    if status.cooldown_left > 1:
        return TRANSITIONS.get((state, E.PERIOD_END)), status.cooldown_left - 1
    following = TRANSITIONS.get((state, E.LAST_PERIOD_END))
    if state is S.COOLDOWN and breaker in NEEDS_ACK:
        following = S.AWAITING_ACK
    return following, 0


def _moved(
    breaker: Breaker,
    state: BreakerState,
    left: int,
    value: Decimal,
    limits: BreakerLimits,
    period: str,
    by: str,
) -> BreakerMoved:
    return BreakerMoved(
        breaker=breaker.value,
        state=state.value,
        cooldown_left=left,
        value=value,
        threshold=threshold(breaker, limits),
        period=period,
        by=by,
    )


def _positive(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _largest(
    exposures: Mapping[int, Exposure],
    marks: Mapping[int, Decimal],
    usd_per_point: Mapping[int, Decimal],
    equity: Decimal,
) -> Decimal | None:
    """The largest position's share of equity; None when one that is held cannot be valued."""
    largest = Decimal(0)
    for con_id, exposure in exposures.items():
        if exposure.worst_lots == 0:
            continue
        mark, per_point = marks.get(con_id), usd_per_point.get(con_id)
        if not (is_price(mark) and is_price(per_point)):
            return None
        largest = max(largest, exposure.worst_lots * abs(mark) * per_point / equity)
    return largest
