"""Realised profit and loss of round trips, first in first out, for the single-trade breaker."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hydra.domain.quantity import Side


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as the account saw it, whoever caused it."""

    con_id: int
    side: Side
    qty: int
    px: Decimal
    executed_at: datetime


def worst_round_trip_usd(
    fills: Iterable[Fill], since: datetime, usd_per_point: Mapping[int, Decimal]
) -> Decimal:
    """The most negative realised result of one closing fill since that instant, in dollars; 0 if none lost.

    Contracts without a point value are left out. Opening lots are matched first in, first out.
    """
    worst = Decimal(0)
    open_lots: dict[int, deque[tuple[int, Decimal]]] = {}
    for fill in sorted(fills, key=lambda one: one.executed_at):
        realised = _close(open_lots.setdefault(fill.con_id, deque()), fill)
        point = usd_per_point.get(fill.con_id)
        if point is not None and fill.executed_at >= since:
            worst = min(worst, realised * point)
    return worst


def _close(lots: deque[tuple[int, Decimal]], fill: Fill) -> Decimal:
    """Match the fill against opposite lots; what is left of it opens. Signed lots: + long, - short."""
    left, realised = fill.side.sign * fill.qty, Decimal(0)
    while left and lots and lots[0][0] * left < 0:
        held, px = lots[0]
        matched = min(abs(held), abs(left))
        sign = 1 if held > 0 else -1
        realised += matched * sign * (fill.px - px)
        left += sign * matched
        if abs(held) == matched:
            lots.popleft()
        else:
            lots[0] = (held - sign * matched, px)
    if left:
        lots.append((left, fill.px))
    return realised
