"""Slippage and shortfall reproduce the published reference numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.quantity import Side
from hydra.execution.shortfall import shortfall
from hydra.execution.slippage import (
    effective_spread_px,
    in_bps,
    predicted_slippage_px,
    realised_spread_px,
    slippage_bps,
    spread_capture,
)


def test_the_square_root_law_gives_its_reference_value() -> None:
    predicted = predicted_slippage_px(Decimal("0.5"), Decimal(350), Decimal("0.018"), 5, 500)
    assert abs(predicted - Decimal("0.313")) < Decimal("0.0001")


def test_slippage_is_positive_when_it_costs_on_either_side() -> None:
    assert slippage_bps(Side.BUY, Decimal(101), Decimal(100)) == 100
    assert slippage_bps(Side.SELL, Decimal(99), Decimal(100)) == 100
    assert slippage_bps(Side.BUY, Decimal("-0.9"), Decimal(-1)) == 1000
    assert slippage_bps(Side.BUY, Decimal(1), Decimal(0)) is None
    assert in_bps(Decimal(1), Decimal(0)) == 0


@pytest.mark.parametrize(
    ("px", "captured"), [("49.98", "1"), ("50.00", "0.5"), ("50.02", "0"), ("50.03", "-0.25")]
)
def test_spread_capture_has_its_reference_values(px: str, captured: str) -> None:
    bid, ask, price = Decimal("49.98"), Decimal("50.02"), Decimal(px)
    assert spread_capture(Side.BUY, price, bid, ask) == Decimal(captured)
    assert spread_capture(Side.SELL, bid + ask - price, bid, ask) == Decimal(captured), "the mirror image"
    assert spread_capture(Side.BUY, price, ask, ask) is None


def test_what_is_paid_for_the_spread_is_realised_or_reverts() -> None:
    """Bought at the ask of 50.02 about a mid of 50; five minutes later the mid is 50.01."""
    paid = effective_spread_px(Side.BUY, Decimal("50.02"), Decimal("50.00"))
    kept = realised_spread_px(Side.BUY, Decimal("50.02"), Decimal("50.01"))
    assert (paid, kept, paid - kept) == (Decimal("0.04"), Decimal("0.02"), Decimal("0.02"))
    assert effective_spread_px(Side.SELL, Decimal("49.98"), Decimal("50.00")) == Decimal("0.04")
    assert slippage_bps(Side.BUY, Decimal("50.02"), Decimal("50.00")) == paid / 2 / 50 * 10_000


def test_shortfall_has_its_four_reference_parts() -> None:
    result = shortfall(
        Side.BUY,
        100,
        [(60, Decimal("50.10")), (20, Decimal("50.20"))],
        decision_px=Decimal("49.90"),
        arrival_px=Decimal("50.00"),
        close_px=Decimal("50.50"),
        fees=Decimal(1),
    )
    assert (result.delay, result.trading, result.opportunity, result.fees) == (8, 10, 12, 1)
    assert result.total == 31


@given(
    st.sampled_from(Side),
    st.lists(st.tuples(st.integers(1, 9), st.integers(-500, 500).map(Decimal)), max_size=6),
    st.integers(0, 50),
    st.tuples(*[st.integers(-500, 500).map(Decimal)] * 3),
)
def test_shortfall_is_paper_profit_minus_real_profit(
    side: Side, fills: list[tuple[int, Decimal]], unfilled: int, px: tuple[Decimal, Decimal, Decimal]
) -> None:
    decision, arrival, close = px
    qty = sum(lots for lots, _ in fills) + unfilled
    result = shortfall(
        side, qty, fills, decision_px=decision, arrival_px=arrival, close_px=close, fees=Decimal(3)
    )
    paper = side.sign * (close - decision) * qty
    real = sum((side.sign * (close - price) * lots for lots, price in fills), Decimal(0)) - 3
    assert result.total == paper - real
