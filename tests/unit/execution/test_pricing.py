"""Ladder prices: away from the market, never worse than the step before, right around zero."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.market import Quote
from hydra.domain.quantity import Side, on_grid
from hydra.execution.plan import LadderStep
from hydra.execution.pricing import step_price

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
TICK = Decimal("0.25")
prices = st.integers(-400, 4000).map(lambda ticks: ticks * TICK)


def book(bid: str | Decimal | None, ask: str | Decimal | None) -> Quote:
    def price(given: str | Decimal | None) -> Decimal | None:
        return None if given is None else Decimal(given)

    return Quote(1, price(bid), 2, price(ask), 2, None, None, 0, False, AT)


@pytest.mark.parametrize(
    ("step", "side", "expected"),
    [
        (LadderStep.MID, Side.BUY, "381.75"),
        (LadderStep.MID, Side.SELL, "382.00"),
        (LadderStep.INSIDE, Side.BUY, "383.50"),
        (LadderStep.INSIDE, Side.SELL, "380.25"),
        (LadderStep.FAR, Side.BUY, "383.75"),
        (LadderStep.FAR, Side.SELL, "380.00"),
    ],
)
def test_the_steps_of_a_wide_book(step: LadderStep, side: Side, expected: str) -> None:
    assert step_price(step, side, book("380.00", "383.75"), TICK) == Decimal(expected)


def test_inside_a_book_one_tick_wide_is_the_far_touch() -> None:
    assert step_price(LadderStep.INSIDE, Side.BUY, book("380.00", "380.25"), TICK) == Decimal("380.25")
    assert step_price(LadderStep.INSIDE, Side.SELL, book("380.00", "380.25"), TICK) == Decimal("380.00")


@pytest.mark.parametrize("side", list(Side))
def test_an_empty_book_gives_no_price_and_a_one_sided_one_joins_the_near_side(side: Side) -> None:
    assert step_price(LadderStep.MID, side, book(None, None), TICK) is None
    near = book("380.00", None) if side is Side.BUY else book(None, "380.00")
    assert step_price(LadderStep.FAR, side, near, TICK) == Decimal("380.00")
    far = book(None, "380.00") if side is Side.BUY else book("380.00", None)
    assert step_price(LadderStep.MID, side, far, TICK) is None
    assert step_price(LadderStep.FAR, side, far, TICK) == Decimal("380.00")


@given(prices, st.integers(1, 40), st.sampled_from(Side), st.sampled_from(LadderStep), st.none() | prices)
def test_a_price_is_on_the_grid_within_the_touch_and_never_worse_than_before(
    bid: Decimal, width: int, side: Side, step: LadderStep, earlier: Decimal | None
) -> None:
    quote = book(bid, bid + width * TICK)
    price = step_price(step, side, quote, TICK, earlier)
    assert price is not None
    assert on_grid(price, TICK)
    far = quote.ask_px if side is Side.BUY else quote.bid_px
    assert far is not None
    assert (far - price) * side.sign >= 0
    if earlier is not None and (far - earlier) * side.sign >= 0:
        assert (price - earlier) * side.sign >= 0


def test_the_mid_is_rounded_away_from_the_market_below_zero_too() -> None:
    quote = book("-0.75", "-0.50")
    assert step_price(LadderStep.MID, Side.BUY, quote, TICK) == Decimal("-0.75")
    assert step_price(LadderStep.MID, Side.SELL, quote, TICK) == Decimal("-0.50")
