"""The life of accepted orders: at the exchange, executed, cancelled, expired; and saying so."""

import heapq
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zlib import crc32

from hydra.simgateway.account_desk import AccountDesk
from hydra.simgateway.calendar import SessionState, session_state
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import Core
from hydra.simgateway.faults import Moment
from hydra.simgateway.order_reports import OrderReports
from hydra.simgateway.orders import SimOrder, Status
from hydra.simgateway.records import Executed, OrderAccepted, OrderActivated, OrderEnded

if TYPE_CHECKING:
    from hydra.simgateway.exchange import OrderFilled

_REPORT_ORDERS: Final = ("exec_first", "status_first", "exec_and_fee_first")


class OrderDesk:
    """Takes market events and time; every change is recorded before anyone hears of it."""

    def __init__(self, core: Core, reports: OrderReports, accounts: AccountDesk) -> None:
        self._core = core
        self._reports = reports
        self._accounts = accounts
        self._ends: list[tuple[datetime, int]] = []

    def next_end(self) -> datetime | None:
        """The next moment at which an open order's own time is up."""
        working = self._core.state.orders.working
        while self._ends:
            at, perm_id = self._ends[0]
            order = working.get(perm_id)
            if order is not None and order.good_till == at:
                return at
            heapq.heappop(self._ends)
        return None

    def expire(self, until: datetime) -> None:
        while (at := self.next_end()) is not None and at <= until:
            _, perm_id = heapq.heappop(self._ends)
            order = self._core.state.orders.working[perm_id]
            self._core.faults.hit(moment_of("expire", order))
            self.end(order, Status.CANCELLED, "Expired")

    def resubmit(self) -> None:
        """After a restart: what expired meanwhile ends, the rest goes back to the exchange, oldest first."""
        core = self._core
        for order in list(core.state.orders.working.values()):
            self.note_end(order)
        self.expire(core.at)
        for order in list(core.state.orders.working.values()):
            contract = core.listing.remember(order.symbol, order.con_id)
            self._activate_if_open(order, contract)
            self.submit(order)

    def session_changed(self, con_id: int) -> None:
        """Orders that waited for the open go to the exchange."""
        contract = self._core.listing.known(con_id)
        for order in list(self._core.state.orders.working.values()):
            if order.con_id == con_id and contract is not None:
                self._activate_if_open(order, contract)

    def filled(self, event: "OrderFilled") -> None:
        order = self._core.state.orders.working.get(event.key)
        if order is not None:
            self.execute(order, event.qty, event.price, event.at)

    def execute(self, order: SimOrder, qty: int, price: Decimal, at: datetime) -> None:
        """Book one execution and report it, its parts in an order that no client may rely on."""
        core = self._core
        contract = core.listing.remember(order.symbol, order.con_id)
        exec_id = core.state.next_exec_id()
        done = core.record(Executed(at, exec_id, order.perm_id, qty, price, contract.commission_usd * qty))
        assert done is not None
        self._accounts.executed(done.con_id)
        core.faults.hit(moment_of("fill", order))
        way = _REPORT_ORDERS[crc32(exec_id.encode()) % len(_REPORT_ORDERS)]
        if way == "status_first":
            self._reports.state(order)
        self._reports.execution(order, done)
        if way == "exec_first":
            self._reports.state(order)
        self._reports.commission(done)
        if way == "exec_and_fee_first":
            self._reports.state(order)
        if core.faults.armed:
            self._reports.flush(order)
        core.faults.hit(moment_of("fill_reported", order))

    def end(self, order: SimOrder, status: Status, reason: str, frame: int = 0) -> None:
        """Take the rest of an order off the exchange and the books' working list, and say so."""
        core = self._core
        core.exchange.cancel(order.perm_id, core.at)
        core.record(OrderEnded(core.at, frame, order.perm_id, status, reason))
        core.faults.hit(moment_of("cancelled", order))
        self._reports.state(order)
        self._reports.error(order, 202, "Order Canceled - reason:")

    def accept_foreign(self, order: OrderAccepted) -> SimOrder:
        """Book an order that no API client placed; it does not go to the exchange."""
        self._core.record(order)
        return self._core.state.orders.by_perm[order.perm_id]

    def submit(self, order: SimOrder) -> None:
        """Send the working quantity to the exchange; what matches at once is booked before this returns."""
        core = self._core
        if not order.leaves_qty:  # filled by a fault in the moment of its acknowledgement
            return
        core.dispatch(
            core.exchange.submit(
                order.perm_id, order.con_id, order.side, order.leaves_qty, order.limit, core.at
            )
        )

    def _activate_if_open(self, order: SimOrder, contract: SimContract) -> None:
        if order.status is not Status.PRE_SUBMITTED:
            return
        if session_state(contract, self._core.at) is SessionState.OPEN:
            self._core.record(OrderActivated(self._core.at, order.perm_id))
            self._reports.state(order)

    def note_end(self, order: SimOrder) -> None:
        """Remember when the order's time is up."""
        if order.good_till is not None:
            heapq.heappush(self._ends, (order.good_till, order.perm_id))


def moment_of(point: str, order: SimOrder) -> Moment:
    """The moment at which something happens to an order."""
    return Moment(point, order.client_id, order.order_id, order.order_ref, order.perm_id, order.symbol)
