"""What is traded: an IB contract with the facts an order must obey."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class TradingInterval:
    """One stretch of a contract's trading hours, as instants in UTC."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class PriceBand:
    """From `low_edge` (in quoted points) upward, prices move in steps of `increment` (an IB market rule)."""

    low_edge: Decimal
    increment: Decimal


@dataclass(frozen=True, slots=True)
class Contract:
    """A qualified futures contract; its identity is `con_id`.

    `sessions_on` are the trading dates within the known hours: an evening's session belongs to the date it
    closes on. `min_tick` is as IB reports it: in dollars where `price_magnifier` is 100 while quotes, limit
    prices and fills are in cents, so the order grid is `min_tick × price_magnifier`.
    """

    con_id: int
    symbol: str
    exchange: str
    currency: str
    local_symbol: str
    contract_month: str
    last_trade_on: date
    multiplier: Decimal
    price_magnifier: int
    min_tick: Decimal
    order_types: frozenset[str]
    time_zone: str
    hours: tuple[TradingInterval, ...]
    bands: tuple[PriceBand, ...] = ()
    sessions_on: tuple[date, ...] = ()

    @property
    def tick(self) -> Decimal:
        """The smallest step of a quoted price, in quoted points."""
        return self.min_tick * self.price_magnifier

    def tick_at(self, price: Decimal) -> Decimal:
        """The step of the order grid at this price: the market rule's where one is known."""
        fitting = [band.increment for band in self.bands if abs(price) >= band.low_edge]
        return fitting[-1] if fitting else self.tick

    @property
    def usd_per_point(self) -> Decimal:
        """The value of one quoted point of one lot, in the contract's currency."""
        return self.multiplier / self.price_magnifier

    @property
    def supports_good_till(self) -> bool:
        return "GTD" in self.order_types

    def is_closed_on(self, on: date, today: date) -> bool:
        """Whether the gateway lists this date as closed; of the past and of later dates it says nothing.

        Both dates are the market's.
        """
        listed = max(self.sessions_on, default=None)
        return listed is not None and today <= on <= listed and on not in self.sessions_on

    def interval_at(self, at: datetime) -> TradingInterval | None:
        """The trading interval that holds this instant, if the market is open then."""
        for interval in self.hours:
            if interval.opens_at <= at < interval.closes_at:
                return interval
        return None

    def next_open_at(self, at: datetime) -> datetime | None:
        """The first opening after this instant within the known hours."""
        later = [interval.opens_at for interval in self.hours if interval.opens_at > at]
        return min(later) if later else None
