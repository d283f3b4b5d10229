"""Sides, lots and prices: whole lots, signed decimal prices, never a float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum


class Side(StrEnum):
    """The side of an order (FIX 54)."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


def side_of(lots: int) -> Side:
    """The side that moves a position by that many signed lots; zero has no side (ValueError)."""
    if lots == 0:
        raise ValueError("zero lots have no side")
    return Side.BUY if lots > 0 else Side.SELL


def on_grid(price: Decimal, tick: Decimal) -> bool:
    """Whether the price is a whole number of ticks; zero and negative prices are legal."""
    return price.is_finite() and price % tick == 0


def round_passive(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """The nearest grid price away from the market: down for a buy, up for a sell (right below zero, too)."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (price / tick).to_integral_value(rounding=rounding) * tick
