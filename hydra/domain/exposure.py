"""Exposure is an interval: doubt counts, and never nets against another doubt (law 4)."""

from dataclasses import dataclass

from hydra.domain.quantity import Side


@dataclass(frozen=True, slots=True)
class Exposure:
    """The positions possible for one contract: lo if every live sell fills, hi if every live buy does."""

    lo: int
    hi: int

    def with_order(self, side: Side, qty: int) -> "Exposure":
        """The interval after one more order of this side and quantity is in doubt, too."""
        if side is Side.BUY:
            return Exposure(self.lo, self.hi + qty)
        return Exposure(self.lo - qty, self.hi)

    def is_reduced_by(self, side: Side, qty: int) -> bool:
        """Whether the order can only shrink the position, at both ends, and cannot cross zero."""
        return qty <= self.lo if side is Side.SELL else qty <= -self.hi

    @property
    def worst_lots(self) -> int:
        return max(abs(self.lo), abs(self.hi))


def exposure_of(position: int, live_buys: int, live_sells: int) -> Exposure:
    """The interval of a position with that many lots of live buys and sells."""
    return Exposure(position - live_sells, position + live_buys)
