"""What each fault does to sockets, messages, books and market."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
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
_WARNINGS: Final = {
    399: "Order Message: Warning: your order will not be placed at the exchange until the market opens.",
    2109: "Order Event Warning: Outside Regular Trading Hours is ignored. PlaceOrder is now processed.",
    10349: "Order TIF was set to DAY based on order preset.",
    10311: "This order will be directly routed. Direct routed orders may result in higher trade fees.",
}
_VISIBILITIES: Final = ("all", "own", "zero_only")


class FaultEffects:
    """The `FaultActions` of one server."""

    def __init__(self, server: "GatewayServer") -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self._table: dict[str, Callable[[Options, Moment | None], str]] = {
            "drop": self._drop,
            "reset": self._reset,
            "half_open": self._half_open,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "refuse": self._refuse,
            "1100": self._lose_link,
            "1101": lambda o, m: self._restore_link(data_lost=True),
            "1102": lambda o, m: self._restore_link(data_lost=False),
            "farm": self._farm,
            "zombie_326": self._zombie,
            "mute": lambda o, m: self._rule("mute", str(o["kind"]), o),
            "delay": lambda o, m: self._rule("delay", str(o["kind"]), o),
            "duplicate_status": lambda o, m: self._rule("duplicate", "orderStatus", o),
            "duplicate_exec": lambda o, m: self._rule("duplicate", "execDetails", o),
            "late_commission": lambda o, m: self._rule("delay", "commissionReport", o),
            "reorder": self._reorder,
            "correction": self._correction,
            "bust": self._bust,
            "lose_ack": self._drop,
            "lose_request": self._lose_request,
            "reject": self._reject,
            "warn": self._warn,
            "wrong_cancelled": self._wrong_cancelled,
            "error_354_next_request": self._refuse_quotes,
            "silent_executions": self._silent_executions,
            "mute_completed": lambda o, m: self._completed("mute"),
            "empty_completed": lambda o, m: self._completed("empty"),
            "visibility": self._visibility,
            "halt": self._halt,
            "resume": self._resume,
            "margin": self._margin,
            "liquidate": self._liquidate,
            "manual_trade": self._manual_trade,
            "next_valid_id_rollback": self._roll_back,
            "restart": self._restart,
            "split_bytes": self._split,
            "coalesce": self._coalesce,
            "error_100": self._error_100,
            "kill": self._kill,
            "clear": self._clear,
            "status": lambda o, m: "see the details",
        }

    def __call__(self, name: str, options: Options, moment: Moment | None) -> str:
        return self._table[name](options, moment)

    # --- sockets -------------------------------------------------------------------------------------

    def _drop(self, options: Options, moment: Moment | None) -> str:
        chosen = self._server.chosen(_client(options, moment))
        for session in chosen:
            session.close()
        return f"{len(chosen)} sockets closed"

    def _reset(self, options: Options, moment: Moment | None) -> str:
        chosen = self._server.chosen(_client(options, moment))
        for session in chosen:
            session.reset()
        return f"{len(chosen)} sockets reset"

    def _half_open(self, options: Options, moment: Moment | None) -> str:
        chosen = self._server.chosen(_client(options, moment))
        for session in chosen:
            session.is_half_open = True
        return f"{len(chosen)} sockets silent"

    def _freeze(self, options: Options, moment: Moment | None) -> str:
        faults, client_id = self._server.faults, options.get("client_id")
        if client_id is None:
            faults.is_all_frozen = True
        else:
            faults.frozen.add(_int(client_id))
        if (for_s := options.get("for_s")) is not None:
            self._server.loop.call_later(_float(for_s), self._thaw, {"client_id": client_id}, None)
        return "frozen"

    def _thaw(self, options: Options, moment: Moment | None) -> str:
        faults, client_id = self._server.faults, options.get("client_id")
        if client_id is None:
            faults.is_all_frozen = False
            faults.frozen.clear()
        else:
            faults.frozen.discard(_int(client_id))
        for session in list(self._server.sessions):
            session.flush()
            session.read()
        return "thawed"

    def _refuse(self, options: Options, moment: Moment | None) -> str:
        self._spawn(_float(options["for_s"]))
        return "refusing connections"

    def _restart(self, options: Options, moment: Moment | None) -> str:
        # In a callback of its own: a hook fires inside the gateway that is to be replaced.
        self._server.loop.call_soon(self._server.restart)
        if (for_s := options.get("for_s")) is not None:
            self._spawn(_float(for_s))
        return "restarting"

    def _zombie(self, options: Options, moment: Moment | None) -> str:
        for session in self._server.chosen(_client(options, moment)):
            if session.is_started:
                self._server.keep_taken(session.client_id, _float(options["seconds"]))
            session.close()
        return "dropped, client ids stay taken"

    def _error_100(self, options: Options, moment: Moment | None) -> str:
        core = self._server.gateway.core
        core.error_to_all(100, "Max rate of messages per second has been exceeded.")
        for session in self._server.chosen(_client(options, moment)):
            session.flush()
            session.close()
        return "dropped"

    def _split(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.is_splitting = True
        return "every byte in a segment of its own"

    def _coalesce(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.coalesce_s = _float(options["seconds"])
        return "collecting"

    def _kill(self, options: Options, moment: Moment | None) -> str:
        name = str(options.get("signal") or "KILL")
        try:
            os.kill(_int(options["pid"]), signal.Signals[f"SIG{name}"])
        except OSError as error:
            return f"no signal sent: {error.strerror}"
        return f"SIG{name} sent"

    # --- messages ------------------------------------------------------------------------------------

    def _lose_link(self, options: Options, moment: Moment | None) -> str:
        self._server.gateway.lose_link()
        if (for_s := options.get("for_s")) is not None:
            self._server.loop.call_later(_float(for_s), self._link_returns)
        return "connectivity lost"

    def _link_returns(self) -> None:
        self._restore_link(data_lost=False)

    def _restore_link(self, *, data_lost: bool) -> str:
        self._server.advance()
        self._server.gateway.restore_link(data_lost=data_lost)
        self._server.schedule()
        return "connectivity restored"

    def _farm(self, options: Options, moment: Moment | None) -> str:
        code, farm = _int(options["code"]), str(options.get("farm") or "usfuture")
        words = {2103: "broken", 2105: "broken", 2157: "broken", 2110: "broken"}
        state = words.get(code, "OK")
        self._server.gateway.core.error_to_all(code, f"Data farm connection is {state}:{farm}")
        return f"{code} sent"

    def _rule(self, action: str, kind: str, options: Options) -> str:
        self._server.faults.add_rule(action, kind, options)
        return f"{action} {kind}"

    def _reorder(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.reorder_left = _int(options.get("count") or 1)
        return "reordering"

    def _lose_request(self, options: Options, moment: Moment | None) -> str:
        if moment is not None:
            moment.discard = True
        return self._drop(options, moment)

    def _reject(self, options: Options, moment: Moment | None) -> str:
        faults = self._server.faults
        faults.reject_left, faults.reject_text = (
            _int(options.get("count") or 1),
            str(options.get("text") or ""),
        )
        return "rejecting"

    def _warn(self, options: Options, moment: Moment | None) -> str:
        code = _int(options["code"])
        order = self._live_order(options, moment)
        text = str(options.get("text") or _WARNINGS.get(code, "Order Message"))
        self._server.gateway.reports.error(order, code, text)
        return f"{code} sent for order {order.order_id}"

    def _wrong_cancelled(self, options: Options, moment: Moment | None) -> str:
        code = _int(options["code"])
        order = self._live_order(options, moment)
        texts = {
            10147: f"OrderId {order.order_id} that needs to be cancelled is not found.",
            10148: f"OrderId {order.order_id} that needs to be cancelled cannot be cancelled, state: Cancelled.",
            161: f"Cancel attempted when order is not in a cancellable state. Order permId = {order.perm_id}",
        }
        if code not in texts:
            raise UserError("HY-207", name="wrong_cancelled", problem="--code is one of 10147, 10148, 161")
        self._server.gateway.reports.error(order, code, texts[code])
        return f"{code} sent for order {order.order_id}"

    def _refuse_quotes(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.refuse_quotes_left = _int(options.get("count") or 1)
        return "refusing the next quote requests"

    def _silent_executions(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.executions = "silent"
        return "executions silent"

    def _completed(self, how: str) -> str:
        self._server.faults.completed = how
        return f"completed orders {how}"

    def _visibility(self, options: Options, moment: Moment | None) -> str:
        if options["value"] not in _VISIBILITIES:
            raise UserError(
                "HY-207", name="visibility", problem=f"--value is one of {', '.join(_VISIBILITIES)}"
            )
        self._server.faults.visibility = str(options["value"])
        return f"executions visible to {options['value']}"

    def _clear(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.clear()
        return "cleared"

    # --- books and market ----------------------------------------------------------------------------

    def _correction(self, options: Options, moment: Moment | None) -> str:
        done = self._execution(options, "correction")
        price = options.get("price")
        tick = self._contract_of(done).tick
        qty = _int(options.get("qty") or done.qty)
        return self._revise(done, qty, Decimal(str(price)) if price is not None else done.price + tick)

    def _bust(self, options: Options, moment: Moment | None) -> str:
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

    def _halt(self, options: Options, moment: Moment | None) -> str:
        gateway = self._server.gateway
        self._server.advance()
        for contract in self._contracts(options, "halt"):
            gateway.core.dispatch(gateway.core.exchange.halt(contract.con_id, gateway.core.at))
        self._settle()
        return "halted"

    def _resume(self, options: Options, moment: Moment | None) -> str:
        gateway, gap = self._server.gateway, _int(options.get("gap_ticks") or 0)
        self._server.advance()
        for contract in self._contracts(options, "resume"):
            gateway.core.dispatch(gateway.core.exchange.resume(contract.con_id, gateway.core.at, gap))
        self._settle()
        return "resumed"

    def _margin(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.margin_factor = _float(options["factor"])
        return "margin changed"

    def _liquidate(self, options: Options, moment: Moment | None) -> str:
        """The broker closes what is held, at the given price or at the far side of the market."""
        core = self._server.gateway.core
        done = []
        for contract in self._contracts(options, "liquidate"):
            held = core.state.account.qty(contract.con_id)
            if not held:
                continue
            side = "SELL" if held > 0 else "BUY"
            core.error_to_all(2148, f"Account will be liquidated: {contract.local_symbol}")
            qty = min(abs(held), _int(options.get("qty") or abs(held)))
            self._trade(contract, side, qty, options.get("price"), LIQUIDATION_ORDER_ID)
            done.append(f"{side} {qty} {contract.local_symbol}")
        return ", ".join(done) or "nothing held"

    def _manual_trade(self, options: Options, moment: Moment | None) -> str:
        contract = self._front(options, "manual_trade")
        side, qty = str(options["side"]), _int(options["qty"])
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

    def _roll_back(self, options: Options, moment: Moment | None) -> str:
        core = self._server.gateway.core
        client_id = _int(options.get("client_id") or (moment.client_id if moment else None) or 0)
        highest = max(core.state.orders.highest_id(client_id) - _int(options["by"]), 0)
        core.record(IdsRolledBack(core.at, client_id, highest))
        return f"client {client_id}: next valid id {highest + 1}"

    # --- parts ---------------------------------------------------------------------------------------

    def _spawn(self, refuse_s: float) -> None:
        task = self._server.loop.create_task(self._server.refuse(refuse_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _settle(self) -> None:
        """After an effect outside a message: tell clients, wait for the next event."""
        self._server.advance()
        self._server.schedule()

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

    def _live_order(self, options: Options, moment: Moment | None) -> SimOrder:
        """The order a fault speaks of: by reference, that of the moment, else the newest one working."""
        orders = self._server.gateway.core.state.orders
        order_ref = options.get("order_ref")
        if order_ref is None and moment is not None and moment.perm_id is not None:
            return orders.by_perm[moment.perm_id]
        found = [each for each in orders.working.values() if order_ref in (None, each.order_ref)]
        if not found:
            raise UserError("HY-207", name="warn", problem="no such order is working")
        return found[-1]


def _client(options: Options, moment: Moment | None) -> int | None:
    """The client a socket fault means: the one named, else the one at the hooked moment, else all."""
    client_id = options.get("client_id")
    if client_id is not None:
        return _int(client_id)
    return moment.client_id if moment else None


def _int(value: object) -> int:
    return int(str(value))


def _float(value: object) -> float:
    return float(str(value))
