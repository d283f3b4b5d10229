"""Requests to read the books: open orders, executions, completed orders; and who may see what."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from hydra.simgateway import messages
from hydra.simgateway.account import Execution
from hydra.simgateway.core import ClientLink, Core
from hydra.simgateway.faults import Moment
from hydra.simgateway.order_reports import OrderReports
from hydra.simgateway.orders import SimOrder
from hydra.simgateway.wire import Cursor, WireError, parse_time


class BookDesk:
    """Reads only."""

    def __init__(self, core: Core, reports: OrderReports) -> None:
        self._core = core
        self._reports = reports

    def open_orders(self, link: ClientLink) -> None:
        """The client's own open orders; client 0 also gets those placed at the screen."""
        self._core.faults.hit(Moment("req_open_orders", link.client_id))
        for order in self.working_of(link.client_id):
            self._reports.open_order(link, order)
        link.send("openOrderEnd", messages.open_order_end())

    def all_open_orders(self, link: ClientLink) -> None:
        self._core.faults.hit(Moment("req_open_orders", link.client_id))
        for order in list(self._core.state.orders.working.values()):
            self._reports.open_order(link, order)
        link.send("openOrderEnd", messages.open_order_end())

    def completed_orders(self, link: ClientLink, api_only: bool) -> None:
        """Orders that ended today, oldest first; the protocol names neither their order nor client id."""
        faults = self._core.faults
        faults.hit(Moment("req_completed_orders", link.client_id))
        if faults.completed == "mute":
            return
        since = self._core.midnight()
        if faults.completed == "normal":
            for order in self._core.state.orders.ended():
                if (
                    order.ended_at is not None
                    and order.ended_at >= since
                    and not (api_only and order.is_foreign)
                ):
                    self._reports.completed_order(link, order)
        link.send("completedOrdersEnd", messages.completed_orders_end())

    def executions(self, link: ClientLink, cursor: Cursor) -> None:
        """Executions since midnight that fit the filter, each followed by its commission report."""
        cursor.text("version")
        req_id = cursor.integer("reqId")
        fits = _Filter(cursor, self._core.settings.iana_zone)
        self._core.faults.hit(Moment("req_executions", link.client_id))
        if self._core.faults.executions == "normal":
            for done in self._visible(link.client_id):
                if fits(done):
                    self._reports.execution_to(link, req_id, done)
                    self._reports.commission_to(link, done)
        link.send("execDetailsEnd", messages.exec_details_end(req_id))

    def working_of(self, client_id: int) -> Iterator[SimOrder]:
        for order in list(self._core.state.orders.working.values()):
            if order.client_id == client_id:
                yield order

    def _visible(self, client_id: int) -> list[Execution]:
        """Real gateways differ here; the setting (or fault) `visibility` says how this one behaves."""
        core = self._core
        rule = core.faults.visibility or core.settings.executions_visibility
        sees_all = (
            rule == "all"
            or (rule == "zero_only" and client_id == 0)
            or client_id == core.settings.master_client_id
        )
        return [
            done
            for done in core.state.account.since(core.midnight())
            if sees_all or done.client_id == client_id
        ]


class _Filter:
    """The seven fields of an execution filter; empty and 0 mean *any*."""

    def __init__(self, cursor: Cursor, zone: str) -> None:
        self._client_id = cursor.integer("clientId")
        self._account, time, self._symbol, self._sec_type, self._exchange, side = cursor.texts("filter", 6)
        self._side = {"BOT": "BUY", "SLD": "SELL"}.get(side.upper(), side.upper())
        self._since: datetime | None = None
        if time:
            try:
                self._since = parse_time(time, zone).astimezone(ZoneInfo("UTC"))
            except WireError:
                self._since = None

    def __call__(self, done: Execution) -> bool:
        return (
            self._client_id in (0, done.client_id)
            and self._symbol in ("", done.symbol)
            and self._sec_type in ("", "FUT")
            and self._side in ("", done.side)
            and (self._since is None or done.at >= self._since)
        )
