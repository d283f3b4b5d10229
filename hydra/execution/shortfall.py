"""Implementation shortfall (Perold 1988; algorithms 8): paper P&L minus real P&L, in four parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.quantity import Side


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Signed costs in quoted points times lots; `fees` in the same unit."""

    delay: Decimal
    trading: Decimal
    opportunity: Decimal
    fees: Decimal

    @property
    def total(self) -> Decimal:
        return self.delay + self.trading + self.opportunity + self.fees


def shortfall(
    side: Side,
    order_qty: int,
    fills: Sequence[tuple[int, Decimal]],
    *,
    decision_px: Decimal,
    arrival_px: Decimal,
    close_px: Decimal,
    fees: Decimal,
) -> Shortfall:
    """The cost of working `order_qty` lots, given (lots, price) fills and the market at three instants."""
    filled = sum(qty for qty, _ in fills)
    sign = Decimal(side.sign)
    trading = sum((sign * qty * (px - arrival_px) for qty, px in fills), Decimal(0))
    return Shortfall(
        delay=sign * (arrival_px - decision_px) * filled,
        trading=trading,
        opportunity=sign * (close_px - decision_px) * (order_qty - filled),
        fees=fees,
    )
