"""Requests that only ask: one handler per message id, each reading its own fields."""

from collections.abc import Callable
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
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import NO_REQUEST, ClientLink, Core
from hydra.simgateway.faults import Moment
from hydra.simgateway.history_desk import HistoryDesk
from hydra.simgateway.market_desk import MarketDesk
from hydra.simgateway.wire import Cursor

Handler = Callable[[ClientLink, Cursor], None]
# Gateways since 10.19 never answer the second of two requests for the time within this.
TIME_REQUEST_GAP_WALL_S: Final = 1.0


class Requests:
    """Finds the desk that answers a message."""

    def __init__(
        self, core: Core, books: BookDesk, accounts: AccountDesk, market: MarketDesk, history: HistoryDesk
    ) -> None:
        self._core = core
        self._books = books
        self._accounts = accounts
        self._market = market
        self._history = history
        self._asked_time_s: dict[ClientLink, float] = {}
        self._handlers = self._table()

    def handler(self, message: int) -> Handler | None:
        return self._handlers.get(message)

    def forget(self, link: ClientLink) -> None:
        self._asked_time_s.pop(link, None)

    def next_id(self, link: ClientLink) -> None:
        highest = self._core.state.orders.highest_id(link.client_id)
        link.send("nextValidId", messages.next_valid_id(highest + 1))

    def _table(self) -> dict[int, Handler]:
        """Handlers by message id; each reads its own fields."""
        return {
            1: self._market.subscribe,
            2: lambda link, c: self._market.unsubscribe(link, _versioned_id(c)),
            5: lambda link, c: self._books.open_orders(link),
            6: self._account_updates,
            7: self._books.executions,
            8: lambda link, c: self.next_id(link),
            9: self._contract_details,
            10: self._market_depth,
            11: lambda link, c: None,
            14: lambda link, c: None,
            15: self._auto_bind,
            16: lambda link, c: self._books.all_open_orders(link),
            17: self._managed_accounts,
            20: self._history.bars,
            25: lambda link, c: self._no_query(link, _versioned_id(c)),
            49: self._current_time,
            50: self._realtime_bars,
            51: lambda link, c: None,
            59: lambda link, c: self._market.set_type(link, _versioned_id(c)),
            61: self._positions,
            62: self._account_summary,
            63: lambda link, c: None,
            64: lambda link, c: self._accounts.cancel_positions(link),
            74: self._positions_multi,
            75: lambda link, c: self._accounts.cancel_positions_multi(link, _versioned_id(c)),
            76: self._updates_multi,
            77: lambda link, c: self._accounts.cancel_updates_multi(link, _versioned_id(c)),
            81: self._matching_symbols,
            82: self._depth_exchanges,
            87: self._history.head_timestamp,
            90: lambda link, c: None,
            91: self._market_rule,
            92: lambda link, c: self._check_account(link, c, self._accounts.pnl),
            93: lambda link, c: self._accounts.cancel_pnl(link, c.integer("reqId")),
            94: self._pnl_single,
            95: lambda link, c: self._accounts.cancel_pnl(link, c.integer("reqId")),
            97: self._market.subscribe_ticks,
            98: lambda link, c: self._market.unsubscribe_ticks(link, c.integer("reqId")),
            99: lambda link, c: self._books.completed_orders(link, c.flag("apiOnly")),
        }

    def _account_updates(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self._accounts.updates(link, cursor.flag("subscribe"))

    def _contract_details(self, link: ClientLink, cursor: Cursor) -> None:
        """All contracts that fit, expiries ascending; none is error 200."""
        core = self._core
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
        self._core.error(link, cursor.integer("reqId"), 10092, text)

    def _auto_bind(self, link: ClientLink, cursor: Cursor) -> None:
        if link.client_id != 0:
            text = "Only API connections with clientId set to 0 can set the auto bind TWS orders property."
            self._core.error(link, NO_REQUEST, 327, text)

    def _managed_accounts(self, link: ClientLink, cursor: Cursor) -> None:
        link.send("managedAccounts", messages.managed_accounts(self._core.settings.account))

    def _no_query(self, link: ClientLink, req_id: int) -> None:
        self._core.error(link, req_id, 366, f"No historical data query found for ticker id:{req_id}")

    def _current_time(self, link: ClientLink, cursor: Cursor) -> None:
        now = self._core.faults.wall_s()
        if now - self._asked_time_s.get(link, -1e9) < TIME_REQUEST_GAP_WALL_S:
            return
        self._asked_time_s[link] = now
        link.send("currentTime", messages.current_time(int(self._core.at.timestamp())))

    def _realtime_bars(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        text = "Invalid Real-time Query: five-second bars are not simulated"
        self._core.error(link, cursor.integer("reqId"), 420, text)

    def _positions(self, link: ClientLink, cursor: Cursor) -> None:
        self._core.faults.hit(Moment("req_positions", link.client_id))
        self._accounts.positions(link)

    def _account_summary(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        req_id = cursor.integer("reqId")
        cursor.text("group")
        self._accounts.summary(link, req_id, cursor.text("tags"))

    def _positions_multi(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self._check_account(link, cursor, self._accounts.positions_multi)

    def _updates_multi(self, link: ClientLink, cursor: Cursor) -> None:
        cursor.text("version")
        self._check_account(link, cursor, self._accounts.updates_multi)

    def _check_account(
        self, link: ClientLink, cursor: Cursor, then: Callable[[ClientLink, int], None]
    ) -> None:
        req_id, account = cursor.integer("reqId"), cursor.text("account")
        if account not in ("", self._core.settings.account):
            text = f"Error validating request.-'bT' : cause - Invalid account code '{account[:20]}'."
            self._core.error(link, req_id, 321, text)
        else:
            then(link, req_id)

    def _pnl_single(self, link: ClientLink, cursor: Cursor) -> None:
        req_id = cursor.integer("reqId")
        cursor.texts("account", 2)
        self._accounts.pnl_single(link, req_id, cursor.integer("conId"))

    def _matching_symbols(self, link: ClientLink, cursor: Cursor) -> None:
        req_id, pattern = cursor.integer("reqId"), cursor.text("pattern").upper()
        fronts: dict[str, SimContract] = {}
        for contract in self._core.listing.listed(self._core.local_date):
            if pattern and (pattern in contract.symbol or pattern in contract.long_name.upper()):
                fronts.setdefault(contract.symbol, contract)
        link.send("symbolSamples", symbol_samples(req_id, list(fronts.values()), link.version))

    def _depth_exchanges(self, link: ClientLink, cursor: Cursor) -> None:
        listed = self._core.listing.listed(self._core.local_date)
        rows = [(exchange, "FUT") for exchange in sorted({contract.exchange for contract in listed})]
        link.send("mktDepthExchanges", messages.market_depth_exchanges(rows))

    def _market_rule(self, link: ClientLink, cursor: Cursor) -> None:
        """Price increments on the grid that quotes and orders obey."""
        rule_id = cursor.integer("marketRuleId")
        ticks = {c.market_rule_id: c.tick for c in self._core.listing.listed(self._core.local_date)}
        if rule_id not in ticks:
            self._core.error(link, NO_REQUEST, 10091, f"Market rule {rule_id} is not found")
        else:
            link.send("marketRule", messages.market_rule(rule_id, [(ticks[rule_id] * 0, ticks[rule_id])]))


def _versioned_id(cursor: Cursor) -> int:
    cursor.text("version")
    return cursor.integer("reqId")
