"""The circuit breakers: what trips them, what keeps them tripped, who releases them."""

from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.domain.errors import UserError
from hydra.domain.events import BreakerMoved
from hydra.domain.exposure import Exposure
from hydra.risk.breakers import (
    TRANSITIONS,
    Breaker,
    BreakerEvent,
    BreakerState,
    BreakerValues,
    acknowledge,
    breached,
    breaker_values,
    evaluate,
    period_end,
    restarts_peak,
    threshold,
)
from hydra.risk.limits import BreakerLimits
from hydra.risk.view import BreakerStatus
from tests.unit.risk.builders import HE, ZO, D

LIMITS = BreakerLimits(
    daily_loss=D("-0.02"),
    drawdown=D("-0.05"),
    position=D("0.10"),
    trade_loss=D("-0.01"),
    daily_loss_cooldown=2,
    drawdown_cooldown=2,
)
CALM = BreakerValues(daily_loss=D(0), drawdown=D(0), position=D(0), trade_loss=D(0))
LOSS = replace(CALM, daily_loss=D("-0.03"))
FALL = replace(CALM, drawdown=D("-0.06"))
MONDAY = date(2026, 8, 17)


class Book:
    """The statuses as the ledger folds them from the moves."""

    def __init__(self) -> None:
        self.statuses: dict[str, BreakerStatus] = {}
        self.moves: list[BreakerMoved] = []

    def record(self, moves: list[BreakerMoved]) -> list[BreakerMoved]:
        self.moves += moves
        for one in moves:
            self.statuses[one.breaker] = BreakerStatus(one.state, one.cooldown_left, one.period)
        return moves

    def check(self, values: BreakerValues, day: int) -> list[BreakerMoved]:
        return self.record(evaluate(values, LIMITS, self.statuses, MONDAY + timedelta(days=day)))

    def end(self, day: int) -> list[BreakerMoved]:
        return self.record(period_end(self.statuses, LIMITS, MONDAY + timedelta(days=day)))

    def ack(self, by: str = "Ada") -> list[BreakerMoved]:
        return self.record(acknowledge(Breaker.DRAWDOWN, self.statuses, LIMITS, by))

    def state(self, breaker: Breaker) -> str:
        status = self.statuses[breaker]
        return f"{status.state}({status.cooldown_left})" if status.cooldown_left else status.state


def _values(**changed: Any) -> BreakerValues:
    facts: dict[str, Any] = {
        "equity_usd": D(1_000_000),
        "equity_open_usd": D(1_000_000),
        "equity_peak_usd": D(1_000_000),
        "worst_trade_usd": D(0),
        "exposures": {},
        "marks": {},
        "usd_per_point": {},
    }
    return breaker_values(**{**facts, **changed})


def test_the_values_are_fractions_of_the_right_equity() -> None:
    got = _values(
        equity_usd=D(960_000),
        equity_open_usd=D(1_000_000),
        equity_peak_usd=D(1_200_000),
        worst_trade_usd=D(-4_800),
        exposures={ZO: Exposure(-6, 2), HE: Exposure(1, 1)},
        marks={ZO: D(-320), HE: D(90)},
        usd_per_point={ZO: D(50), HE: D(400)},
    )
    assert got == BreakerValues(
        daily_loss=D("-0.04"), drawdown=D("-0.2"), position=D("0.1"), trade_loss=D("-0.005")
    )


def test_a_new_peak_is_no_drawdown_and_a_winning_trade_no_loss() -> None:
    got = _values(equity_usd=D(1_300_000), worst_trade_usd=D(500))
    assert (got.drawdown, got.trade_loss) == (D(0), D(0))


@pytest.mark.parametrize("bad", [None, D("NaN"), D("Infinity"), D(0), D(-5)])
def test_a_missing_or_senseless_input_makes_its_values_unknown_and_trips_nothing(bad: Decimal | None) -> None:
    assert _values(equity_usd=bad) == BreakerValues(None, None, None, None)
    assert _values(equity_open_usd=bad).daily_loss is None
    assert _values(equity_peak_usd=bad).drawdown is None
    assert evaluate(_values(equity_usd=bad), LIMITS, {}, MONDAY) == []


def test_a_held_position_without_a_mark_is_unknown_and_a_flat_one_is_not() -> None:
    assert _values(exposures={ZO: Exposure(0, 1)}).position is None
    assert _values(exposures={ZO: Exposure(0, 0)}).position == 0
    priced = {"marks": {ZO: D("NaN")}, "usd_per_point": {ZO: D(50)}}
    assert _values(exposures={ZO: Exposure(0, 1)}, **priced).position is None


@pytest.mark.parametrize("breaker", list(Breaker))
def test_exactly_at_its_threshold_a_breaker_stays_and_beyond_it_trips(breaker: Breaker) -> None:
    limit = threshold(breaker, LIMITS)
    beyond = limit + D("1E-12") if breaker is Breaker.POSITION else limit - D("1E-12")
    assert not breached(breaker, limit, LIMITS)
    at, over = (replace(CALM, **{breaker.value: value}) for value in (limit, beyond))
    assert evaluate(at, LIMITS, {}, MONDAY) == []
    (move,) = evaluate(over, LIMITS, {}, MONDAY)
    assert move == BreakerMoved(breaker, BreakerState.TRIGGERED, 0, beyond, limit, "2026-08-17", "gate")


