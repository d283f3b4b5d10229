"""Whatever is proposed in whatever market: nothing passes outside the collar, the exposure or the state."""

import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.domain.contract import TradingInterval
from hydra.domain.events import TradingState
from hydra.domain.exposure import Exposure, exposure_of
from hydra.domain.market import Quote
from hydra.domain.quantity import Side
from hydra.risk.gate import Verdict, check_child, check_intent
from hydra.risk.view import RiskView
from tests.unit.risk.builders import (
    NOW,
    VALID_FOR,
    D,
    contract,
    control,
    intent,
    limits,
    proposal,
    quote,
    view,
)

# 100,000 by RANDOM_INTENTS=100000
RANDOM_INTENTS = int(os.environ.get("RANDOM_INTENTS", "6000"))
COLLAR = D("0.02")
COLLAR_TICKS = 20
TICK = D("0.25")
HELD = limits(
    collar_pct=COLLAR, collar_ticks=COLLAR_TICKS, quote_age_s_max=60, position_lots=30, order_lots=25
)


def _px(rng: Random, around: int) -> Decimal:
    return around + TICK * rng.randint(-60, 60)


def _quote(rng: Random, around: int) -> Quote | None:
    """No quote, one-sided, crossed, locked, empty, not a number, halted, stale, and ordinary ones."""
    if rng.random() < 0.05:
        return None
    sides: dict[str, Any] = {
        name: rng.choice([None, D("NaN"), _px(rng, around), _px(rng, around), _px(rng, around)])
        for name in ("bid_px", "ask_px", "last_px", "close_px")
    }
    if rng.random() < 0.5:
        bid = _px(rng, around)
        sides |= {"bid_px": bid, "ask_px": bid + TICK * rng.randint(-1, 12)}
    age = timedelta(seconds=rng.choice([0, 1, 30, 60, 61, 4000, -5, -90]))
    return quote(**sides, halted=rng.random() < 0.05, changed_at=NOW - age)


def _view(rng: Random, around: int) -> RiskView:
    is_open = rng.random() < 0.8
    hours = (
        () if rng.random() < 0.3 else (TradingInterval(NOW - timedelta(hours=1), NOW + timedelta(hours=2)),)
    )
    if not is_open:
        hours = (TradingInterval(NOW + timedelta(minutes=5), NOW + timedelta(hours=2)),)
    position = rng.randint(-30, 30)
    state = rng.choice([TradingState.ACTIVE, TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED])
    exposure = exposure_of(position, rng.choice([0, 0, 3]), rng.choice([0, 0, 3]))
    return view(
        quote=_quote(rng, around),
        contract=contract(hours=hours),
        control=control(exposure=exposure, trading_state=state, has_doubt=rng.random() < 0.1),
        adv_lots=1000,
    )


def _oracle_reference(seen: Quote) -> Decimal:
    """Written apart from the gate: the two-sided mid, else the last trade, else the close."""
    bid, ask, last, close = seen.bid_px, seen.ask_px, seen.last_px, seen.close_px
    if bid is not None and ask is not None:
        return (bid + ask) / 2
    return last if last is not None and not last.is_nan() else close  # type: ignore[return-value]


def _assert_lawful(given: Verdict, seen: RiskView) -> None:
    market, before = seen.quote, seen.control.exposure
    assert market is not None
    assert not market.halted
    assert abs((NOW - market.changed_at).total_seconds()) <= 60
    for px in (market.bid_px, market.ask_px):
        assert px is None or not px.is_nan()
    if market.bid_px is not None and market.ask_px is not None:
        assert market.bid_px <= market.ask_px
    reference = _oracle_reference(market)
    assert abs(given.limit_px - reference) <= max(COLLAR * abs(reference), COLLAR_TICKS * TICK)
    assert given.limit_px % TICK == 0
    assert seen.control.trading_state is not TradingState.HALTED
    sign = 1 if given.side is Side.BUY else -1
    lo, hi = before.lo + min(sign * given.qty, 0), before.hi + max(sign * given.qty, 0)
    if seen.control.trading_state is TradingState.REDUCING or seen.control.has_doubt:
        assert abs(lo) <= abs(before.lo)
        assert abs(hi) <= abs(before.hi)
    assert max(abs(lo), abs(hi)) <= max(30, abs(before.lo), abs(before.hi))
    assert 0 < given.qty <= 25


def test_nothing_lawless_passes_in_any_market() -> None:
    """Ordinary, negative and near-zero price levels; what passes is checked by rules written apart."""
    rng = Random(20260821)
    passed = 0
    for _ in range(RANDOM_INTENTS):
        around = rng.choice([380, 380, 0, -37])
        seen = _view(rng, around)
        odd: Any = rng.choice([None] * 12 + [D("NaN"), D("380.1"), D("Infinity"), D("1E+30")])
        wanted = proposal(
            qty=rng.choice([0, -1, 1, 2, 5, 12, 25, 26, 300]),
            limit_px=_px(rng, around) if odd is None else odd,
            side=rng.choice([Side.BUY, Side.SELL]),
        )
        answer = check_child(wanted, seen, HELD, VALID_FOR)
        if isinstance(answer, Verdict):
            passed += 1
            assert answer.limit_px == wanted.limit_px
            assert answer.qty == wanted.qty
            _assert_lawful(answer, seen)
        else:
            assert answer.reasons
            assert all(": " in reason for reason in answer.reasons)
    assert passed > RANDOM_INTENTS / 50


ends = st.tuples(st.integers(-40, 40), st.integers(0, 20), st.integers(0, 20))
orders = st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 45)), min_size=1, max_size=8)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(ends, orders)
def test_in_reducing_neither_end_of_the_interval_moves_away_from_zero(
    start: tuple[int, int, int], wanted: list[tuple[Side, int]]
) -> None:
    """A run of orders, each in doubt once it is sent; the interval only ever shrinks toward zero."""
    exposure = exposure_of(*start)
    for side, qty in wanted:
        seen = view(control=control(exposure=exposure, trading_state=TradingState.REDUCING))
        answers = (
            check_child(proposal(qty=qty, side=side), seen, limits(), VALID_FOR),
            check_intent(intent(qty=qty, side=side), seen, limits()),
        )
        may = {isinstance(one, Verdict) or hasattr(one, "intent") for one in answers}
        assert len(may) == 1
        if not may.pop():
            continue
        after = exposure.with_order(side, qty)
        for was, now in ((exposure.lo, after.lo), (exposure.hi, after.hi)):
            assert abs(now) <= abs(was)
            assert was * now >= 0
        exposure = after


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(1, 40), st.integers(0, 39))
def test_in_reducing_an_exit_that_fits_the_near_end_passes(position: int, doubt: int) -> None:
    """The property above would hold for a gate that denies everything; this one would not."""
    near = position - min(doubt, position - 1)
    for side, sign in ((Side.SELL, 1), (Side.BUY, -1)):
        ends_of = sorted((sign * near, sign * position))
        seen = view(
            control=control(exposure=Exposure(*ends_of), trading_state=TradingState.REDUCING), quote=quote()
        )
        assert isinstance(check_child(proposal(qty=near, side=side), seen, limits(), VALID_FOR), Verdict)
        over = replace(proposal(qty=near, side=side), qty=near + 1)
        assert not isinstance(check_child(over, seen, limits(), VALID_FOR), Verdict)
