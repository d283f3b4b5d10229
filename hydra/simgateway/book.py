"""A limit order book with price-time priority; prices in integer ticks, of any sign."""

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final

BUY: Final = 1
SELL: Final = -1


@dataclass(slots=True, eq=False)
class Order:
    """One order; `key` > 0 is a client's, `price` None is a market order that has not met a book yet."""

    key: int
    side: int
    price: int | None
    leaves: int


@dataclass(frozen=True, slots=True)
class Match:
    """A resting order that traded `qty` at its own price."""

    resting: Order
    qty: int
    price: int


class _Side:
    """One side: levels by price, each a queue in order of arrival (a dict keeps it and removes in O(1))."""

    __slots__ = ("levels", "prices", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[int, dict[int, Order]] = {}
        self.prices: list[int] = []  # ascending in -sign * price: the best is first

    def best(self) -> int | None:
        return -self.sign * self.prices[0] if self.prices else None

    def add(self, order: Order, price: int) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = {}
            insort(self.prices, -self.sign * price)
        level[id(order)] = order

    def remove(self, order: Order, price: int) -> bool:
        level = self.levels.get(price)
        if level is None or level.pop(id(order), None) is None:
            return False
        if not level:
            del self.levels[price]
            del self.prices[bisect_left(self.prices, -self.sign * price)]
        return True


class Book:
    """Both sides of one contract."""

    __slots__ = ("_sides",)

    def __init__(self) -> None:
        self._sides = {BUY: _Side(BUY), SELL: _Side(SELL)}

    def best(self, side: int) -> int | None:
        """The best price on `side`, or None when it is empty."""
        return self._sides[side].best()

    def size(self, side: int) -> int:
        """The lots shown at the best price of `side`."""
        half = self._sides[side]
        price = half.best()
        return 0 if price is None else sum(order.leaves for order in half.levels[price].values())

    def depth(self, side: int) -> list[tuple[int, int]]:
        """Every level of `side`, best first, as (price, lots)."""
        half = self._sides[side]
        keys = [-half.sign * key for key in half.prices]
        return [(price, sum(order.leaves for order in half.levels[price].values())) for price in keys]

    def rest(self, order: Order) -> None:
        """Queue a priced order behind all that already rest at its price."""
        if order.price is None:
            raise ValueError("a market order cannot rest")
        self._sides[order.side].add(order, order.price)

    def remove(self, order: Order) -> bool:
        """Take the order out; False when it was not there."""
        return order.price is not None and self._sides[order.side].remove(order, order.price)

    def ahead(self, order: Order) -> int:
        """The lots that must trade or leave at the order's price before it is next."""
        lots = 0
        for other in self._sides[order.side].levels.get(order.price or 0, {}).values():
            if other is order:
                return lots
            lots += other.leaves
        raise KeyError(order.key)

    def match(self, side: int, qty: int, limit: int | None) -> list[Match]:
        """Trade up to `qty` of an incoming order against the other side, best price first, oldest first."""
        against = self._sides[-side]
        done: list[Match] = []
        while qty > 0:
            price = against.best()
            if price is None or (limit is not None and side * price > side * limit):
                break
            resting = next(iter(against.levels[price].values()))
            lots = min(qty, resting.leaves)
            resting.leaves -= lots
            qty -= lots
            if resting.leaves == 0:
                against.remove(resting, price)
            done.append(Match(resting, lots, price))
        return done

    def clients(self) -> list[Order]:
        """The clients' orders, best price first and oldest first, bids before asks."""
        return [
            order
            for half in self._sides.values()
            for key in half.prices
            for order in half.levels[-half.sign * key].values()
            if order.key > 0
        ]
