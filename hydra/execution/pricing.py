"""The price of a ladder step at the current book; zero and negative prices are ordinary prices."""

from decimal import Decimal

from hydra.domain.market import Quote
from hydra.domain.quantity import Side, round_passive
from hydra.execution.plan import LadderStep


def step_price(
    step: LadderStep, side: Side, quote: Quote, tick: Decimal, earlier_px: Decimal | None = None
) -> Decimal | None:
    """The limit price of a step, or None where the book gives no price to lean on.

    `earlier_px` is the price of the step before in the same slice: a later step never prices worse for
    getting filled, and never beyond the far touch.
    """
    near, far = (quote.bid_px, quote.ask_px) if side is Side.BUY else (quote.ask_px, quote.bid_px)
    wanted = _wanted(step, side, near, far, tick)
    if wanted is None:
        return None
    if earlier_px is not None:
        wanted = max(wanted, earlier_px) if side is Side.BUY else min(wanted, earlier_px)
    if far is not None:
        wanted = min(wanted, far) if side is Side.BUY else max(wanted, far)
    return round_passive(wanted, tick, side)


def _wanted(
    step: LadderStep, side: Side, near: Decimal | None, far: Decimal | None, tick: Decimal
) -> Decimal | None:
    if far is None:
        return near
    if step is LadderStep.FAR:
        return far
    if step is LadderStep.INSIDE:
        inside = far - side.sign * tick
        if near is not None and (inside - near) * side.sign <= 0:
            return far
        return inside
    return None if near is None else (near + far) / 2
