"""The simulated exchange: every listed contract's market on one clock, deterministic by seed.

Pure: no wall clock, no I/O. Only markets somebody watches or has orders in run; the others are
brought to the present when asked, from the same price path.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from hydra.simgateway.book import BUY, SELL
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.dayprice import to_datetime, to_us
from hydra.simgateway.events import (
    MarketEvent,
    OrderFilled,
    Quote,
    QuoteChanged,
    SessionChanged,
    TradePrinted,
)
from hydra.simgateway.history import Bar, daily_bars, intraday_bars
from hydra.simgateway.market import Market
from hydra.simgateway.path import PricePath
from hydra.simgateway.replay import DailyBar

__all__ = [
    "Exchange",
    "MarketEvent",
    "OrderFilled",
    "Quote",
    "QuoteChanged",
    "SessionChanged",
    "TradePrinted",
]

_SIDES: Final = {"BUY": BUY, "SELL": SELL}


class Exchange:
    """All markets; `bars` (by symbol) replace the drawn price path. Prices as quoted, signed."""

    def __init__(
        self,
        contracts: Sequence[SimContract],
        *,
        seed: int,
        start: datetime,
        bars: Mapping[str, Sequence[DailyBar]] | None = None,
    ) -> None:
        self.seed = seed
        self._contracts = {contract.con_id: contract for contract in contracts}
        self._bars = dict(bars or {})
        self._now = to_us(start)
        self._paths: dict[int, PricePath] = {}
        self._markets: dict[int, Market] = {}
        self._held: list[MarketEvent] = []
        self._home: dict[int, Market] = {}

    @property
    def now(self) -> datetime:
        """The instant the exchange has reached."""
        return to_datetime(self._now)

    def advance(self, until: datetime) -> list[MarketEvent]:
        """Everything that happens up to and including `until`, in time order; the past is never revisited."""
        end = max(self._now, to_us(until))
        running = [market for market in self._markets.values() if market.active]
        events, self._held = self._held, []
        events.extend(event for market in running for event in self._drain(market))
        while running:
            market = min(running, key=_next_at)
            if market.next_at > end:
                break
            market.step()
            if market.out:
                events.extend(market.out)
                market.out.clear()
        for market in running:
            market.now = end
        self._now = end
        return events

    def next_event_at(self) -> datetime | None:
        """The instant of the next event somebody would notice; None when nobody watches or has orders."""
        if self._held:
            return self.now
        instants = [market.next_at for market in self._markets.values() if market.active]
        return to_datetime(min(instants)) if instants else None

    def watch(self, con_id: int) -> None:
        """Publish quotes, trades and session changes of the contract from now on."""
        self._market(con_id).watched = True

    def unwatch(self, con_id: int) -> None:
        """Stop publishing the contract's market data; fills of client orders still come."""
        market = self._market(con_id)
        market.watched = False
        self._drain(market)

    def submit(
        self, key: int, con_id: int, side: str, qty: int, limit: Decimal | None, at: datetime
    ) -> list[MarketEvent]:
        """A new client order under a `key` > 0 of the caller's; limit None = market, with protection.

        ValueError: key in use, quantity below 1, side neither BUY nor SELL, price off the grid.
        """
        if key <= 0 or self.open_qty(key) or qty < 1:
            raise ValueError(f"key {key} in use or quantity {qty} below 1")
        ticks = None if limit is None else self._ticks(con_id, limit)
        direction = _SIDES[side] if side in _SIDES else _refuse_side(side)
        events = self.advance(at)
        market = self._home[key] = self._market(con_id)
        market.submit(key, direction, qty, ticks)
        return events + self._drain(market)

    def replace(self, key: int, qty: int, limit: Decimal | None, at: datetime) -> list[MarketEvent]:
        """Give a live order another OPEN quantity (leaves) and limit; nothing where it is gone by `at`."""
        market = self._home.get(key)
        if market is None:
            return self.advance(at)
        if qty < 1:
            raise ValueError(f"quantity {qty} below 1")
        ticks = None if limit is None else self._ticks(market.contract.con_id, limit)
        events = self.advance(at)
        market.replace(key, qty, ticks)
        return events + self._drain(market)

    def cancel(self, key: int, at: datetime) -> int:
        """Take an order out; returns what was left of it, 0 when it was gone.

        What happened up to `at`, fills of this order included, comes from the next `advance`.
        """
        self._held = self.advance(at)
        market = self._home.get(key)
        return 0 if market is None else market.cancel(key)

    def open_qty(self, key: int) -> int:
        """What is left of an order; 0 when it is gone."""
        market = self._home.get(key)
        return 0 if market is None else market.open_qty(key)

    def queue_ahead(self, key: int) -> int:
        """The lots in front of a resting order at its price; KeyError when it does not rest."""
        return self._home[key].queue_ahead(key)

    def quote(self, con_id: int) -> Quote:
        """The quote at the instant reached, watched or not."""
        return self._market(con_id).quote()

    def price_limits(self, con_id: int) -> tuple[Decimal, Decimal]:
        """The lowest and highest price that the trade date in force allows."""
        low, high = self._market(con_id).limits()
        tick = self._contracts[con_id].tick
        return low * tick, high * tick

    def halt(self, con_id: int, at: datetime) -> list[MarketEvent]:
        """Stop matching in one contract until `resume`."""
        events = self.advance(at)
        market = self._market(con_id)
        market.halt()
        return events + self._drain(market)

    def resume(self, con_id: int, at: datetime, gap_ticks: int = 0) -> list[MarketEvent]:
        """Reopen a halted contract, its price `gap_ticks` away from where it would have been."""
        events = self.advance(at)
        market = self._market(con_id)
        market.resume(gap_ticks)
        return events + self._drain(market)

    def lock(self, con_id: int, at: datetime, direction: int) -> list[MarketEvent]:
        """Lock one contract at its upper (+1) or lower (-1) daily limit; 0 frees it."""
        events = self.advance(at)
        market = self._market(con_id)
        market.lock(direction)
        return events + self._drain(market)

    def desert(self, con_id: int, at: datetime, *, is_deserted: bool) -> list[MarketEvent]:
        """Empty one contract's book of everybody else, or let them come back."""
        events = self.advance(at)
        market = self._market(con_id)
        market.desert(is_deserted=is_deserted)
        return events + self._drain(market)

    def daily_bars(self, con_id: int, end: datetime, n: int) -> list[Bar]:
        """The last n daily bars up to `end`, oldest first; the day under way is the last, as so far."""
        return daily_bars(self._path(con_id), end, n)

    def intraday_bars(self, con_id: int, since: datetime, end: datetime, seconds: int, n: int) -> list[Bar]:
        """The last n bars with a trade in them up to `end`, on no day before `since`; oldest first."""
        return intraday_bars(self._path(con_id), end, seconds, n, since)

    def _market(self, con_id: int) -> Market:
        market = self._markets.get(con_id)
        if market is None:
            market = self._markets[con_id] = Market(self._path(con_id), self._now)
        elif not market.active:
            market.catch_up(self._now)
        return market

    def _path(self, con_id: int) -> PricePath:
        path = self._paths.get(con_id)
        if path is None:
            contract = self._contracts[con_id]
            bars = self._bars.get(contract.symbol, ())
            path = self._paths[con_id] = PricePath(contract, self.seed, bars)
        return path

    def _ticks(self, con_id: int, price: Decimal) -> int:
        ticks = price / self._contracts[con_id].tick
        if ticks != ticks.to_integral_value():
            raise ValueError(f"{price} is off the grid of {self._contracts[con_id].tick}")
        return int(ticks)

    @staticmethod
    def _drain(market: Market) -> list[MarketEvent]:
        events, market.out = market.out, []
        return events


def _next_at(market: Market) -> int:
    return market.next_at


def _refuse_side(side: str) -> int:
    raise ValueError(f"side {side!r} is neither BUY nor SELL")
