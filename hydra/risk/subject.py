"""What the gate's rules judge, and when a value is one at all."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeGuard

from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side

# Beyond any market; it keeps every product and remainder of a price within decimal precision.
PRICE_SIZE_MAX: Final = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Order:
    """What the rules judge: lots of one side in one contract, and the exposure once they count."""

    con_id: int
    symbol: str
    side: Side
    qty: int
    before: Exposure

    @property
    def after(self) -> Exposure:
        return self.before.with_order(self.side, self.qty)

    @property
    def is_reducing(self) -> bool:
        return self.before.is_reduced_by(self.side, self.qty)


def is_lots(value: object) -> bool:
    """Whether the value is a whole, positive number of lots, whatever its declared type promised."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_price(value: object) -> TypeGuard[Decimal]:
    """Whether the value is a price: a finite decimal of any sign, small enough to be one."""
    return isinstance(value, Decimal) and value.is_finite() and abs(value) < PRICE_SIZE_MAX
