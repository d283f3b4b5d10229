"""Faults that change the broker's books or the market: what happens behind a client's back."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from hydra.domain.errors import UserError
from hydra.simgateway.account import Execution
from hydra.simgateway.contracts import SimContract, active_contract
from hydra.simgateway.faults import Moment
from hydra.simgateway.orders import BROKER_CLIENT_ID, LIQUIDATION_ORDER_ID, MANUAL_ORDER_ID, SimOrder
from hydra.simgateway.records import ExecutionRevised, IdsRolledBack, OrderAccepted
from hydra.simgateway.wire import number_text

if TYPE_CHECKING:
    from hydra.simgateway.server import GatewayServer

Options = Mapping[str, object]
_LOCKS: Final = {"up": 1, "down": -1, "none": 0}
Effect = Callable[[Options, Moment | None], str]


def book_faults(server: "GatewayServer") -> dict[str, Effect]:
    """The effects by fault name."""
    effects = _BookFaults(server)
    return {
        "correction": effects.correction,
        "bust": effects.bust,
        "halt": effects.halt,
        "resume": effects.resume,
        "lock_limit": effects.lock_limit,
        "empty_book": effects.empty_book,
        "margin": effects.margin,
        "liquidate": effects.liquidate,
        "manual_trade": effects.manual_trade,
        "next_valid_id_rollback": effects.roll_back,
        "fill": effects.fill,
        "late_fill": effects.late_fill,
    }


def whole(value: object) -> int:
    """An option that was checked to be a whole number."""
    return int(str(value))


def number(value: object) -> float:
    """An option that was checked to be a number."""
    return float(str(value))


class _BookFaults:
    def __init__(self, server: "GatewayServer") -> None:
        self._server = server

    def correction(self, options: Options, moment: Moment | None) -> str:
        done = self._execution(options, "correction")
        price = options.get("price")
        tick = self._contract_of(done).tick
        qty = whole(options.get("qty") or done.qty)
        return self._revise(done, qty, Decimal(str(price)) if price is not None else done.price + tick)

    def bust(self, options: Options, moment: Moment | None) -> str:
        done = self._execution(options, "bust")
        return self._revise(done, 0, done.price)

    def _revise(self, done: Execution, qty: int, price: Decimal) -> str:
        gateway = self._server.gateway
        root, _, last = done.exec_id.rpartition(".")
        exec_id = f"{root}.{int(last) + 1:02d}"
        self._server.advance()
        gateway.core.record(ExecutionRevised(gateway.core.at, exec_id, done.exec_id, qty, price))
        order = gateway.core.state.orders.by_perm[done.perm_id]
        gateway.reports.execution(order, done)
        gateway.reports.commission(done)
        gateway.accounts.executed(done.con_id)
        return f"{exec_id}: {qty} at {number_text(price)}"

    def halt(self, options: Options, moment: Moment | None) -> str:
        gateway = self._server.gateway
        self._server.advance()
        for contract in self._contracts(options, "halt"):
            gateway.core.dispatch(gateway.core.exchange.halt(contract.con_id, gateway.core.at))
        return "halted"

    def resume(self, options: Options, moment: Moment | None) -> str:
        gateway, gap = self._server.gateway, whole(options.get("gap_ticks") or 0)
        self._server.advance()
        for contract in self._contracts(options, "resume"):
            gateway.core.dispatch(gateway.core.exchange.resume(contract.con_id, gateway.core.at, gap))
        return "resumed"

    def lock_limit(self, options: Options, moment: Moment | None) -> str:
        gateway, direction = self._server.gateway, _LOCKS[str(options["value"])]
        self._server.advance()
        for contract in self._contracts(options, "lock_limit"):
            gateway.core.dispatch(gateway.core.exchange.lock(contract.con_id, gateway.core.at, direction))
        return f"locked {options['value']}" if direction else "unlocked"

    def empty_book(self, options: Options, moment: Moment | None) -> str:
        gateway, is_deserted = self._server.gateway, str(options.get("value") or "gone") == "gone"
        self._server.advance()
        for contract in self._contracts(options, "empty_book"):
            events = gateway.core.exchange.desert(contract.con_id, gateway.core.at, is_deserted=is_deserted)
            gateway.core.dispatch(events)
        return "everybody else left" if is_deserted else "everybody is back"

    def margin(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.margin_factor = number(options["factor"])
        return "margin changed"

    def liquidate(self, options: Options, moment: Moment | None) -> str:
        """The broker closes what is held, at the given price or at the far side of the market."""
        core = self._server.gateway.core
        done = []
        for contract in self._contracts(options, "liquidate"):
            held = core.state.account.qty(contract.con_id)
            if not held:
                continue
            side = "SELL" if held > 0 else "BUY"
            core.error_to_all(2148, f"Account will be liquidated: {contract.local_symbol}")
            qty = min(abs(held), whole(options.get("qty") or abs(held)))
            self._trade(contract, side, qty, options.get("price"), LIQUIDATION_ORDER_ID)
            done.append(f"{side} {qty} {contract.local_symbol}")
        return ", ".join(done) or "nothing held"

    def manual_trade(self, options: Options, moment: Moment | None) -> str:
        contract = self._front(options, "manual_trade")
        side, qty = str(options["side"]), whole(options["qty"])
        self._trade(contract, side, qty, options.get("price"), MANUAL_ORDER_ID)
        return f"{side} {qty} {contract.local_symbol}"

    def _trade(self, contract: SimContract, side: str, qty: int, price: object, order_id: int) -> None:
        """Book an order of nobody's and its execution in one go; it does not pass the order book."""
        self._server.advance()
        gateway = self._server.gateway
        core = gateway.core
        at_price = Decimal(str(price)) if price is not None else self._far_side(contract, side)
        order = gateway.orders.accept_foreign(
            OrderAccepted(
                at=core.at,
                frame=0,
                perm_id=core.state.next_perm_id(),
                client_id=BROKER_CLIENT_ID,
                order_id=order_id,
                con_id=contract.con_id,
                symbol=contract.symbol,
                side=side,
                qty=qty,
                order_type="MKT",
                limit=None,
                tif="DAY",
                good_till=None,
                order_ref="",
                is_working=True,
            )
        )
        gateway.orders.execute(order, qty, at_price, core.at)
        gateway.accounts.executed(contract.con_id)

    def _far_side(self, contract: SimContract, side: str) -> Decimal:
        quote = self._server.gateway.core.exchange.quote(contract.con_id)
        touch = quote.ask if side == "BUY" else quote.bid
        return touch if touch is not None else self._server.gateway.valuation.mark(contract)

    def roll_back(self, options: Options, moment: Moment | None) -> str:
        core = self._server.gateway.core
        client_id = whole(options.get("client_id") or (moment.client_id if moment else None) or 0)
        highest = max(core.state.orders.highest_id(client_id) - whole(options["by"]), 0)
        core.record(IdsRolledBack(core.at, client_id, highest))
        return f"client {client_id}: next valid id {highest + 1}"

    def fill(self, options: Options, moment: Moment | None) -> str:
        """An order is filled at its limit, at the exchange, whatever message about it is on the way."""
        self._server.advance()
        gateway, order = self._server.gateway, self._order(options, moment, "fill")
        qty = min(order.leaves_qty, whole(options.get("qty") or order.leaves_qty))
        if qty == 0 or order.limit is None:
            return "nothing left of it"
        core, left = gateway.core, order.leaves_qty - qty
        if left:
            core.dispatch(core.exchange.replace(order.perm_id, left, order.limit, core.at))
        else:
            core.exchange.cancel(order.perm_id, core.at)
        gateway.orders.execute(order, qty, order.limit, core.at)
        return f"{order.order_ref}: {qty} filled"

    def late_fill(self, options: Options, moment: Moment | None) -> str:
        """A fill from the instant before an order's end; the gateway hears of it `seconds` later."""
        order, seconds = self._order(options, moment, "late_fill"), number(options["seconds"])
        at = self._server.gateway.core.at
        qty = whole(options.get("qty") or order.qty)
        self._server.loop.call_later(seconds, self._hear_of_fill, order.perm_id, qty, at)
        return f"{order.order_ref}: a fill will be heard of in {seconds:g} s"

    def _hear_of_fill(self, perm_id: int, qty: int, at: datetime) -> None:
        self._server.advance()
        gateway = self._server.gateway
        order = gateway.core.state.orders.by_perm[perm_id]
        left = min(qty, order.qty - order.cum_qty)
        if left > 0 and order.limit is not None:
            gateway.orders.execute(order, left, order.limit, at)
        self._server.settle()

    def _order(self, options: Options, moment: Moment | None, name: str) -> SimOrder:
        """The order at the hooked moment, or the one named."""
        by_perm = self._server.gateway.core.state.orders.by_perm
        if moment is not None and moment.perm_id is not None:
            return by_perm[moment.perm_id]
        order_ref = options.get("order_ref") or (moment.order_ref if moment is not None else "")
        found = [order for order in by_perm.values() if order_ref and order.order_ref == order_ref]
        if not found:
            raise UserError("HY-207", name=name, problem=f"no order {order_ref or 'named: --order-ref'}")
        return found[-1]

    def _contracts(self, options: Options, name: str) -> list[SimContract]:
        core = self._server.gateway.core
        symbol = str(options["symbol"])
        found = [c for c in core.listing.listed(core.local_date) if symbol in (c.symbol, c.local_symbol)]
        if not found:
            raise UserError("HY-207", name=name, problem=f"unknown symbol {symbol}")
        return found

    def _front(self, options: Options, name: str) -> SimContract:
        found = self._contracts(options, name)
        if len(found) == 1:
            return found[0]
        return active_contract(found[0].symbol, self._server.gateway.core.local_date)

    def _execution(self, options: Options, name: str) -> Execution:
        account = self._server.gateway.core.state.account
        exec_id = options.get("exec_id")
        done = account.newest() if exec_id is None else account.execution(str(exec_id))
        if done is None:
            raise UserError("HY-207", name=name, problem=f"no execution {exec_id or 'yet'}")
        return done

    def _contract_of(self, done: Execution) -> SimContract:
        return self._server.gateway.core.listing.remember(done.symbol, done.con_id)
