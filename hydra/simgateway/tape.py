"""What a trade date has printed so far."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from hydra.simgateway.dayprice import DayPrice


@dataclass(slots=True)
class Tape:
    """Prices in ticks, volume in lots; `previous` is the settlement of the trade date before."""

    on: date
    previous: int
    volume: int = 0
    open: int | None = None
    high: int | None = None
    low: int | None = None
    last: int | None = None
    last_size: int = 0

    @classmethod
    def until(cls, day: DayPrice, at: int, *, previous_shift: int, shift: int) -> Self:
        """The tape of a market nobody watched, from the fair path: what it would show at `at`."""
        tape = cls(day.on, day.settled.previous + previous_shift, int(day.volume_by(at)))
        seen = day.seen_by(0, at) if tape.volume else []
        if seen:
            down, up = day.settled.limit_down, day.settled.limit_up
            prices = [min(up, max(down, round(value))) + shift for value in seen]
            tape.open, tape.high, tape.low = prices[0], max(prices), min(prices)
            tape.last, tape.last_size = prices[-1], 1
        return tape

    def print(self, price: int, qty: int) -> None:
        """Add one trade."""
        self.open = price if self.open is None else self.open
        self.high = price if self.high is None else max(self.high, price)
        self.low = price if self.low is None else min(self.low, price)
        self.last, self.last_size = price, qty
        self.volume += qty
