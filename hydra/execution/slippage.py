"""What a fill should cost, and what it did cost (algorithms 1 and 8); + is a cost."""

from decimal import Decimal

from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side

IMPACT_Y = Decimal("0.1")
_BPS = Decimal(10_000)


def predicted_slippage_px(
    spread_px: Decimal, px: Decimal, sigma_day: Decimal, qty: int, adv_lots: int, y: Decimal = IMPACT_Y
) -> Decimal:
    """Square-root law in quoted points: spread/2 + Y σ|px| sqrt(Q/ADV).

    `sigma_day` is the daily volatility of returns; an ADV below one lot counts as one.
    """
    share = Decimal(qty) / Decimal(max(adv_lots, 1))
    return spread_px / 2 + y * sigma_day * abs(px) * share.sqrt()


def impact_paid_px(parent: ParentOrder) -> tuple[Decimal, Decimal] | None:
    """(cost against arrival beyond half the spread, σ |price| √(Q/ADV)) of an order that filled, in points.

    Their ratio is the Y of the square-root law that this order paid.
    """
    opened, avg_px = parent.opened, parent.avg_px
    if opened is None or avg_px is None:
        return None
    excess = opened.side.sign * (avg_px - opened.arrival_px) - opened.spread_px / 2
    share = Decimal(parent.cum_qty) / max(opened.adv_lots, 1)
    return excess, opened.sigma_day * abs(opened.arrival_px) * share.sqrt()


def slippage_bps(side: Side, px: Decimal, mid_px: Decimal) -> Decimal | None:
    """Signed cost of a price against the mid at send, in basis points of that mid; None at a zero mid."""
    if mid_px == 0:
        return None
    return side.sign * (px - mid_px) / abs(mid_px) * _BPS


def effective_spread_px(side: Side, px: Decimal, mid_px: Decimal) -> Decimal:
    """Twice what a price is worse than the mid at its time, in points: what its taker paid for the spread."""
    return 2 * side.sign * (px - mid_px)


def realised_spread_px(side: Side, px: Decimal, later_mid_px: Decimal) -> Decimal:
    """The same against a later mid, five minutes by convention; the rest is what the price moved since."""
    return effective_spread_px(side, px, later_mid_px)


def spread_capture(side: Side, px: Decimal, bid_px: Decimal, ask_px: Decimal) -> Decimal | None:
    """1 at the near touch, 0 at the far one, below 0 beyond it; None where the book is locked or crossed."""
    width = ask_px - bid_px
    if width <= 0:
        return None
    return (ask_px - px if side is Side.BUY else px - bid_px) / width


def in_bps(points: Decimal, px: Decimal) -> Decimal:
    """Points as basis points of a price; 0 at a zero price, where the ratio has no meaning."""
    return Decimal(0) if px == 0 else points / abs(px) * _BPS
