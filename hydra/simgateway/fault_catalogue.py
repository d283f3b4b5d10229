"""The names, options and one-line explanations of all faults; `hydra gateway fault --list` prints them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import inf
from typing import Final

from hydra.domain.errors import UserError, did_you_mean

POINTS: Final[Mapping[str, str]] = {
    "connect": "a client finished its start-up request",
    "place_order": "a placeOrder message arrived, nothing is decided yet",
    "before_write": "a record is about to be written to the journal",
    "after_write": "a record has been written, nobody has been told",
    "accept": "an order is on the books, its acknowledgement not yet sent",
    "ack": "the acknowledgement of an order has been sent",
    "fill": "an execution is on the books, its report not yet sent",
    "fill_reported": "the report of an execution has been sent",
    "cancel_order": "a cancelOrder message arrived, nothing is decided yet",
    "cancelled": "a cancellation is on the books, not yet reported",
    "expire": "an order's time is up, not yet reported",
    "req_executions": "a request for executions arrived",
    "req_open_orders": "a request for open orders arrived",
    "req_completed_orders": "a request for completed orders arrived",
    "req_positions": "a request for positions arrived",
    "req_contract_details": "a request for contract details arrived",
    "req_historical_data": "a request for bars arrived",
    "req_mkt_data": "a request for quotes arrived",
}


def _whole(text: str) -> object:
    return int(text)


def _ordinal(text: str) -> object:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> object:
    number = float(text)
    if not 0 <= number < inf:
        raise ValueError(text)
    return number


def _price(text: str) -> object:
    price = Decimal(text)
    if not price.is_finite():
        raise ValueError(text)
    return price


def _text(text: str) -> object:
    return text


OPTIONS: Final[Mapping[str, Callable[[str], object]]] = {
    "on": _text,
    "nth": _ordinal,
    "client_id": _whole,
    "order_ref": _text,
    "symbol": _text,
    "seconds": _number,
    "for_s": _number,
    "count": _ordinal,
    "kind": _text,
    "farm": _text,
    "code": _whole,
    "text": _text,
    "exec_id": _text,
    "qty": _whole,
    "price": _price,
    "side": _text,
    "factor": _number,
    "gap_ticks": _whole,
    "value": _text,
    "by": _whole,
    "pid": _whole,
    "signal": _text,
}
_EVERYWHERE: Final = ("on", "nth", "client_id", "order_ref", "symbol")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One fault: what it does, which options it needs and takes, and where it fires if nothing is said."""

    name: str
    help: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    default_point: str | None = None


