"""One contract's market: its book, its session, the crowd in it and the clients' orders among them."""

from datetime import date
from decimal import Decimal

from hydra.simgateway.agents import Crowd
from hydra.simgateway.book import BUY, SELL, Book, Match, Order
from hydra.simgateway.calendar import (
    PRE_OPEN_FOR,
    SessionState,
    next_change,
    previous_trade_date,
    segments,
    session_state,
    trade_date,
)
from hydra.simgateway.dayprice import DayPrice, to_datetime, to_us
from hydra.simgateway.events import (
    MarketEvent,
    OrderFilled,
    Quote,
    QuoteChanged,
    SessionChanged,
    TradePrinted,
)
from hydra.simgateway.liquidity import liquidity, volume_share
from hydra.simgateway.path import PricePath
from hydra.simgateway.tape import Tape

_CATCH_UP_US_MAX = 600_000_000
_PROTECTION_HALF_SPREADS = 3.0
_PROTECTION_TICKS_MIN = 10


class Market:
    """The market of one contract; time runs forward only through `run`, prices inside are integer ticks."""

    def __init__(self, path: PricePath, at: int) -> None:
        self.path = path
        self.contract = path.contract
        self.now = at
        self.watched = False
        self.halted = False
        self.out: list[MarketEvent] = []
        self._book = Book()
        self._crowd: Crowd | None = None
        self._queue: list[Order] = []
        self._orders: dict[int, Order] = {}
        self._shift = 0
        self._shifted_on: date | None = None
        self._locked = 0
        self._is_deserted = False
        self._aggressor: Order | None = None
        self._shown: tuple[object, ...] = ()
        self._quote: Quote | None = None
        self._begin(at)

    # -- time

    @property
    def active(self) -> bool:
        """Whether anybody would notice what happens here."""
        return self.watched or bool(self._orders)

    @property
    def next_at(self) -> int:
        """The instant of the next event, in microseconds."""
        if self._crowd is None:
            return self._change_at
        return min(self._change_at, self._crowd.next_at)

    def step(self) -> None:
        """Let the next event happen."""
        if self._crowd is not None and self._crowd.next_at < self._change_at:
            self.now = self._crowd.next_at
            self._crowd.wake()
        else:
            self.now = self._change_at
            self._enter_session()
        self.publish()

    def catch_up(self, at: int) -> None:
        """Bring a market nobody watched to `at`: run it over a short gap, begin it anew after a long one."""
        if at - self.now > _CATCH_UP_US_MAX:
            self._begin(at)
            return
        while self.next_at <= at:
            self.step()
        self.now = at

    # -- clients' orders

    def submit(self, key: int, side: int, qty: int, limit: int | None) -> None:
        """A new client order: matches and rests while open, otherwise queues for the opening."""
        order = self._orders[key] = Order(key, side, limit, qty)
        self._arrive(order)
        self.publish()

    def replace(self, key: int, qty: int, limit: int | None) -> None:
        """Give a live order another open quantity and limit; only less at the same price keeps its place."""
        order = self._orders.get(key)
        if order is None:
            return
        if limit == order.price and qty <= order.leaves:
            order.leaves = qty
        else:
            self._withdraw(order)
            self.submit(key, order.side, qty, limit)
        self.publish()

    def cancel(self, key: int) -> int:
        """Take a client order out; returns what was left of it, 0 when it was not there."""
        order = self._orders.pop(key, None)
        if order is None:
            return 0
        self._withdraw(order)
        self.publish()
        return order.leaves

    def open_qty(self, key: int) -> int:
        order = self._orders.get(key)
        return order.leaves if order else 0

    def queue_ahead(self, key: int) -> int:
        """The lots in front of a resting client order at its price; KeyError when it does not rest."""
        return self._book.ahead(self._orders[key])

    # -- what the crowd may do (agents.Venue)

    def best(self, side: int) -> int | None:
        return self._book.best(side)

    def enter(self, order: Order) -> None:
        self._match(order, order.price)
        if order.leaves:
            self._book.rest(order)

    def take(self, side: int, qty: int, limit: int) -> None:
        self._match(Order(0, side, limit, qty), limit)

    def pull(self, order: Order) -> None:
        self._book.remove(order)

    # -- halts

    def halt(self) -> None:
        """Stop matching; the crowd leaves, clients' orders queue."""
        self.halted = True
        self._close_book()
        self._announce(SessionState.HALTED)
        self.publish()

    def resume(self, gap_ticks: int) -> None:
        """Match again, every price from here on `gap_ticks` higher."""
        self.halted = False
        self._shift += gap_ticks
        self._shifted_on = self._tape.on
        self._announce(self.state)
        if self.state is SessionState.OPEN:
            self._open_book()
        self.publish()

    # -- one-sided and empty books

    def lock(self, direction: int) -> None:
        """+1: everybody buys at limit-up and nobody sells; -1 the other way; 0: back to the market."""
        self._locked = direction
        self._regroup()

    def desert(self, *, is_deserted: bool) -> None:
        """Everybody else leaves, or is back; clients' orders stay where they rest."""
        self._is_deserted = is_deserted
        self._regroup()

    # -- what is shown

    def quote(self) -> Quote:
        """The quote as it stands."""
        if self._quote is None:
            self._quote = self._make_quote()
        return self._quote

    def depth(self, side: int) -> list[tuple[int, int]]:
        return self._book.depth(side)

    def limits(self) -> tuple[int, int]:
        """The lowest and highest price, in ticks, that the trade date in force allows."""
        settled = self._day.settled
        return settled.limit_down + self._shift, settled.limit_up + self._shift

    def publish(self) -> None:
        """Tell watchers when the quote is another one than they were shown."""
        book, tape = self._book, self._tape
        shown = (
            book.best(BUY), book.size(BUY), book.best(SELL), book.size(SELL),
            tape.last, tape.last_size, tape.volume, tape.previous, self.halted,
        )  # fmt: skip
        if shown == self._shown:
            return
        self._shown = shown
        self._quote = None
        if self.watched:
            self.out.append(QuoteChanged(self.contract.con_id, self.quote(), to_datetime(self.now)))

    # -- inside

    def _begin(self, at: int) -> None:
        """Set the market up at an instant from the path alone, as if it had always run."""
        self.now = at
        moment = to_datetime(at)
        self.state = session_state(self.contract, moment)
        self._change_at = to_us(next_change(self.contract, moment))
        self._day = DayPrice(self.path, trade_date(self.contract, moment))
        self._close_book()
        self._tape = self._tape_until(at)
        if self.state is SessionState.OPEN and not self.halted:
            self._open_book()
        self.publish()

    def _tape_until(self, at: int) -> Tape:
        day = self._day
        begins = to_us(segments(self.contract, day.on)[0][0] - PRE_OPEN_FOR)
        if at < begins:  # until the next trade date begins, the last one stays on the screen
            day = DayPrice(self.path, previous_trade_date(day.on))
        return Tape.until(day, at, previous_shift=self._shift_before(day.on), shift=self._shift)

    def _shift_before(self, on: date) -> int:
        """What earlier halts added to the settlement before `on`."""
        return self._shift if self._shifted_on is not None and self._shifted_on < on else 0

    def _enter_session(self) -> None:
        moment = to_datetime(self.now)
        state = session_state(self.contract, moment)
        on = trade_date(self.contract, moment)
        self._change_at = to_us(next_change(self.contract, moment))
        if on != self._day.on:
            self._day = DayPrice(self.path, on)
        if state in (SessionState.PRE_OPEN, SessionState.OPEN) and self._tape.on != on:
            self._tape = Tape(on, self._day.settled.previous + self._shift_before(on))
        if state is self.state:
            return
        self.state = state
        if not self.halted:
            self._announce(state)
            if state is SessionState.OPEN:
                self._open_book()
            else:
                self._close_book()

    def _open_book(self) -> None:
        cal, moment = self.path.cal, to_datetime(self.now)
        on = self._day.on
        night = len(cal.sessions) > 1 and moment < segments(self.contract, on)[-1][0]
        crowd = liquidity(cal, volume_share(self.contract, on), night=night)
        self._crowd = Crowd(
            self, cal, self._day, crowd, seed=self.path.seed, con_id=self.contract.con_id, at=self.now,
            locked=self._locked, is_away=self._is_deserted,
        )  # fmt: skip
        self._crowd.arrive(self.now, self._shift)
        waiting, self._queue = self._queue, []
        for order in waiting:
            self._arrive(order)

    def _regroup(self) -> None:
        """The crowd of this moment goes, another comes: what clients have in the book keeps its order."""
        if self._crowd is not None:
            self._close_book()
            self._open_book()
        self.publish()

    def _close_book(self) -> None:
        """The crowd goes home; clients' orders queue again, best price first, and meet the next opening."""
        self._crowd = None
        self._queue = self._book.clients() + self._queue
        self._book = Book()

    def _arrive(self, order: Order) -> None:
        if self._crowd is None:
            self._queue.append(order)
            return
        if order.price is None:
            order.price = self._protected(order.side)
        low, high = self.limits()
        self._match(order, min(high, order.price) if order.side == BUY else max(low, order.price))
        if order.leaves:
            self._book.rest(order)

    def _protected(self, side: int) -> int:
        """A market order's limit: a few half-spreads beyond the touch, or beyond the last known price."""
        assert self._crowd is not None
        touch = self._book.best(-side)
        start = round(self._crowd.centre(self.now)) if touch is None else touch
        reach = max(_PROTECTION_TICKS_MIN, round(_PROTECTION_HALF_SPREADS * self.path.cal.half_spread))
        low, high = self.limits()
        return min(high, max(low, start + side * reach))

    def _withdraw(self, order: Order) -> None:
        if not self._book.remove(order):
            self._queue = [other for other in self._queue if other is not order]

    def _match(self, incoming: Order, limit: int | None) -> None:
        matches = self._book.match(incoming.side, incoming.leaves, limit)
        for match in matches:
            self._trade(incoming, match)

    def _trade(self, incoming: Order, match: Match) -> None:
        incoming.leaves -= match.qty
        self._tape.print(match.price, match.qty)
        if self._crowd is not None:
            self._crowd.traded(incoming.side, match.qty, self.now)
        moment = to_datetime(self.now) if self.watched or incoming.key or match.resting.key else None
        if moment is None:
            return
        price = self.contract.tick * match.price
        for order in (match.resting, incoming):
            if order.key:
                if not order.leaves:
                    self._orders.pop(order.key, None)
                self.out.append(
                    OrderFilled(order.key, self.contract.con_id, match.qty, price, order.leaves, moment)
                )
        if self.watched:
            self.out.append(TradePrinted(self.contract.con_id, match.qty, price, moment))

    def _announce(self, state: SessionState) -> None:
        if self.active:
            self.out.append(SessionChanged(self.contract.con_id, state, to_datetime(self.now)))

    def _make_quote(self) -> Quote:
        book, tape = self._book, self._tape
        return Quote(
            bid=self._price(book.best(BUY)),
            bid_size=book.size(BUY),
            ask=self._price(book.best(SELL)),
            ask_size=book.size(SELL),
            last=self._price(tape.last),
            last_size=tape.last_size,
            volume=tape.volume,
            open=self._price(tape.open),
            high=self._price(tape.high),
            low=self._price(tape.low),
            close=self.contract.tick * tape.previous,
            halted=self.halted,
            at=to_datetime(self.now),
        )

    def _price(self, ticks: int | None) -> Decimal | None:
        return None if ticks is None else self.contract.tick * ticks
