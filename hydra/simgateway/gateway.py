"""The gateway: client messages in, market events in, and the desks that answer them.

No sockets and no wall clock here; `advance` brings the market to an instant, `handle` takes one message.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from hydra.simgateway import messages
from hydra.simgateway.account_desk import AccountDesk
from hydra.simgateway.book_desk import BookDesk
from hydra.simgateway.contract_messages import (
    ContractQuery,
    contract_details,
    contract_details_end,
    symbol_samples,
)
from hydra.simgateway.contracts import SimContract, catalogue
from hydra.simgateway.core import NO_REQUEST, ClientLink, Core, GatewaySettings, Later
from hydra.simgateway.events import MarketEvent, OrderFilled, QuoteChanged, SessionChanged, TradePrinted
from hydra.simgateway.exchange import Exchange
from hydra.simgateway.faults import Faults, Moment
from hydra.simgateway.history_desk import HistoryDesk
from hydra.simgateway.market_desk import MarketDesk
from hydra.simgateway.order_desk import OrderDesk
from hydra.simgateway.order_reports import OrderReports
from hydra.simgateway.records import FORMAT, BookOpened
from hydra.simgateway.replay import DailyBar
from hydra.simgateway.store import Journal
from hydra.simgateway.valuation import Valuation
from hydra.simgateway.wire import Cursor, WireError

PLACE_ORDER: Final = 3
CANCEL_ORDER: Final = 4
GLOBAL_CANCEL: Final = 58
_ORDER_MESSAGES: Final = {
    PLACE_ORDER: "placeOrder",
    CANCEL_ORDER: "cancelOrder",
    GLOBAL_CANCEL: "globalCancel",
}
# What the gateway answers out of its own head while the servers are away (1100).
_LOCAL: Final = frozenset({2, 8, 14, 17, 49, 59, 63, 64, 75, 77, 93, 95, 98})
# The market is listed further ahead than clients see, so that a contract listed next month needs no new market.
_LISTED_AHEAD: Final = timedelta(days=120)


@dataclass(slots=True)
class Held:
    """A message that waits for the servers to come back."""

    link: ClientLink
    fields: list[str]
    frame: int


class Gateway:
    """One simulated gateway with its broker and its exchange behind it."""

    def __init__(
        self,
        settings: GatewaySettings,
        journal: Journal,
        *,
        at: datetime,
        later: Later,
        wall_s: Callable[[], float],
        bars: Mapping[str, Sequence[DailyBar]] | None = None,
    ) -> None:
        """Reads the journal and takes up where it ended; `at` is the market time now."""
        self.faults = Faults(wall_s)
        self.core = core = Core(settings, journal, self.faults, later)
        core.at, core.dispatch = at, self._dispatch
        core.replay()
        if core.state.opened is None:
            core.record(BookOpened(at, FORMAT, settings.seed, settings.cash_usd, settings.account))
        core.exchange = Exchange(self._contracts(at.date()), seed=settings.seed, start=at, bars=bars)
        self.valuation = Valuation(core)
        self.reports = OrderReports(core)
        self.orders = OrderDesk(core, self.valuation, self.reports)
        self.books = BookDesk(core, self.reports)
        self.accounts = AccountDesk(core, self.valuation)
        self.market = MarketDesk(core)
        self.history = HistoryDesk(core)
        self._held: deque[Held] = deque()
        self._last_time_s: dict[ClientLink, float] = {}
        self._handlers = self._table()
        self.orders.resubmit()

    # --- time ----------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Let the market and the orders' own deadlines happen up to `now`."""
        while (end := self.orders.next_end()) is not None and end <= now:
            self._run_market(end)
            self.core.at = max(self.core.at, end)
            self.orders.expire(end)
        self._run_market(now)
        self.core.at = max(self.core.at, now)
        if self.faults.is_link_up:
            self.market.publish()

    def next_event_at(self) -> datetime | None:
        """When to call `advance` again if no message comes."""
        instants = [
            at for at in (self.core.exchange.next_event_at(), self.orders.next_end()) if at is not None
        ]
        return min(instants, default=None)

    def _run_market(self, until: datetime) -> None:
        self._dispatch(self.core.exchange.advance(until))

    def _dispatch(self, events: Sequence[MarketEvent]) -> None:
        for event in events:
            self.core.at = max(self.core.at, event.at)
            match event:
                case QuoteChanged():
                    self.market.quote_changed(event.con_id, event.quote)
                case OrderFilled():
                    self.orders.filled(event)
                    self.accounts.executed(event.con_id)
                case TradePrinted():
                    self.market.traded(event)
                case SessionChanged():
                    self.orders.session_changed(event.con_id)

    # --- clients -------------------------------------------------------------------------------------

    def join(self, link: ClientLink) -> None:
        """A client finished the handshake and asked to start: the messages every client gets first."""
        core = self.core
        core.links[link.client_id] = link
        core.faults.hit(Moment("connect", link.client_id))
        link.send("managedAccounts", messages.managed_accounts(core.settings.account))
        self.send_next_id(link)
        if not self.faults.is_link_up:
            core.error(link, NO_REQUEST, 1100, LINK_LOST)
            return
        if core.settings.pushes_open_orders:
            for order in self.books.working_of(link.client_id):
                self.reports.open_order(link, order)
        for code, text in FARMS_OK:
            core.error(link, NO_REQUEST, code, text)

    def leave(self, link: ClientLink) -> None:
        if self.core.links.get(link.client_id) is link:
            del self.core.links[link.client_id]
        self.market.forget(link)
        self.accounts.forget(link)
        self._last_time_s.pop(link, None)

    def send_next_id(self, link: ClientLink) -> None:
        highest = self.core.state.orders.highest_id(link.client_id)
        link.send("nextValidId", messages.next_valid_id(highest + 1))

    def handle(self, link: ClientLink, fields: list[str]) -> None:
        """One message of a started client; whatever is in it, the connection stays."""
        message = int(fields[0]) if fields[0].isdecimal() and len(fields[0]) < 6 else 0
        if not self.faults.is_link_up and message not in _LOCAL:
            kind = _ORDER_MESSAGES.get(message)
            frame = self.orders.note(link, fields, kind, "held") if kind else 0
            self._held.append(Held(link, fields, frame))
            return
        self._handle(link, message, fields, 0)

    def over_limit(self, link: ClientLink, fields: list[str]) -> None:
        """A message beyond the allowed rate: lost, and said so."""
        kind = _ORDER_MESSAGES.get(int(fields[0])) if fields[0].isdecimal() else None
        if kind:
            self.orders.note(link, fields, kind, "refused:100")
        self.core.error(link, NO_REQUEST, 100, "Max rate of messages per second has been exceeded.")

    # --- connection to the servers -------------------------------------------------------------------

    def lose_link(self) -> None:
        """1100: held back from now on are order reports and whatever clients ask."""
        if self.faults.is_link_up:
            self.core.error_to_all(1100, LINK_LOST)
            self.faults.is_link_up = False

    def restore_link(self, *, data_lost: bool) -> None:
        """1101 or 1102: then what was held back, in its order."""
        self.faults.is_link_up = True
        if data_lost:
            self.market.forget_all()
            self.core.error_to_all(1101, f"{LINK_BACK} - data lost.")
        else:
            farms = "usfuture, ushmds, secdefnj"
            self.core.error_to_all(
                1102, f"{LINK_BACK} - data maintained. All data farms are connected: {farms}."
            )
        for link in list(self.core.links.values()):
            link.release_held()
        held, self._held = self._held, deque()
        for each in held:
            if each.frame or each.link.is_open:
                self._handle(
                    each.link,
                    int(each.fields[0]) if each.fields[0].isdecimal() else 0,
                    each.fields,
                    each.frame,
                )
        self.market.publish()

    # --- messages ------------------------------------------------------------------------------------

    def _handle(self, link: ClientLink, message: int, fields: list[str], frame: int) -> None:
        if message == PLACE_ORDER:
            self.orders.place(link, fields, frame)
            return
        handler = self._handlers.get(message)
        cursor = Cursor(fields)
        try:
            if message == CANCEL_ORDER:
                cursor.text("version")
                self.orders.cancel(link, cursor.integer("orderId"), frame)
            elif message == GLOBAL_CANCEL:
                self.orders.cancel_all(link, frame)
            elif handler is None:
                self._unknown(link, fields)
            else:
                handler(link, cursor)
        except WireError as problem:
            text = f"Server error when reading an API client request. {problem}"
            self.core.error(link, _request_id(fields), 320, text)

    def _unknown(self, link: ClientLink, fields: list[str]) -> None:
        text = f"Error validating request.-'b0' : cause - Message {fields[0][:12]} is not simulated."
        self.core.error(link, _request_id(fields), 321, text)

    def _table(self) -> dict[int, Callable[[ClientLink, Cursor], None]]:
        """Handlers by message id; each reads its own fields."""
        return {
            1: self.market.subscribe,
            2: lambda link, c: self.market.unsubscribe(link, _versioned_id(c)),
            5: lambda link, c: self.books.open_orders(link),
            6: self._account_updates,
            7: self.books.executions,
            8: lambda link, c: self.send_next_id(link),
            9: self._contract_details,
            10: self._market_depth,
            11: lambda link, c: None,
            14: lambda link, c: None,
            15: self._auto_bind,
            16: lambda link, c: self.books.all_open_orders(link),
            17: self._managed_accounts,
            20: self.history.bars,
            25: lambda link, c: self._no_query(link, _versioned_id(c)),
            49: self._current_time,
            50: self._realtime_bars,
            51: lambda link, c: None,
            59: lambda link, c: self.market.set_type(link, _versioned_id(c)),
            61: self._positions,
            62: self._account_summary,
            63: lambda link, c: None,
            64: lambda link, c: self.accounts.cancel_positions(link),
            74: self._positions_multi,
            75: lambda link, c: self.accounts.cancel_positions_multi(link, _versioned_id(c)),
            76: self._updates_multi,
            77: lambda link, c: self.accounts.cancel_updates_multi(link, _versioned_id(c)),
            81: self._matching_symbols,
            82: self._depth_exchanges,
            87: self.history.head_timestamp,
            90: lambda link, c: None,
            91: self._market_rule,
            92: lambda link, c: self._check_account(link, c, self.accounts.pnl),
            93: lambda link, c: self.accounts.cancel_pnl(link, c.integer("reqId")),
            94: self._pnl_single,
            95: lambda link, c: self.accounts.cancel_pnl(link, c.integer("reqId")),
            97: self.market.subscribe_ticks,
            98: lambda link, c: self.market.unsubscribe_ticks(link, c.integer("reqId")),
            99: lambda link, c: self.books.completed_orders(link, c.flag("apiOnly")),
        }

    def _account_updates(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self.accounts.updates(link, cursor.flag("subscribe"))

    def _contract_details(self, link: ClientLink, cursor: Cursor) -> None:
        """All contracts that fit, expiries ascending; none is error 200."""
        core = self.core
        cursor.text("version")
        req_id = cursor.integer("reqId")
        query = ContractQuery.read(cursor)
        core.faults.hit(Moment("req_contract_details", link.client_id, symbol=query.symbol))
        on = core.local_date
        found = core.listing.find(query, on)
        if not found:
            core.error(link, req_id, 200, "No security definition has been found for the request")
            return
        for contract in found:
            link.send("contractDetails", contract_details(req_id, contract, on, link.version))
        link.send("contractDetailsEnd", contract_details_end(req_id))

    def _market_depth(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        text = "Deep market data is not supported for this combination of security type/exchange"
        self.core.error(link, cursor.integer("reqId"), 10092, text)

    def _auto_bind(self, link: ClientLink, cursor: Cursor) -> None:
        if link.client_id != 0:
            text = "Only API connections with clientId set to 0 can set the auto bind TWS orders property."
            self.core.error(link, NO_REQUEST, 327, text)

    def _managed_accounts(self, link: ClientLink, cursor: Cursor) -> None:
        link.send("managedAccounts", messages.managed_accounts(self.core.settings.account))

    def _no_query(self, link: ClientLink, req_id: int) -> None:
        self.core.error(link, req_id, 366, f"No historical data query found for ticker id:{req_id}")

    def _current_time(self, link: ClientLink, cursor: Cursor) -> None:
        """Gateways since 10.19 never answer the second of two requests within a second."""
        now = self.faults.wall_s()
        if now - self._last_time_s.get(link, -1e9) < 1.0:
            return
        self._last_time_s[link] = now
        link.send("currentTime", messages.current_time(int(self.core.at.timestamp())))

    def _realtime_bars(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        text = "Invalid Real-time Query: five-second bars are not simulated"
        self.core.error(link, cursor.integer("reqId"), 420, text)

    def _positions(self, link: ClientLink, cursor: Cursor) -> None:
        self.faults.hit(Moment("req_positions", link.client_id))
        self.accounts.positions(link)

    def _account_summary(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        req_id = cursor.integer("reqId")
        cursor.text("group")
        self.accounts.summary(link, req_id, cursor.text("tags"))

    def _positions_multi(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self._check_account(link, cursor, self.accounts.positions_multi)

    def _updates_multi(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self._check_account(link, cursor, self.accounts.updates_multi)

    def _check_account(
        self, link: ClientLink, cursor: Cursor, then: Callable[[ClientLink, int], None]
    ) -> None:
        req_id, account = cursor.integer("reqId"), cursor.text("account")
        if account not in ("", self.core.settings.account):
            text = f"Error validating request.-'bT' : cause - Invalid account code '{account[:20]}'."
            self.core.error(link, req_id, 321, text)
        else:
            then(link, req_id)

    def _pnl_single(self, link: ClientLink, cursor: Cursor) -> None:
        req_id = cursor.integer("reqId")
        cursor.texts("account", 2)
        self.accounts.pnl_single(link, req_id, cursor.integer("conId"))

    def _matching_symbols(self, link: ClientLink, cursor: Cursor) -> None:
        req_id, pattern = cursor.integer("reqId"), cursor.text("pattern").upper()
        fronts: dict[str, SimContract] = {}
        for contract in self.core.listing.listed(self.core.local_date):
            if pattern and (pattern in contract.symbol or pattern in contract.long_name.upper()):
                fronts.setdefault(contract.symbol, contract)
        link.send("symbolSamples", symbol_samples(req_id, list(fronts.values()), link.version))

    def _depth_exchanges(self, link: ClientLink, cursor: Cursor) -> None:
        exchanges = sorted({contract.exchange for contract in self.core.listing.listed(self.core.local_date)})
        rows = [(exchange, "FUT") for exchange in exchanges]
        link.send("mktDepthExchanges", messages.market_depth_exchanges(rows))

    def _market_rule(self, link: ClientLink, cursor: Cursor) -> None:
        """Price increments on the grid that quotes and orders obey."""
        rule_id = cursor.integer("marketRuleId")
        ticks = {c.market_rule_id: c.tick for c in self.core.listing.listed(self.core.local_date)}
        if rule_id not in ticks:
            self.core.error(link, NO_REQUEST, 10091, f"Market rule {rule_id} is not found")
        else:
            link.send("marketRule", messages.market_rule(rule_id, [(ticks[rule_id] * 0, ticks[rule_id])]))

    # --- parts ---------------------------------------------------------------------------------------

    def _contracts(self, on: date) -> list[SimContract]:
        """Listed now, listed soon, and whatever the books hold."""
        listing, state = self.core.listing, self.core.state
        known = {c.con_id: c for c in (*catalogue(on), *catalogue(on + _LISTED_AHEAD))}
        for order in state.orders.by_perm.values():
            known[order.con_id] = listing.remember(order.symbol, order.con_id)
        listing.listed(on)
        return list(known.values())


LINK_LOST: Final = "Connectivity between IBKR and Trader Workstation has been lost."
LINK_BACK: Final = "Connectivity between IBKR and Trader Workstation has been restored"
FARMS_OK: Final = (
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)


def _versioned_id(cursor: Cursor) -> int:
    cursor.text("version")
    return cursor.integer("reqId")


def _request_id(fields: Sequence[str]) -> int:
    """The request id of a message that cannot be handled, as well as it can be told."""
    for text in fields[2:3] if len(fields) > 2 else fields[1:2]:
        if text.lstrip("-").isdecimal():
            return int(text)
    return NO_REQUEST
