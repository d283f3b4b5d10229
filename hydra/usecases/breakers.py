"""The circuit breakers' care: measured at a session's start and every minute, moved by facts on record."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hydra.domain.events import BreakerMoved, EquityMarked
from hydra.ports import Ledger
from hydra.risk.breakers import Breaker, acknowledge, breaker_values, evaluate, period_end, restarts_peak
from hydra.risk.limits import BreakerLimits
from hydra.risk.round_trips import Fill, worst_round_trip_usd
from hydra.risk.view import AccountEvent, ControlState
from hydra.usecases.desk import Desk
from hydra.usecases.marks import marks_of, usd_per_point_of

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def begin_session(desk: Desk, session_on: date) -> None:
    """End the sessions before this one for the breakers, mark the opening equity, then measure."""
    control = _control(desk)
    yesterday = session_on - timedelta(days=1)
    ended = period_end(control.breakers, desk.limits.breakers, yesterday)
    events: list[AccountEvent] = list(ended)
    if desk.account is not None:
        events.append(EquityMarked(session_on, desk.account.equity_usd, "session"))
        if restarts_peak(ended):
            events.append(EquityMarked(session_on, desk.account.equity_usd, "peak"))
    desk.session_on = session_on
    if events:
        desk.ledger.record(events)
    measure(desk)


def acknowledge_breaker(
    ledger: Ledger, breaker: Breaker, limits: BreakerLimits, by: str, last_mark: EquityMarked | None
) -> list[BreakerMoved]:
    """A named person's yes, on record; empty where none was awaited. `last_mark`: equity as last valued.

    Raced by a session's end the breaker may stay one session longer, never one shorter.
    """
    moves = acknowledge(breaker, ledger.control(0, "").breakers, limits, by)
    events: list[AccountEvent] = list(moves)
    if restarts_peak(moves) and last_mark is not None:
        events.append(EquityMarked(last_mark.session_on, last_mark.equity_usd, "peak"))
    if events:
        ledger.record(events)
    return moves


def measure(desk: Desk) -> None:
    """Value the account against the breakers and record what trips."""
    if desk.session_on is None or desk.account is None:
        return
    control = _control(desk)
    points = usd_per_point_of(desk)
    desk.worst_trade_usd = _worst_trade(desk, points)
    values = breaker_values(
        equity_usd=desk.account.equity_usd,
        equity_open_usd=control.equity_open_usd,
        equity_peak_usd=control.equity_peak_usd,
        worst_trade_usd=desk.worst_trade_usd,
        exposures=control.exposures,
        marks=marks_of(desk),
        usd_per_point=points,
    )
    moves = evaluate(values, desk.limits.breakers, control.breakers, desk.session_on)
    if moves:
        desk.ledger.record(moves)
        for move in moves:
            desk.log(
                "hydra.breaker.tripped",
                breaker=move.breaker,
                value=str(move.value),
                threshold=str(move.threshold),
            )
        desk.changed.notify()


def _control(desk: Desk) -> ControlState:
    """The account's part of the control state; it is the same for every contract."""
    return desk.ledger.control(0, "")


def _worst_trade(desk: Desk, points: dict[int, Decimal]) -> Decimal:
    assert desk.session_on is not None
    opening = datetime.combine(desk.session_on, time(), tzinfo=desk.broker_zone)
    known = desk.ledger.known_executions(BEGINNING)
    fills = [Fill(one.con_id, one.side, one.qty, one.px, one.executed_at) for one in known.values()]
    return worst_round_trip_usd(fills, opening, points)
