"""The gate's rules about the market: whether it can be trusted, and what a price is held against.

They hold in every state of the session: no price passes that no reference stands behind.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from hydra.domain.market import Quote
from hydra.domain.quantity import on_grid
from hydra.risk.limits import InstrumentLimits
from hydra.risk.reasons import Reason, because
from hydra.risk.subject import Order, is_price
from hydra.risk.view import RiskView


def market_faults(view: RiskView, limits: InstrumentLimits) -> Iterator[str]:
    """A market that cannot be trusted: halted, crossed, not a number, or not moving for too long."""
    quote = view.quote
    if quote is None:
        return
    if quote.halted:
        yield because(Reason.MARKET_HALTED, f"{view.contract.symbol} is halted by its exchange")
    for name, px in (("bid", quote.bid_px), ("ask", quote.ask_px)):
        if px is not None and not is_price(px):
            yield because(Reason.QUOTE_INVALID, f"{name} is {px}")
    if is_price(quote.bid_px) and is_price(quote.ask_px) and quote.is_crossed:
        yield because(Reason.QUOTE_CROSSED, f"bid {quote.bid_px} above ask {quote.ask_px}")
    age = abs(view.now - quote.changed_at)
    if age > timedelta(seconds=limits.quote_age_s_max):
        yield because(
            Reason.QUOTE_STALE,
            f"quote of {quote.changed_at.isoformat()} is {age.total_seconds():.0f} s off, "
            f"limit {limits.quote_age_s_max} s",
        )


def reference_px(quote: Quote | None) -> Decimal | None:
    """The price others are measured by: the mid, else last trade, else close."""
    if quote is None:
        return None
    if is_price(quote.bid_px) and is_price(quote.ask_px) and not quote.is_crossed:
        return quote.mid_px
    usable = (px for px in (quote.last_px, quote.close_px) if is_price(px))
    return next(usable, None)


def mark_px(view: RiskView) -> Decimal | None:
    """What the contract at hand is valued at: its reference price, else its last known mark."""
    reference = reference_px(view.quote)
    mark = reference if reference is not None else view.marks.get(view.contract.con_id)
    return mark if is_price(mark) else None


def price_faults(px: Decimal, view: RiskView, limits: InstrumentLimits) -> Iterator[str]:
    """On the order grid, and within the collar around the reference; zero and below zero are legal."""
    tick = view.contract.tick_at(px)
    if not on_grid(px, tick):
        yield because(Reason.PRICE_OFF_GRID, f"limit {px} is not a multiple of the tick {tick}")
    reference = reference_px(view.quote)
    if reference is None:
        yield because(
            Reason.NO_REFERENCE, f"no mid, last or close of {view.contract.symbol} to hold {px} against"
        )
        return
    width = collar_width(reference, tick, limits)
    if abs(px - reference) > width:
        yield because(
            Reason.PRICE_COLLAR,
            f"limit {px} is {abs(px - reference)} from the reference {reference}, limit {width}",
        )


def collar_width(reference: Decimal, tick: Decimal, limits: InstrumentLimits) -> Decimal:
    """How far from the reference a limit price may lie: the wider of the collars that are set."""
    by_ticks = tick * (limits.collar_ticks or 0)
    by_pct = abs(reference) * (limits.collar_pct or 0)
    return max(by_ticks, by_pct)


def spread_faults(order: Order, view: RiskView, limits: InstrumentLimits) -> Iterator[str]:
    """No new risk into a book this wide; an exit may still go within the collar."""
    quote = view.quote
    if order.is_reducing or quote is None or not (is_price(quote.bid_px) and is_price(quote.ask_px)):
        return
    spread, widest = quote.spread_px, view.contract.tick * limits.spread_ticks_max
    if spread is not None and spread > widest:
        yield because(Reason.SPREAD_WIDE, f"spread {spread}, limit {widest}")
