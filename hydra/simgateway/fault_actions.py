"""What each fault does to sockets, messages, books and market."""

import os
import signal
from typing import TYPE_CHECKING, Final

from hydra.domain.errors import UserError
from hydra.simgateway.fault_trades import Effect, Options, book_faults, number, whole
from hydra.simgateway.faults import Moment
from hydra.simgateway.orders import SimOrder

if TYPE_CHECKING:
    from hydra.simgateway.server import GatewayServer

_WARNINGS: Final = {
    399: "Order Message: Warning: your order will not be placed at the exchange until the market opens.",
    2109: "Order Event Warning: Outside Regular Trading Hours is ignored. PlaceOrder is now processed.",
    10349: "Order TIF was set to DAY based on order preset.",
    10311: "This order will be directly routed. Direct routed orders may result in higher trade fees.",
}


class FaultEffects:
    """The `FaultActions` of one server."""

    def __init__(self, server: "GatewayServer") -> None:
        self._server = server
        self._table: dict[str, Effect] = {
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
            "restart": self._restart,
            "split_bytes": self._split,
            "coalesce": self._coalesce,
            "error_100": self._error_100,
            "kill": self._kill,
            "clear": self._clear,
            **book_faults(server),
            "status": lambda o, m: "see the details",
        }

    def __call__(self, name: str, options: Options, moment: Moment | None) -> str:
        said = self._table[name](options, moment)
        if moment is None:
            self._server.settle()
        return said

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
            faults.frozen.add(whole(client_id))
        if (for_s := options.get("for_s")) is not None:
            self._server.loop.call_later(number(for_s), self._thaw, {"client_id": client_id}, None)
        return "frozen"

    def _thaw(self, options: Options, moment: Moment | None) -> str:
        faults, client_id = self._server.faults, options.get("client_id")
        if client_id is None:
            faults.is_all_frozen = False
            faults.frozen.clear()
        else:
            faults.frozen.discard(whole(client_id))
        for session in list(self._server.sessions):
            session.flush()
            session.read()
        return "thawed"

    def _refuse(self, options: Options, moment: Moment | None) -> str:
        self._server.refuse(number(options["for_s"]))
        return "refusing connections"

    def _restart(self, options: Options, moment: Moment | None) -> str:
        # In a callback of its own: a hook fires inside the gateway that is to be replaced.
        self._server.loop.call_soon(self._server.restart)
        if (for_s := options.get("for_s")) is not None:
            self._server.refuse(number(for_s))
        return "restarting"

    def _zombie(self, options: Options, moment: Moment | None) -> str:
        for session in self._server.chosen(_client(options, moment)):
            if session.is_started:
                self._server.keep_taken(session.client_id, number(options["seconds"]))
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
        self._server.faults.coalesce_s = number(options["seconds"])
        return "collecting"

    def _kill(self, options: Options, moment: Moment | None) -> str:
        name = str(options.get("signal") or "KILL")
        try:
            os.kill(whole(options["pid"]), signal.Signals[f"SIG{name}"])
        except OSError as error:
            problem = f"no signal sent to {options['pid']}: {error.strerror}"
            raise UserError("HY-207", name="kill", problem=problem) from error
        return f"SIG{name} sent"

    # --- messages ------------------------------------------------------------------------------------

    def _lose_link(self, options: Options, moment: Moment | None) -> str:
        self._server.gateway.lose_link()
        if (for_s := options.get("for_s")) is not None:
            self._server.loop.call_later(number(for_s), self._link_returns)
        return "connectivity lost"

    def _link_returns(self) -> None:
        self._restore_link(data_lost=False)

    def _restore_link(self, *, data_lost: bool) -> str:
        self._server.advance()
        self._server.gateway.restore_link(data_lost=data_lost)
        self._server.schedule()
        return "connectivity restored"

    def _farm(self, options: Options, moment: Moment | None) -> str:
        code, farm = whole(options["code"]), str(options.get("farm") or "usfuture")
        words = {2103: "broken", 2105: "broken", 2157: "broken", 2110: "broken"}
        state = words.get(code, "OK")
        self._server.gateway.core.error_to_all(code, f"Data farm connection is {state}:{farm}")
        return f"{code} sent"

    def _rule(self, action: str, kind: str, options: Options) -> str:
        self._server.faults.add_rule(action, kind, options)
        return f"{action} {kind}"

    def _reorder(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.reorder_left = whole(options.get("count") or 1)
        return "reordering"

    def _lose_request(self, options: Options, moment: Moment | None) -> str:
        if moment is not None:
            moment.discard = True
        return self._drop(options, moment)

    def _reject(self, options: Options, moment: Moment | None) -> str:
        faults = self._server.faults
        faults.reject_left, faults.reject_text = (
            whole(options.get("count") or 1),
            str(options.get("text") or ""),
        )
        return "rejecting"

    def _warn(self, options: Options, moment: Moment | None) -> str:
        code = whole(options["code"])
        order = self._live_order(options, moment)
        text = str(options.get("text") or _WARNINGS.get(code, "Order Message"))
        self._server.gateway.reports.error(order, code, text)
        return f"{code} sent for order {order.order_id}"

    def _wrong_cancelled(self, options: Options, moment: Moment | None) -> str:
        code = whole(options["code"])
        order = self._live_order(options, moment)
        texts = {
            10147: f"OrderId {order.order_id} that needs to be cancelled is not found.",
            10148: f"OrderId {order.order_id} cannot be cancelled, state: Cancelled.",
            161: f"Cancel attempted when order is not in a cancellable state. Order permId = {order.perm_id}",
        }
        if code not in texts:
            raise UserError("HY-207", name="wrong_cancelled", problem="--code is one of 10147, 10148, 161")
        self._server.gateway.reports.error(order, code, texts[code])
        return f"{code} sent for order {order.order_id}"

    def _refuse_quotes(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.refuse_quotes_left = whole(options.get("count") or 1)
        return "refusing the next quote requests"

    def _silent_executions(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.executions = "silent"
        return "executions silent"

    def _completed(self, how: str) -> str:
        self._server.faults.completed = how
        return f"completed orders {how}"

    def _visibility(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.visibility = str(options["value"])
        return f"executions visible to {options['value']}"

    def _clear(self, options: Options, moment: Moment | None) -> str:
        self._server.faults.clear()
        return "cleared"

    # --- parts ---------------------------------------------------------------------------------------

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
        return whole(client_id)
    return moment.client_id if moment else None
