"""The catalogue of what can go wrong in a world. Pure: names, durations, and what is drawn for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

Options = dict[str, object]
Draw = Callable[[Random], Options]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind: how long it lasts (seconds, drawn between two), and what else is drawn for it.

    `alone` kinds shape the whole world or break a bound on purpose; they are not mixed with each other.
    """

    name: str
    group: str
    help: str
    for_s: tuple[float, float] = (0.0, 0.0)
    draw: Draw = lambda _: {}
    alone: bool = False


def _choice(name: str, *values: object) -> Draw:
    return lambda rng: {name: rng.choice(values)}


def _kill(rng: Random) -> Options:
    return {"restart_s": round(rng.choice((0.01, 0.5, rng.uniform(0.01, 20), rng.uniform(5, 90))), 3)}


def _kill_at(rng: Random) -> Options:
    return {**_kill(rng), "nth": rng.choice((1, 1, 1, 2, 3, 5)), "is_after": rng.random() < 0.5}


def _late(low: float, high: float) -> Draw:
    return lambda rng: {"seconds": round(rng.uniform(low, high), 3)}


_KINDS: Final = (
    FaultKind("kill", "process", "SIGKILL between two callbacks", draw=_kill),
    FaultKind(
        "kill_at_commit", "process", "SIGKILL before or after the COMMIT of a transaction", draw=_kill_at
    ),
    FaultKind(
        "kill_at_send", "process", "SIGKILL before or after the COMMIT of a ChildSending", draw=_kill_at
    ),
    FaultKind("kill_at_write", "process", "SIGKILL before or after a write to the socket", draw=_kill_at),
    FaultKind("kill_at_order", "process", "SIGKILL before or after the write of a placeOrder", draw=_kill_at),
    FaultKind(
        "kill_recovery",
        "process",
        "SIGKILL, and again within the recovery that follows",
        draw=lambda rng: {
            **_kill(rng),
            "again_s": round(rng.choice((rng.uniform(0, 0.05), rng.uniform(0, 12))), 4),
        },
    ),
    FaultKind("stall", "process", "SIGSTOP, SIGCONT; a successor ends the holder after 10 s", (0.5, 60.0)),
    FaultKind(
        "stall_split", "process", "as stall, but the successor cannot see the holder's lock", (2.0, 120.0)
    ),
    FaultKind("stall_before_write", "process", "SIGSTOP between COMMIT and write", (0.2, 60.0)),
    FaultKind("stall_in_write", "process", "SIGSTOP inside the write of a placeOrder", (0.2, 30.0)),
    FaultKind("fin", "network", "the connection is closed"),
    FaultKind("rst", "network", "the connection is reset"),
    FaultKind(
        "half_open", "network", "nothing passes any more, both ends believe in the connection", (5.0, 60.0)
    ),
    FaultKind("partition", "network", "everything is held up, then comes in order", (0.5, 40.0)),
    FaultKind(
        "hold_order",
        "network",
        "a partition that begins between COMMIT and write: the order is held up",
        (1.0, 62.0),
    ),
    FaultKind("split_bytes", "network", "every byte in a segment of its own", (1.0, 10.0)),
    FaultKind(
        "coalesce",
        "network",
        "what is written within a moment comes as one segment",
        (10.0, 120.0),
        _choice("seconds", 0.002, 0.05, 0.3),
    ),
    FaultKind("lag", "network", "a slow network", (10.0, 120.0), _choice("seconds", 0.02, 0.08, 0.15)),
    FaultKind("delay_status", "gateway", "late orderStatus and openOrder", (10.0, 120.0), _late(0.01, 1.8)),
    FaultKind("delay_exec", "gateway", "late execDetails", (10.0, 120.0), _late(0.01, 1.8)),
    FaultKind("late_commission", "gateway", "late commissionReport", (30.0, 200.0), _late(0.5, 20.0)),
    FaultKind("duplicate_status", "gateway", "every orderStatus twice", (30.0, 200.0)),
    FaultKind("duplicate_exec", "gateway", "every execDetails twice", (30.0, 200.0)),
    FaultKind("duplicate_commission", "gateway", "every commissionReport twice", (30.0, 200.0)),
    FaultKind(
        "reorder",
        "gateway",
        "order messages of one moment in reverse",
        (0.0, 0.0),
        _choice("count", 1, 5, 40),
    ),
    FaultKind("lose_ack", "gateway", "the order is on the books, its client dropped before it hears of it"),
    FaultKind("lose_request", "gateway", "a placeOrder is lost before anybody read it"),
    FaultKind(
        "instant_fill",
        "gateway",
        "an order is filled in the moment of its acknowledgement",
        draw=lambda rng: {"qty": rng.choice((1, 1, 2, 99)), "on": "ack"},
    ),
    FaultKind(
        "cancel_fill_race",
        "gateway",
        "an order is filled while its cancel is on the way",
        draw=_choice("qty", 1, 2, 99),
    ),
    FaultKind(
        "fill_after_cancel",
        "gateway",
        "a fill from before the cancel, reported after it",
        draw=lambda rng: {"seconds": round(rng.uniform(0.01, 1.8), 3), "qty": rng.choice((1, 2, 99))},
    ),
    FaultKind(
        "late_beyond_settle",
        "gateway",
        "the same, later than cancel_settle allows",
        draw=lambda rng: {"seconds": round(rng.uniform(5.0, 90.0), 3), "qty": rng.choice((1, 99))},
        alone=True,
    ),
    FaultKind("link_1101", "gateway", "1100, then 1101: subscriptions lost", (0.5, 90.0)),
    FaultKind("link_1102", "gateway", "1100, then 1102: order reports held back meanwhile", (0.5, 90.0)),
    FaultKind(
        "link_flaps", "gateway", "another login takes the data: 1100 and 1102, twenty times", (10.0, 100.0)
    ),
    FaultKind("zombie_326", "gateway", "dropped, and the client id stays taken", (1.0, 60.0)),
    FaultKind("gateway_restart", "gateway", "the gateway restarts with its state", (0.0, 90.0)),
    FaultKind("nightly_restart", "gateway", "a restart in its maintenance window", (60.0, 120.0), alone=True),
    FaultKind(
        "id_rollback",
        "gateway",
        "nextValidId rolled back, and the connection dropped",
        (0.0, 0.0),
        _choice("by", 1, 3, 10),
    ),
    FaultKind(
        "warning", "gateway", "a warning code on a live order", draw=_choice("code", 399, 2109, 10349, 10311)
    ),
    FaultKind(
        "wrong_cancelled",
        "gateway",
        "an error that ib_async takes for a cancellation",
        draw=_choice("code", 10147, 10148, 161),
    ),
    FaultKind("correction", "gateway", "an execution is corrected (.01 -> .02)"),
    FaultKind("mute_completed", "gateway", "completed orders are never answered", (60.0, 300.0)),
    FaultKind("empty_completed", "gateway", "completed orders are answered by nothing", (60.0, 300.0)),
    FaultKind("silent_executions", "gateway", "executions are answered by nothing", (20.0, 120.0)),
    FaultKind(
        "mute_end",
        "gateway",
        "an end marker never comes",
        (20.0, 120.0),
        _choice("kind", "positionEnd", "openOrderEnd", "execDetailsEnd"),
    ),
    FaultKind("mute_status", "gateway", "orderStatus never comes", (20.0, 120.0)),
    FaultKind("mute_exec", "gateway", "execDetails never comes", (20.0, 120.0)),
    FaultKind("reject", "gateway", "orders are rejected (201)", (0.0, 0.0), _choice("count", 1, 3)),
    FaultKind("freeze", "gateway", "the gateway accepts bytes, reads and answers nothing", (1.0, 60.0)),
    FaultKind(
        "swizzle",
        "network",
        "connections freeze one by one, each way, and thaw in random order",
        (10.0, 60.0),
    ),
    FaultKind("error_100", "gateway", "too many messages, it says, and drops"),
    FaultKind(
        "quotes_refused",
        "gateway",
        "354 on the next subscriptions, and the connection dropped",
        (0.0, 0.0),
        _choice("count", 1, 2),
    ),
    FaultKind("farm_broken", "gateway", "2103, later 2104", (1.0, 60.0)),
    FaultKind("no_login", "gateway", "nobody can log in for 36 hours", (129_600.0, 129_600.0), alone=True),
    FaultKind("liquidation", "gateway", "the broker closes a position (clientId 0, orderId -1)", alone=True),
    FaultKind(
        "manual_trade",
        "gateway",
        "a person trades at the screen",
        alone=True,
        draw=lambda rng: {"side": rng.choice(("BUY", "SELL")), "qty": rng.choice((1, 2))},
    ),
    FaultKind("bust", "gateway", "an execution is busted", alone=True),
    FaultKind(
        "bust_next_day",
        "gateway",
        "an execution is busted on the day after its session",
        alone=True,
        draw=_choice("after_s", -3600.0, -60.0, 3.0, 12.0),
    ),
    FaultKind("margin", "gateway", "margin doubled", (60.0, 300.0), _choice("factor", 2.0, 50.0)),
    FaultKind(
        "halt",
        "gateway",
        "an exchange halt behind healthy sockets, a gap at the re-open",
        (5.0, 400.0),
        _choice("gap_ticks", -40, -5, 0, 5, 40),
    ),
    FaultKind(
        "locked_limit",
        "gateway",
        "the market is locked at a daily limit: one side of the book only",
        (20.0, 400.0),
        _choice("value", "up", "down"),
    ),
    FaultKind("empty_book", "gateway", "everybody else leaves the book", (5.0, 400.0)),
    FaultKind(
        "price_dip",
        "gateway",
        "the price gaps against what is held, behind a short halt, and comes back: a breaker trips",
        (65.0, 150.0),
        _choice("gap_ticks", 60, 100, 160),
    ),
    FaultKind("db_busy", "ledger", "another process holds the write lock", (0.1, 15.0)),
    FaultKind("slow_disk", "ledger", "a commit takes its time", (0.3, 12.0)),
    FaultKind("db_full", "ledger", "ENOSPC", (0.1, 30.0), _choice("is_at_commit", False, True)),
    FaultKind(
        "db_io_error",
        "ledger",
        "EIO at COMMIT, which took place or not",
        (0.0, 5.0),
        _choice("is_committed", False, True),
    ),
    FaultKind(
        "db_bit_flip", "ledger", "a bit of an event flips while the process is down", alone=True, draw=_kill
    ),
    FaultKind(
        "db_wal_cut",
        "ledger",
        "the write-ahead log is cut short while the process is down",
        alone=True,
        draw=_kill,
    ),
    FaultKind(
        "db_old_file",
        "ledger",
        "an older copy of the ledger is restored while the process is down",
        alone=True,
        draw=lambda rng: {**_kill(rng), "age_s": round(rng.uniform(1, 400), 3)},
    ),
    FaultKind(
        "visibility",
        "place",
        "executions of others are hidden",
        draw=_choice("value", "own", "zero_only"),
        alone=False,
    ),
    FaultKind("out_of_files", "place", "out of file descriptors, and the connection dropped", (1.0, 40.0)),
    FaultKind(
        "clock_jump",
        "place",
        "the machine's clock jumps and comes back",
        (1.0, 120.0),
        _choice("seconds", -3600, -90, -3, 1.5, 3, 90, 3600),
    ),
    FaultKind(
        "clock_drift",
        "place",
        "the machine's clock drifts",
        (60.0, 400.0),
        _choice("ppm", -8000, -500, 500, 8000),
    ),
    FaultKind(
        "day_end", "place", "the broker's day ends while the process is down", (20.0, 60.0), alone=True
    ),
)
FAULTS: Final[Mapping[str, FaultKind]] = {kind.name: kind for kind in _KINDS}
