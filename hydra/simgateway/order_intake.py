"""Order messages: placeOrder, cancelOrder, reqGlobalCancel; what each one does or why it is refused."""

from collections.abc import Sequence
from typing import Final

from hydra.simgateway.calendar import SessionState, next_open, session_state
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import ClientLink, Core
from hydra.simgateway.faults import Moment
from hydra.simgateway.order_check import Refusal, Ticket, check_order
from hydra.simgateway.order_desk import OrderDesk, moment_of
from hydra.simgateway.order_messages import echoed, read_place_order
from hydra.simgateway.order_reports import OrderReports
from hydra.simgateway.orders import SimOrder, Status
from hydra.simgateway.records import FrameTaken, OrderAccepted, OrderEnded, OrderModified
from hydra.simgateway.tables import Values
from hydra.simgateway.valuation import Valuation
from hydra.simgateway.wire import Cursor, WireError, whole


class OrderIntake:
    """Every message gets a frame number and leaves a record, also if it is refused."""

    def __init__(self, core: Core, desk: OrderDesk, reports: OrderReports, valuation: Valuation) -> None:
        self._core = core
        self._desk = desk
        self._reports = reports
        self._valuation = valuation

    def place(self, link: ClientLink, fields: list[str], held_as: int = 0) -> None:
        """A placeOrder message; `held_as` is the frame's number if it waited for the servers to come back."""
        core = self._core
        frame = held_as or core.state.take_frame_id()
        try:
            values = read_place_order(fields, link.version)
            order_id = whole(values.fields["orderId"], "orderId")
        except WireError as problem:
            order_id = _id_in(fields)
            self._took(frame, link, order_id, "", "refused:320")
            core.error(link, order_id, 320, f"Server error when reading an API client request. {problem}")
            return
        order_ref = values.fields["orderRef"]
        moment = Moment("place_order", link.client_id, order_id, order_ref, symbol=values.fields["symbol"])
        if core.faults.hit(moment).discard:
            self._took(frame, link, order_id, order_ref, "lost")
            return
        refusal = self._decide(link, frame, order_id, values)
        if refusal is not None:
            self._took(frame, link, order_id, order_ref, f"refused:{refusal.code}")
            core.error(link, order_id, refusal.code, refusal.text)

    def note(self, link: ClientLink, fields: list[str], kind: str, outcome: str) -> int:
        """Note an order message that is not handled now, or never; returns its frame number."""
        frame = self._core.state.take_frame_id()
        order_id, order_ref = _id_in(fields), ""
        try:
            if kind == "placeOrder":
                order_ref = read_place_order(fields, link.version).fields["orderRef"]
        except WireError:
            pass
        self._took(frame, link, order_id, order_ref, outcome, kind)
        return frame

    def cancel(self, link: ClientLink, fields: list[str], held_as: int = 0) -> None:
        """A cancelOrder message; only the client that placed an order can cancel it."""
        core = self._core
        frame = held_as or core.state.take_frame_id()
        try:
            cursor = Cursor(fields)
            cursor.text("version")
            order_id = cursor.integer("orderId")
        except WireError as problem:
            text = f"Server error when reading an API client request. {problem}"
            self._refuse_cancel(frame, link, _id_in(fields), "", Refusal(320, text))
            return
        order = core.state.orders.find(link.client_id, order_id)
        order_ref = order.order_ref if order else ""
        if core.faults.hit(Moment("cancel_order", link.client_id, order_id, order_ref)).discard:
            self._took(frame, link, order_id, order_ref, "lost", "cancelOrder")
        elif core.settings.is_read_only:
            self._refuse_cancel(frame, link, order_id, order_ref, _READ_ONLY)
        elif order is None:
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            self._refuse_cancel(frame, link, order_id, order_ref, Refusal(10147, text))
        elif order.is_done:
            text = (
                f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {order.status}."
            )
            self._refuse_cancel(frame, link, order_id, order_ref, Refusal(10148, text))
        else:
            self._desk.end(order, Status.CANCELLED, "Cancelled by Trader", frame)

    def cancel_all(self, link: ClientLink, held_as: int = 0) -> None:
        """reqGlobalCancel: every open order of every client, manual ones too."""
        core = self._core
        self._took(held_as or core.state.take_frame_id(), link, 0, "", "taken", "globalCancel")
        for order in list(core.state.orders.working.values()):
            self._desk.end(order, Status.CANCELLED, "Cancelled by global cancel")

    def _decide(self, link: ClientLink, frame: int, order_id: int, values: Values) -> Refusal | None:
        core = self._core
        orders = core.state.orders
        if core.settings.is_read_only:
            return _READ_ONLY
        known = orders.find(link.client_id, order_id)
        if known is not None and known.is_done:
            if known.status is Status.FILLED:
                return Refusal(104, "Cannot modify a filled order.")
            return _DUPLICATE
        if known is None and order_id <= orders.highest_id(link.client_id):
            return _DUPLICATE
        try:
            ticket = check_order(values, core.listing, core.settings, core.at, core.local_date)
        except WireError as problem:
            return Refusal(320, f"Server error when reading an API client request. {problem}")
        if isinstance(ticket, Refusal):
            return ticket
        if values.fields["whatIf"] == "1":
            self._took(frame, link, order_id, ticket.order_ref, "what_if")
            self._reports.what_if(link, order_id, ticket, values, self._valuation.margin_change(ticket))
            return None
        if values.fields["transmit"] == "0":
            self._took(frame, link, order_id, ticket.order_ref, "untransmitted")
            return None
        if known is not None:
            return self._modify(link, frame, known, ticket, values)
        return self._accept(link, frame, order_id, ticket, values)

    def _accept(
        self, link: ClientLink, frame: int, order_id: int, ticket: Ticket, values: Values
    ) -> Refusal | None:
        core, contract = self._core, ticket.contract
        is_open = session_state(contract, core.at) is SessionState.OPEN
        rejection = self._rejection(ticket)
        perm_id = core.state.next_perm_id()
        core.record(
            OrderAccepted(
                at=core.at,
                frame=frame,
                perm_id=perm_id,
                client_id=link.client_id,
                order_id=order_id,
                con_id=contract.con_id,
                symbol=contract.symbol,
                side=ticket.side,
                qty=ticket.qty,
                order_type=ticket.order_type,
                limit=ticket.limit,
                tif=ticket.tif,
                good_till=ticket.good_till,
                order_ref=ticket.order_ref,
                is_working=is_open and rejection is None,
                echo=echoed(values),
            )
        )
        order = core.state.orders.by_perm[perm_id]
        if rejection is not None:
            self._took(frame, link, order_id, ticket.order_ref, "refused:201")
            self._inactivate(order, rejection)
            return None
        self._desk.note_end(order)
        core.faults.hit(moment_of("accept", order))
        self._acknowledge(order, contract, values, is_open)
        self._desk.submit(order)
        if ticket.tif == "IOC" and not order.is_done:
            self._desk.end(order, Status.CANCELLED, "Immediate or cancel")
        return None

    def _acknowledge(self, order: SimOrder, contract: SimContract, values: Values, is_open: bool) -> None:
        reports = self._reports
        reports.state(order, Status.PRE_SUBMITTED)
        if values.fields["tif"] == "":
            reports.error(order, 10349, "Order TIF was set to DAY based on order preset.")
        if values.fields["outsideRth"] == "1":
            reports.error(order, 2109, _OUTSIDE_RTH_IGNORED)
        if is_open:
            reports.state(order)
        else:
            opening = self._core.time_text(next_open(contract, self._core.at))
            reports.error(
                order,
                399,
                f"Order Message: {order.side} {order.qty} {contract.local_symbol} {_AT_OPEN}{opening}.",
            )
        if self._core.faults.armed:
            reports.flush(order)
            self._core.faults.hit(moment_of("ack", order))

    def _modify(
        self, link: ClientLink, frame: int, order: SimOrder, ticket: Ticket, values: Values
    ) -> Refusal | None:
        core = self._core
        same = (ticket.contract.con_id, ticket.side, ticket.order_type)
        if same != (order.con_id, order.side, order.order_type) or ticket.qty <= order.cum_qty:
            return Refusal(105, "Order being modified does not match original order.")
        core.record(
            OrderModified(
                at=core.at,
                frame=frame,
                perm_id=order.perm_id,
                order_ref=ticket.order_ref,
                qty=ticket.qty,
                limit=ticket.limit,
                tif=ticket.tif,
                good_till=ticket.good_till,
                echo=echoed(values),
            )
        )
        self._desk.note_end(order)
        self._reports.state(order)
        core.dispatch(core.exchange.replace(order.perm_id, order.leaves_qty, order.limit, core.at))
        return None

    def _rejection(self, ticket: Ticket) -> str | None:
        faults = self._core.faults
        if faults.reject_left > 0:
            faults.reject_left -= 1
            return faults.reject_text or "Rejected by the exchange"
        return self._valuation.shortage(ticket)

    def _inactivate(self, order: SimOrder, reason: str) -> None:
        core = self._core
        core.record(OrderEnded(core.at, 0, order.perm_id, Status.INACTIVE, reason))
        self._reports.error(order, 201, f"Order rejected - reason:{reason}")
        self._reports.state(order)

    def _refuse_cancel(
        self, frame: int, link: ClientLink, order_id: int, order_ref: str, refusal: Refusal
    ) -> None:
        self._took(frame, link, order_id, order_ref, f"refused:{refusal.code}", "cancelOrder")
        self._core.error(link, order_id, refusal.code, refusal.text)

    def _took(
        self,
        frame: int,
        link: ClientLink,
        order_id: int,
        order_ref: str,
        outcome: str,
        kind: str = "placeOrder",
    ) -> None:
        self._core.record(
            FrameTaken(self._core.at, frame, kind, link.client_id, order_id, order_ref, outcome)
        )


_DUPLICATE: Final = Refusal(103, "Duplicate order ID.")
_READ_ONLY: Final = Refusal(
    321, "Error validating request.-'bY' : cause - The API interface is currently in Read-Only mode."
)
_OUTSIDE_RTH_IGNORED: Final = (
    'Order Event Warning: Attribute "Outside Regular Trading Hours" is ignored based on the order type and'
    " destination. PlaceOrder is now processed."
)
_AT_OPEN: Final = "Warning: your order will not be placed at the exchange until "


def _id_in(fields: Sequence[str]) -> int:
    """The order id of a message that could not be read to its end, -1 if not even that is there."""
    try:
        return whole(fields[1] if fields[0] == "3" else fields[2], "orderId")
    except (IndexError, WireError):
        return -1
