"""What is known of a market at an instant."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """Level 1 of one contract; None = no price on that side, never zero or -1."""

    con_id: int
    bid_px: Decimal | None
    bid_qty: int
    ask_px: Decimal | None
    ask_qty: int
    last_px: Decimal | None
    close_px: Decimal | None
    volume: int
    halted: bool
    changed_at: datetime

    @property
    def mid_px(self) -> Decimal | None:
        if self.bid_px is None or self.ask_px is None:
            return None
        return (self.bid_px + self.ask_px) / 2

    @property
    def spread_px(self) -> Decimal | None:
        if self.bid_px is None or self.ask_px is None:
            return None
        return self.ask_px - self.bid_px

    @property
    def is_crossed(self) -> bool:
        return self.bid_px is not None and self.ask_px is not None and self.bid_px > self.ask_px


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One day of trading, prices as quoted."""

    on: date
    open_px: Decimal
    high_px: Decimal
    low_px: Decimal
    close_px: Decimal
    volume: int
