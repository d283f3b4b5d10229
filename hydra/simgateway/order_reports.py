"""Orders and executions as messages to those who may see them."""

from decimal import Decimal
from typing import Final

from hydra.simgateway import messages
from hydra.simgateway.account import Execution
from hydra.simgateway.contract_messages import CURRENCY, block
from hydra.simgateway.core import NO_REQUEST, ClientLink, Core
from hydra.simgateway.order_check import Ticket
from hydra.simgateway.order_messages import echoed, write_completed_order, write_open_order
from hydra.simgateway.orders import SimOrder, Status
from hydra.simgateway.tables import Values
from hydra.simgateway.valuation import MarginChange
from hydra.simgateway.wire import money_text, number_text

_SIDES: Final = {"BUY": "BOT", "SELL": "SLD"}


class OrderReports:
    """Writes openOrder, orderStatus, execDetails, commissionReport and completedOrder."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def state(self, order: SimOrder, status: Status | None = None) -> None:
        """openOrder with orderStatus, to everyone concerned."""
        for link in self._core.audience(order):
            self.open_order(link, order, status)

    def open_order(self, link: ClientLink, order: SimOrder, status: Status | None = None) -> None:
        shown = status or order.status
        contract = block(self._core.listing.remember(order.symbol, order.con_id))
        values = Values({**self._fields(order), "status": shown})
        link.send("openOrder", write_open_order(order.order_id, contract, values, link.version))
        link.send(
            "orderStatus",
            messages.order_status(
                order.order_id,
                shown,
                order.cum_qty,
                order.qty - order.cum_qty,
                order.avg_px,
                order.perm_id,
                order.last_px,
                order.client_id,
            ),
        )

    def completed_order(self, link: ClientLink, order: SimOrder) -> None:
        contract = block(self._core.listing.remember(order.symbol, order.con_id))
        ended = order.ended_at or order.accepted_at
        values = Values(
            {
                **self._fields(order),
                "status": order.status,
                "filledQuantity": str(order.cum_qty),
                "completedTime": self._core.time_text(ended),
                "completedStatus": f"Filled Size: {order.cum_qty}"
                if order.status is Status.FILLED
                else order.reason,
            }
        )
        link.send("completedOrder", write_completed_order(contract, values, link.version))

    def execution(self, order: SimOrder, done: Execution) -> None:
        for link in self._core.audience(order):
            self.execution_to(link, NO_REQUEST, done)

    def execution_to(self, link: ClientLink, req_id: int, done: Execution) -> None:
        contract = self._core.listing.remember(done.symbol, done.con_id)
        fields = (
            done.exec_id,
            self._core.time_text(done.at),
            self._core.settings.account,
            contract.exchange,
            _SIDES[done.side],
            str(done.qty),
            number_text(done.price),
            str(done.perm_id),
            str(done.client_id),
            "0" if done.order_id >= 0 else "1",
            str(done.cum_qty),
            number_text(done.avg_px),
            done.order_ref,
            "",
            "",
            "",
            "1",
        )
        frame = messages.exec_details(req_id, done.order_id, block(contract), fields, link.version)
        link.send("execDetails", frame)

    def commission(self, done: Execution) -> None:
        order = self._core.state.orders.by_perm[done.perm_id]
        for link in self._core.audience(order):
            self.commission_to(link, done)

    def commission_to(self, link: ClientLink, done: Execution) -> None:
        contract = self._core.listing.remember(done.symbol, done.con_id)
        realized = done.realized_points
        usd = None if realized is None else realized * contract.usd_per_point - done.commission_usd
        frame = messages.commission_report(done.exec_id, done.commission_usd, CURRENCY, usd)
        link.send("commissionReport", frame)

    def error(self, order: SimOrder, code: int, text: str) -> None:
        for link in self._core.audience(order):
            self._core.error(link, order.order_id, code, text, "orderError")

    def flush(self, order: SimOrder) -> None:
        """Put what is waiting for these clients on their sockets, so that a hook finds it sent."""
        for link in self._core.audience(order):
            link.flush()

    def what_if(
        self, link: ClientLink, order_id: int, ticket: Ticket, values: Values, change: MarginChange
    ) -> None:
        """The answer to a whatIf order: margins and commission, no order."""
        before = change.before
        shown = Values(
            {
                **echoed(values),
                "action": ticket.side,
                "totalQuantity": str(ticket.qty),
                "orderType": ticket.order_type,
                "account": self._core.settings.account,
                "clientId": str(link.client_id),
                "permId": "0",
                "whatIf": "1",
                "status": Status.PRE_SUBMITTED,
                "initMarginBefore": money_text(before.initial),
                "maintMarginBefore": money_text(before.maintenance),
                "equityWithLoanBefore": money_text(before.equity),
                "initMarginChange": money_text(change.initial_after - before.initial),
                "maintMarginChange": money_text(change.maintenance_after - before.maintenance),
                "equityWithLoanChange": money_text(-change.commission),
                "initMarginAfter": money_text(change.initial_after),
                "maintMarginAfter": money_text(change.maintenance_after),
                "equityWithLoanAfter": money_text(before.equity - change.commission),
                "commission": money_text(change.commission),
                "commissionCurrency": CURRENCY,
            }
        )
        frame = write_open_order(order_id, block(ticket.contract), shown, link.version)
        link.send("openOrder", frame)

    def _fields(self, order: SimOrder) -> dict[str, str]:
        shown = dict(order.echo)
        if order.tif != "GTD":
            shown["goodTillDate"] = ""
        shown.update(
            action=order.side,
            totalQuantity=str(order.qty),
            orderType=order.order_type,
            lmtPrice=_price_text(order.limit),
            tif=order.tif,
            account=self._core.settings.account,
            orderRef=order.order_ref,
            clientId=str(order.client_id),
            permId=str(order.perm_id),
        )
        return shown


def _price_text(price: Decimal | None) -> str:
    return "0" if price is None else number_text(price)