def test_a_breaker_without_a_person_comes_back_after_its_cooldown() -> None:
    book = Book()
    book.check(LOSS, 0)
    seen = [book.state(Breaker.DAILY_LOSS)]
    for day in range(3):
        book.end(day)
        seen.append(book.state(Breaker.DAILY_LOSS))
    assert seen == ["TRIGGERED", "COOLDOWN(2)", "COOLDOWN(1)", "ACTIVE"]
    assert not restarts_peak(book.moves)


def test_check_and_end_of_one_session_move_a_breaker_once_however_often_they_run() -> None:
    book = Book()
    assert len(book.check(LOSS, 0)) == 1
    assert book.check(LOSS, 0) == []
    assert len(book.end(0)) == 1
    for _ in range(3):
        assert book.end(0) == []
        assert book.check(LOSS, 0) == []
    assert len(book.end(1)) == 1
    assert book.end(1) == []
    assert book.end(0) == []
    assert book.state(Breaker.DAILY_LOSS) == "COOLDOWN(1)"


def test_the_end_of_a_session_before_the_trip_changes_nothing() -> None:
    book = Book()
    book.check(LOSS, 3)
    assert book.end(2) == []
    assert book.state(Breaker.DAILY_LOSS) == "TRIGGERED"


def test_a_missed_session_end_lengthens_the_cooldown() -> None:
    book = Book()
    book.check(LOSS, 0)
    book.end(4)
    assert book.state(Breaker.DAILY_LOSS) == "COOLDOWN(2)"


def test_drawdown_waits_for_a_person_after_its_cooldown() -> None:
    book = Book()
    book.check(FALL, 0)
    for day in range(9):
        book.end(day)
    assert book.state(Breaker.DRAWDOWN) == "AWAITING_ACK"
    assert not restarts_peak(book.moves)
    released = book.ack("Ada")
    assert book.state(Breaker.DRAWDOWN) == "ACTIVE"
    assert released[0].by == "Ada"
    assert restarts_peak(released)


def test_drawdown_waits_for_its_cooldown_after_a_person() -> None:
    for acked_on in (0, 1, 2):
        book = Book()
        book.check(FALL, 0)
        for day in range(3):
            if day == acked_on:
                book.ack()
                assert book.ack() == []
            assert book.state(Breaker.DRAWDOWN) != "ACTIVE"
            book.end(day)
        assert book.state(Breaker.DRAWDOWN) == "ACTIVE"
        assert restarts_peak(book.moves)


def test_nobody_can_acknowledge_namelessly_nor_what_needs_no_person() -> None:
    book = Book()
    book.check(replace(LOSS, drawdown=D("-0.06")), 0)
    with pytest.raises(UserError, match="HY-702"):
        book.ack("  ")
    assert acknowledge(Breaker.DAILY_LOSS, book.statuses, LIMITS, "Ada") == []
    assert acknowledge(Breaker.DRAWDOWN, {}, LIMITS, "Ada") == []


def test_a_person_never_shortens_a_cooldown_by_acknowledging() -> None:
    book = Book()
    book.check(FALL, 0)
    book.end(0)
    before = book.statuses[Breaker.DRAWDOWN]
    book.ack()
    after = book.statuses[Breaker.DRAWDOWN]
    assert (after.cooldown_left, after.period) == (before.cooldown_left, before.period)


def test_every_state_can_be_left_and_reached() -> None:
    assert {state for state, _ in TRANSITIONS} == set(BreakerState)
    reached = set(TRANSITIONS.values()) | {BreakerState.AWAITING_ACK}
    assert reached == set(BreakerState)
    assert {event for _, event in TRANSITIONS} == set(BreakerEvent)
    assert {one.name for one in fields(BreakerValues)} == {str(one) for one in Breaker}


steps = st.lists(st.sampled_from(["calm", "fall", "loss", "end", "ack", "next"]), max_size=40)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(steps)
def test_a_tripped_breaker_is_released_only_by_the_table(wanted: list[str]) -> None:
    """Any history, each step also repeated as a rerun would: one move a step at most per breaker, no way
    to ACTIVE without the cooldown's sessions ended and, for drawdown, a person after the trip.
    """
    book, day = Book(), 0
    for step in wanted:
        if step == "next":
            day += 1
            continue
        actions: dict[str, Any] = {
            "calm": lambda: book.check(CALM, day),  # noqa: B023
            "fall": lambda: book.check(FALL, day),  # noqa: B023
            "loss": lambda: book.check(LOSS, day),  # noqa: B023
            "end": lambda: book.end(day),  # noqa: B023
            "ack": book.ack,
        }
        actions[step]()
        assert actions[step]() == []
    for breaker, needs_person in ((Breaker.DAILY_LOSS, False), (Breaker.DRAWDOWN, True)):
        history = [one for one in book.moves if one.breaker == breaker]
        ends: set[str] = set()
        people = 0
        for one in history:
            if one.state == BreakerState.TRIGGERED:
                ends, people = set(), 0
            elif one.by == "Ada":
                people += 1
            else:
                ends.add(one.period)
            if one.state == BreakerState.ACTIVE:
                assert len(ends) == 3
                assert people == (1 if needs_person else 0)
