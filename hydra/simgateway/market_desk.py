"""Quotes: one subscription per request, the first picture at once, then changes only."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from hydra.simgateway import messages
from hydra.simgateway.contract_messages import ContractQuery, NoDefinition
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import ClientLink, Core
from hydra.simgateway.events import Quote, TradePrinted
from hydra.simgateway.faults import Moment
from hydra.simgateway.wire import Cursor

LINES_MAX: Final = 100
LIVE: Final = 1
FROZEN: Final = 2
DELAYED: Final = 3
DELAYED_FROZEN: Final = 4
_TICK_BY_TICK_MAX: Final = 5
_TICK_BY_TICK_KINDS: Final = {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}


@dataclass(frozen=True, slots=True)
class TickTypes:
    """The numbers of one family of ticks; live and delayed data differ in nothing else."""

    bid: int
    ask: int
    last: int
    bid_size: int
    ask_size: int
    last_size: int
    high: int
    low: int
    volume: int
    close: int
    open: int
    last_time: int
    halted: int


LIVE_TICKS: Final = TickTypes(1, 2, 4, 0, 3, 5, 6, 7, 8, 9, 14, 45, 49)
DELAYED_TICKS: Final = TickTypes(66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 88, 90)


@dataclass(slots=True)
class Line:
    """One request for quotes and what it was last told."""

    link: ClientLink
    req_id: int
    contract: SimContract
    ticks: TickTypes
    told: dict[int, tuple[Decimal | None, int] | str] = field(default_factory=dict)


@dataclass(slots=True)
class TickLine:
    """One tick-by-tick request."""

    link: ClientLink
    req_id: int
    contract: SimContract
    kind: str


class MarketDesk:
    """Keeps the market-data subscriptions of all clients and tells the exchange which contracts to watch."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._types: dict[ClientLink, int] = {}
        self._lines: dict[tuple[ClientLink, int], Line] = {}
        self._tick_lines: dict[tuple[ClientLink, int], TickLine] = {}
        self._changed: dict[int, Quote] = {}
        self._printed: list[TradePrinted] = []

    # --- requests ------------------------------------------------------------------------------------

    def set_type(self, link: ClientLink, kind: int) -> None:
        """Live (1), frozen (2), delayed (3) or delayed frozen (4), for later requests of this client."""
        self._types[link] = kind

    def subscribe(self, link: ClientLink, cursor: Cursor) -> None:
        core = self._core
        cursor.text("version")
        req_id = cursor.integer("reqId")
        query = ContractQuery.read(cursor)
        if cursor.flag("deltaNeutral"):
            cursor.texts("deltaNeutralContract", 3)
        cursor.text("genericTicks")
        is_snapshot = cursor.flag("snapshot")
        core.faults.hit(Moment("req_mkt_data", link.client_id, symbol=query.symbol))
        found = core.listing.find_one(query, core.local_date)
        if (link, req_id) in self._lines:
            core.error(link, req_id, 102, "Duplicate ticker ID.")
        elif isinstance(found, NoDefinition):
            core.error(link, req_id, 200, found.text)
        elif core.faults.refuse_quotes_left > 0:
            core.faults.refuse_quotes_left -= 1
            core.error(link, req_id, 354, _NOT_SUBSCRIBED)
        elif sum(1 for held, _ in self._lines if held is link) >= LINES_MAX:
            core.error(link, req_id, 101, "Max number of tickers has been reached.")
        else:
            self._open(link, req_id, found, is_snapshot)

    def unsubscribe(self, link: ClientLink, req_id: int) -> None:
        line = self._lines.pop((link, req_id), None)
        if line is None:
            self._core.error(link, req_id, 300, f"Can't find EId with tickerId:{req_id}")
        else:
            self._unwatch(line.contract.con_id)

    def subscribe_ticks(self, link: ClientLink, cursor: Cursor) -> None:
        """Tick-by-tick trades, quotes or midpoints."""
        core = self._core
        req_id = cursor.integer("reqId")
        found = core.listing.find_one(ContractQuery.read(cursor), core.local_date)
        kind = cursor.text("tickType")
        if isinstance(found, NoDefinition):
            core.error(link, req_id, 200, found.text)
        elif kind not in _TICK_BY_TICK_KINDS:
            core.error(
                link, req_id, 321, f"Error validating request.-'bR' : cause - Invalid tick type {kind}."
            )
        elif sum(1 for held, _ in self._tick_lines if held is link) >= _TICK_BY_TICK_MAX:
            core.error(link, req_id, 10190, "Max number of tick-by-tick requests has been reached.")
        else:
            self._tick_lines[link, req_id] = TickLine(link, req_id, found, kind)
            core.exchange.watch(found.con_id)

    def unsubscribe_ticks(self, link: ClientLink, req_id: int) -> None:
        line = self._tick_lines.pop((link, req_id), None)
        if line is not None:
            self._unwatch(line.contract.con_id)

    def forget(self, link: ClientLink) -> None:
        """A client is gone: its subscriptions end."""
        self._types.pop(link, None)
        self._drop(
            [key for key in self._lines if key[0] is link], [k for k in self._tick_lines if k[0] is link]
        )

    def forget_all(self) -> None:
        """Error 1101: data lost, every subscription has to be asked for again."""
        self._drop(list(self._lines), list(self._tick_lines))

    # --- market events -------------------------------------------------------------------------------

    def quote_changed(self, con_id: int, quote: Quote) -> None:
        self._changed[con_id] = quote

    def traded(self, event: TradePrinted) -> None:
        if self._tick_lines:
            self._printed.append(event)

    def publish(self) -> None:
        """Send what changed since the last time; of several changes of one contract only the newest."""
        if self._printed:
            printed, self._printed = self._printed, []
            for event in printed:
                self._publish_trade(event)
        if self._changed:
            changed, self._changed = self._changed, {}
            for line in self._lines.values():
                quote = changed.get(line.contract.con_id)
                if quote is not None:
                    self._tell(line, quote)
            for tick_line in self._tick_lines.values():
                quote = changed.get(tick_line.contract.con_id)
                if quote is not None:
                    self._publish_quote(tick_line, quote)

    # --- parts ---------------------------------------------------------------------------------------

    def _open(self, link: ClientLink, req_id: int, contract: SimContract, is_snapshot: bool) -> None:
        core = self._core
        kind = self._granted(link)
        if kind is None:
            text = _NOT_SUBSCRIBED if core.settings.market_data == "delayed" else _NOT_ENABLED
            core.error(link, req_id, 354 if core.settings.market_data == "delayed" else 10168, text)
            return
        if kind is DELAYED:
            core.error(link, req_id, 10167, _DISPLAYING_DELAYED)
        link.send("tickReqParams", messages.tick_req_params(req_id, contract.min_tick))
        link.send("marketDataType", messages.market_data_type(req_id, kind))
        line = Line(link, req_id, contract, DELAYED_TICKS if kind is DELAYED else LIVE_TICKS)
        if not is_snapshot:
            self._lines[link, req_id] = line
            core.exchange.watch(contract.con_id)
        self._tell(line, core.exchange.quote(contract.con_id))
        if is_snapshot:
            link.send("tickSnapshotEnd", messages.tick_snapshot_end(req_id))

    def _granted(self, link: ClientLink) -> int | None:
        """The kind of data this request gets: the best the account may see, None if it may see none."""
        asked = self._types.get(link, LIVE)
        if self._core.settings.market_data == "live":
            return LIVE
        if self._core.settings.market_data == "delayed" and asked in (DELAYED, DELAYED_FROZEN):
            return DELAYED
        return None

    def _tell(self, line: Line, quote: Quote) -> None:
        """The differences between what the line was told and the quote, prices with their sizes."""
        ticks = line.ticks
        self._price(line, ticks.bid, ticks.bid_size, quote.bid, quote.bid_size)
        self._price(line, ticks.ask, ticks.ask_size, quote.ask, quote.ask_size)
        is_new_trade = quote.last is not None and line.told.get(ticks.volume) != str(quote.volume)
        if quote.last is not None:
            self._price(line, ticks.last, ticks.last_size, quote.last, quote.last_size)
        if is_new_trade:
            stamp = str(int(quote.at.timestamp()))
            line.link.send("tickString", messages.tick_string(line.req_id, ticks.last_time, stamp))
        if line.told.get(ticks.volume) != str(quote.volume):
            line.told[ticks.volume] = str(quote.volume)
            line.link.send("tickSize", messages.tick_size(line.req_id, ticks.volume, quote.volume))
        for tick, price in (
            (ticks.high, quote.high),
            (ticks.low, quote.low),
            (ticks.open, quote.open),
            (ticks.close, quote.close),
        ):
            if price is not None:
                self._price(line, tick, None, price, 0)
        halted = "1" if quote.halted else "0"
        if line.told.get(ticks.halted, "0") != halted:
            line.told[ticks.halted] = halted
            line.link.send("tickGeneric", messages.tick_generic(line.req_id, ticks.halted, halted))

    def _price(self, line: Line, tick: int, size_tick: int | None, price: Decimal | None, size: int) -> None:
        told = line.told.get(tick)
        if told == (price, size):
            return
        line.told[tick] = (price, size)
        if isinstance(told, tuple) and told[0] == price and price is not None and size_tick is not None:
            line.link.send("tickSize", messages.tick_size(line.req_id, size_tick, size))
            return
        line.link.send("tickPrice", messages.tick_price(line.req_id, tick, price, size))
        if size_tick is not None:
            line.link.send(
                "tickSize", messages.tick_size(line.req_id, size_tick, size if price is not None else 0)
            )

    def _publish_trade(self, event: TradePrinted) -> None:
        for line in self._tick_lines.values():
            kind = _TICK_BY_TICK_KINDS[line.kind]
            if kind <= 2 and line.contract.con_id == event.con_id:
                epoch, exchange = int(event.at.timestamp()), line.contract.exchange
                frame = messages.tick_by_tick_trade(
                    line.req_id, kind, epoch, event.price, event.qty, exchange
                )
                line.link.send("tickByTick", frame)

    def _publish_quote(self, line: TickLine, quote: Quote) -> None:
        epoch = int(quote.at.timestamp())
        if line.kind == "BidAsk":
            sizes = (quote.bid_size, quote.ask_size)
            frame = messages.tick_by_tick_quote(line.req_id, epoch, quote.bid, quote.ask, *sizes)
            line.link.send("tickByTick", frame)
        elif line.kind == "MidPoint" and quote.bid is not None and quote.ask is not None:
            frame = messages.tick_by_tick_mid(line.req_id, epoch, (quote.bid + quote.ask) / 2)
            line.link.send("tickByTick", frame)

    def _drop(self, lines: list[tuple[ClientLink, int]], ticks: list[tuple[ClientLink, int]]) -> None:
        con_ids = {self._lines.pop(key).contract.con_id for key in lines}
        con_ids |= {self._tick_lines.pop(key).contract.con_id for key in ticks}
        for con_id in sorted(con_ids):
            self._unwatch(con_id)

    def _unwatch(self, con_id: int) -> None:
        watched = {line.contract.con_id for line in self._lines.values()}
        watched |= {line.contract.con_id for line in self._tick_lines.values()}
        if con_id not in watched:
            self._core.exchange.unwatch(con_id)


_NOT_SUBSCRIBED: Final = (
    "Requested market data is not subscribed. Check API status by selecting the Account menu then under"
    " Management choose Market Data Subscription Manager and/or availability of delayed data."
)
_NOT_ENABLED: Final = "Requested market data is not subscribed. Delayed market data is not enabled."
_DISPLAYING_DELAYED: Final = "Requested market data is not subscribed. Displaying delayed market data."