_KINDS: Final = (
    FaultKind("drop", "close sockets by FIN (all, or --client-id)"),
    FaultKind("reset", "close sockets by RST (all, or --client-id)"),
    FaultKind("half_open", "sockets stay open but nothing passes any more; the client id stays taken"),
    FaultKind("freeze", "accept bytes, read and answer nothing, until thaw or --for-s", takes=("for_s",)),
    FaultKind("thaw", "end a freeze: what lay in the buffers is read now"),
    FaultKind("refuse", "refuse new connections for --for-s", needs=("for_s",)),
    FaultKind("1100", "the servers are away: order reports held back, requests wait", takes=("for_s",)),
    FaultKind("1101", "the servers are back, subscriptions lost"),
    FaultKind("1102", "the servers are back, subscriptions kept"),
    FaultKind(
        "farm", "send a farm notice --code (2103, 2105, 2157, 2104, 2106, 2158, ...)", ("code",), ("farm",)
    ),
    FaultKind("zombie_326", "drop, and keep the client ids taken for --seconds", needs=("seconds",)),
    FaultKind("mute", "do not send messages of --kind", needs=("kind",), takes=("count", "for_s")),
    FaultKind("delay", "send messages of --kind --seconds late", ("kind", "seconds"), ("count", "for_s")),
    FaultKind("duplicate_status", "send every orderStatus twice", takes=("count", "for_s")),
    FaultKind("duplicate_exec", "send every execDetails twice", takes=("count", "for_s")),
    FaultKind(
        "reorder", "turn round the order of order messages in the next --count batches", takes=("count",)
    ),
    FaultKind("late_commission", "send commissionReport --seconds late", ("seconds",), ("count", "for_s")),
    FaultKind(
        "correction", "correct an execution (.01 → .02) to --price and --qty", (), ("exec_id", "price", "qty")
    ),
    FaultKind("bust", "bust an execution: its next revision has quantity 0", (), ("exec_id",)),
    FaultKind("lose_ack", "drop the client after its order is on the books", default_point="accept"),
    FaultKind("lose_request", "lose a placeOrder unread, and drop its client", default_point="place_order"),
    FaultKind("reject", "reject the next --count orders by error 201", takes=("count", "text")),
    FaultKind("warn", "send warning --code (399, 2109, 10349, 10311) on a live order", ("code",), ("text",)),
    FaultKind("wrong_cancelled", "send --code (10147, 10148, 161) on a live order", ("code",)),
    FaultKind(
        "error_354_next_request", "answer the next --count quote requests by error 354", takes=("count",)
    ),
    FaultKind("silent_executions", "answer requests for executions with the end marker only"),
    FaultKind("mute_completed", "never answer requests for completed orders"),
    FaultKind("empty_completed", "answer requests for completed orders with the end marker only"),
    FaultKind("visibility", "whose executions a client sees: --value all|own|zero_only", needs=("value",)),
    FaultKind("halt", "halt a symbol's contracts at the exchange", needs=("symbol",)),
    FaultKind("resume", "end a halt, with a gap of --gap-ticks", needs=("symbol",), takes=("gap_ticks",)),
    FaultKind(
        "lock_limit", "lock a symbol at its daily limit: --value up|down; none frees it", ("symbol", "value")
    ),
    FaultKind(
        "empty_book", "everybody else leaves a symbol's books; --value back ends it", ("symbol",), ("value",)
    ),
    FaultKind("margin", "multiply margin requirements by --factor", needs=("factor",)),
    FaultKind(
        "liquidate", "the broker closes a position (client 0, order id -1)", ("symbol",), ("price", "qty")
    ),
    FaultKind("manual_trade", "a person trades at the screen", ("symbol", "side", "qty"), ("price",)),
    FaultKind("fill", "fill an order at its limit while its cancel arrives", (), ("qty",), "cancel_order"),
    FaultKind(
        "late_fill",
        "a fill from before an order's end, heard of --seconds after it",
        needs=("seconds",),
        takes=("qty",),
        default_point="cancelled",
    ),
    FaultKind("next_valid_id_rollback", "forget the newest --by order ids of --client-id", ("by",)),
    FaultKind("restart", "the gateway process restarts: sockets drop, state is read again", takes=("for_s",)),
    FaultKind("split_bytes", "send every byte in a segment of its own"),
    FaultKind("coalesce", "collect what is sent for --seconds", needs=("seconds",)),
    FaultKind("error_100", "say that the message rate was exceeded, and drop", takes=()),
    FaultKind("kill", "send --signal (KILL, STOP, CONT, TERM) to --pid", needs=("pid",), takes=("signal",)),
    FaultKind("clear", "end all rules and disarm all faults (freeze and 1100 have ends of their own)"),
    FaultKind("status", "show what is in force, change nothing"),
)
FAULTS: Final[Mapping[str, FaultKind]] = {kind.name: kind for kind in _KINDS}
# What `mute` and `delay` know messages by.
MESSAGE_KINDS: Final = (
    "orderStatus", "openOrder", "openOrderEnd", "orderError", "execDetails", "execDetailsEnd",
    "commissionReport", "completedOrder", "completedOrdersEnd", "position", "positionEnd", "positionMulti",
    "positionMultiEnd", "accountValue", "accountTime", "portfolio", "accountDownloadEnd",
    "accountUpdateMulti", "accountUpdateMultiEnd", "accountSummary", "accountSummaryEnd", "pnl",
    "pnlSingle", "contractDetails", "contractDetailsEnd", "symbolSamples", "marketRule",
    "mktDepthExchanges", "historicalData", "headTimestamp", "tickReqParams", "marketDataType", "tickPrice",
    "tickSize", "tickString", "tickGeneric", "tickByTick", "tickSnapshotEnd", "handshake",
    "managedAccounts", "nextValidId", "currentTime", "error", "all",
)  # fmt: skip
_MEANT: Final[Mapping[Callable[[str], object], str]] = {
    _whole: "a whole number",
    _ordinal: "a whole number from 1",
    _number: "a number from 0",
    _price: "a number",
    _text: "a text",
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": MESSAGE_KINDS,
    "side": ("BUY", "SELL"),
    "signal": ("KILL", "STOP", "CONT", "TERM"),
}
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "lock_limit": ("up", "down", "none"),
    "empty_book": ("gone", "back"),
    "visibility": ("all", "own", "zero_only"),
}


def parse_options(kind: FaultKind, raw: Mapping[str, object]) -> dict[str, object]:
    """Options by name with their types checked; UserError names the first that does not fit."""
    known = (*_EVERYWHERE, *kind.needs, *kind.takes)
    options: dict[str, object] = {}
    for name, value in raw.items():
        if value is None:
            continue
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError("HY-207", name=kind.name, problem=f"no option --{name.replace('_', '-')}{hint}")
        try:
            options[name] = OPTIONS[name](str(value))
        except (ValueError, InvalidOperation):
            problem = f"--{name.replace('_', '-')} = {value} is not {_MEANT[OPTIONS[name]]}"
            raise UserError("HY-207", name=kind.name, problem=problem) from None
        choices = _CHOICES.get(name)
        if choices and options[name] not in choices:
            hint = did_you_mean(str(value), choices)
            problem = f"--{name} = {value}{hint or ' is none of ' + ', '.join(choices)}"
            raise UserError("HY-207", name=kind.name, problem=problem)
    point = options.get("on")
    if point is not None and point not in POINTS:
        problem = f"no such moment: {point}{did_you_mean(str(point), POINTS)}"
        raise UserError("HY-207", name=kind.name, problem=problem)
    values = _VALUES.get(kind.name, ())
    if values and options.get("value", values[0]) not in values:
        raise UserError("HY-207", name=kind.name, problem=f"--value is one of {', '.join(values)}")
    for name in kind.needs:
        if name not in options:
            raise UserError("HY-207", name=kind.name, problem=f"--{name.replace('_', '-')} is missing")
    return options
