"""The matrix of fault kind by child state: how each cell is provoked, and why some cells cannot be. Pure.

Two worlds in five walk through the cells in order, so that a thousand consecutive seeds meet each of them.
The state is that of the order a fault acts on where it acts on one, else of the child sent last; of a child
that a damaged ledger has forgotten it is the last one known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Final

from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.faults import Fault, draw_fault

BEFORE: Final = "NONE"
LIVE: Final = ("PENDING_NEW", "WORKING", "PARTIALLY_FILLED", "PENDING_CANCEL")
ENDED: Final = ("FILLED", "CANCELLED", "EXPIRED", "REJECTED", "LAPSED", "NOT_SENT")
STATES: Final = (BEFORE, *LIVE, *ENDED)

IN_WRITE: Final = frozenset({"kill_at_order", "stall_before_write", "stall_in_write", "hold_order"})
_IN_WRITE: Final = "its moment lies between a child's COMMIT and the write of its frame"
_AT_ACCEPT: Final = (
    "its moment is the arrival of the order: nobody can have heard of it yet, nor proven its end"
)
_AT_CANCEL: Final = "its moment is the arrival of a cancel, which commits before it is written"
_AT_END: Final = "its moment is the order's end at the gateway, which no ledger may know before (law a)"
_NOTHING_TRADED: Final = (
    "no child was ever sent: nothing is executed or held but what a person trades by hand"
)
_NOTHING_WORKS: Final = "it needs a working order, and what the ledger has ended does not work (law a)"


def _except(reason: str, *states: str) -> Mapping[str, str]:
    return {state: reason for state in STATES if state not in states}


# kind -> state -> why this cell cannot be hit. The JSON names a hit here, as it names empty cells.
UNREACHABLE: Final[Mapping[str, Mapping[str, str]]] = {
    **{kind: _except(_IN_WRITE, "PENDING_NEW") for kind in sorted(IN_WRITE)},
    "lose_ack": _except(_AT_ACCEPT, "PENDING_NEW", "PENDING_CANCEL"),
    "lose_request": _except(_AT_ACCEPT, "PENDING_NEW", "PENDING_CANCEL"),
    "instant_fill": _except(_AT_ACCEPT, "PENDING_NEW", "PENDING_CANCEL"),
    "cancel_fill_race": _except(_AT_CANCEL, "PENDING_CANCEL"),
    "fill_after_cancel": _except(_AT_END, *LIVE),
    "late_beyond_settle": _except(_AT_END, *LIVE),
    "correction": {BEFORE: _NOTHING_TRADED},
    "bust": {BEFORE: _NOTHING_TRADED},
    "bust_next_day": {BEFORE: _NOTHING_TRADED},
    "liquidation": {BEFORE: _NOTHING_TRADED},
    "price_dip": {BEFORE: _NOTHING_TRADED},
    "warning": _except(_NOTHING_WORKS, *LIVE),
    "wrong_cancelled": _except(_NOTHING_WORKS, *LIVE),
}
# What makes such a cell possible after all, in the same world: then a hit there is no surprise.
_BESIDE: Final = {(kind, BEFORE): "manual_trade" for kind in ("correction", "price_dip")}
# A state nobody reaches under any kind, and why.
NEVER: Final[Mapping[str, str]] = {"RESOLVED": "only a named person resolves a child, and no world has one"}
_TRADED: Final = frozenset({"correction", "bust", "bust_next_day", "liquidation"})
# States of an order that the market has not filled -> the state from which on the book stays empty for it.
_UNFILLED: Final = {"PENDING_CANCEL": "PENDING_NEW", "CANCELLED": "PENDING_NEW", "EXPIRED": "WORKING"}
_AT_ITS_END: Final = frozenset({"fill_after_cancel", "late_beyond_settle"})
_AT_ITS_ARRIVAL: Final = frozenset({"lose_ack", "lose_request", "instant_fill"})
ON_AN_ORDER: Final = frozenset({"warning", "wrong_cancelled"})
_AIMED: Final = frozenset({"correction", "bust", "liquidation", "price_dip"}) | ON_AN_ORDER
# Rare and telling: all their worlds come among the first.
_SOON: Final = frozenset({"price_dip"})
_NEXT_DAY: Final = frozenset({"bust_next_day", "nightly_restart"})
# States that worlds of one kind go through one after another.
_WALKS: Final = (
    (BEFORE, "PENDING_NEW", "WORKING", "CANCELLED"),
    ("PARTIALLY_FILLED", "PENDING_CANCEL", "FILLED"),
    ("REJECTED", "LAPSED"),
    ("NOT_SENT", "EXPIRED"),
)
Walk = tuple[str, ...]
# Connected and not yet trading; with the first order out.
_CONNECTED_S: Final = 4.0
_ORDERED_S: Final = 15.0
# An order of a slow plan has died by itself when this is over.
_LONGEST_STEP_S: Final = 150.0
# No order follows any more.
_AFTER_THE_PLAN_S: Final = 1200.0


def is_reachable(kind: str, state: str) -> bool:
    return state in STATES and state not in UNREACHABLE.get(kind, {})


@lru_cache
def walks(kinds: tuple[str, ...]) -> tuple[tuple[str, Walk], ...]:
    """Every kind with the states that one world of it goes through; first each kind's first world."""
    every = [
        (0 if kind in _SOON else nth, kind, walk)
        for kind in kinds
        for nth, walk in enumerate(_walks_of(kind))
    ]
    return tuple((kind, walk) for _, kind, walk in sorted(every, key=lambda one: one[0]))


def _walks_of(kind: str) -> Iterator[Walk]:
    if FAULTS[kind].alone or kind in UNREACHABLE:  # once in a world
        yield from ((state,) for state in STATES if is_reachable(kind, state))
    else:
        yield from _WALKS


def prepared(kind: str, state: str) -> Iterator[Fault]:
    """The faults by which a world comes to this state, as this kind needs it."""
    if kind in _TRADED:
        yield Fault("instant_fill", 0.0, options={"qty": 1, "on": "ack"})
    if kind in _TRADED and state == "EXPIRED":  # the order that was filled in part is the one that dies
        yield Fault("empty_book", 0.0, aim="PENDING_NEW", for_s=_LONGEST_STEP_S)
        restart_s = _AFTER_THE_PLAN_S if kind in _NEXT_DAY else _LONGEST_STEP_S
        yield Fault("kill", 0.0, aim="PARTIALLY_FILLED", options={"restart_s": restart_s})
        return
    if kind == "price_dip":  # what tripped must hold for the next process, also when the price is back
        yield Fault("kill", 420.0, options={"restart_s": 0.5})
    if state in _UNFILLED or kind in _AT_ITS_END:
        from_s = 150.0 if kind == "price_dip" else 0.0
        yield Fault("empty_book", from_s, aim=_UNFILLED.get(state, "PENDING_NEW"), for_s=80.0)
    for fault in _led_to(kind, state, _ORDERED_S if kind in _TRADED else 0.0):
        yield _after_a_fill(fault) if kind == "price_dip" else fault
    if kind in _NEXT_DAY:
        yield from _left_in(state, 86_380.0 if kind == "bust_next_day" else 300.0)


def _after_a_fill(fault: Fault) -> Fault:
    """The same once something is held, or at a moment at which that is likely."""
    return replace(fault, at_s=150.0) if fault.aim else replace(fault, aim="FILLED")


def _led_to(kind: str, state: str, from_s: float) -> Iterator[Fault]:
    if kind in _AT_ITS_END:
        yield from _left_in(state, 90.0) if state != "PENDING_CANCEL" else ()
        return
    if kind in _AT_ITS_ARRIVAL and state == "PENDING_CANCEL":  # the order is held up until its step is over
        yield Fault("hold_order", 0.0, for_s=62.0)
    match state:
        case "PENDING_NEW" if kind in ON_AN_ORDER:
            yield Fault("delay_status", 0.0, for_s=120.0, options={"seconds": 1.8})
        case "PENDING_CANCEL" if kind == "kill_at_send":  # ends take long to prove: another parent sends
            yield Fault("mute_status", 0.0, for_s=300.0)
        case "PENDING_NEW" if kind == "kill_at_write":
            yield Fault("lose_ack", 0.0)
        case "PARTIALLY_FILLED":
            yield Fault("instant_fill", 0.0, options={"qty": 1, "on": "ack"})
        case "EXPIRED":
            yield Fault("kill", from_s, aim="WORKING", options={"restart_s": 75.0})
        case "REJECTED":
            yield Fault("reject", from_s, options={"count": 1})
        case "LAPSED":
            yield Fault("lose_request", from_s)
        case "NOT_SENT":
            yield Fault("stall_before_write", from_s, for_s=3.0)
        case _:
            return


def _left_in(state: str, restart_s: float) -> Iterator[Fault]:
    """The process dies with its newest child in this state, and nobody comes for a while."""
    options: dict[str, object] = {"restart_s": restart_s}
    if state == BEFORE:
        yield Fault("kill", _CONNECTED_S, options=options)
    elif state == "PENDING_NEW":
        yield Fault("kill_at_order", 0.0, options={**options, "nth": 1, "is_after": True})
    else:
        if state == "PARTIALLY_FILLED":
            yield Fault("instant_fill", 0.0, options={"qty": 1, "on": "ack"})
        yield Fault("kill", 0.0, aim=state, options=options)


def led_faults(number: int, kinds: tuple[str, ...], length_s: float) -> tuple[Fault, ...]:
    """The faults of the `number`-th world that walks through the cells of these kinds."""
    every = walks(kinds)
    kind, walk = every[number % len(every)]
    rng = Random(f"walk/{number}")
    faults: list[Fault] = []
    for state in walk:
        for one in prepared(kind, state):
            if state == "LAPSED" and "REJECTED" in walk:  # first the one, then the other: else both meet
                one = replace(one, aim="REJECTED")
            faults += [one] if one.kind in kinds and one not in faults else []
        faults.append(_at(draw_fault(rng, kind, length_s), state))
    return tuple(sorted(faults, key=lambda one: one.at_s))


def _at(drawn: Fault, state: str) -> Fault:
    """The fault as drawn, but at the moment that this cell asks for."""
    kind, options = drawn.kind, dict(drawn.options)
    if "nth" in options:
        options.update(nth=1, is_after=kind == "kill_at_send" and state == "PENDING_NEW")
    if kind == "kill_at_send" and state == "LAPSED":
        # The next order follows in the same breath: it is the second to be sent after the rejection and the
        # kill that waits there; the first is the one that is lost.
        return replace(drawn, at_s=0.0, aim="REJECTED", after_s=0.0, options={**options, "nth": 2})
    waits = kind in _AIMED or not (kind in UNREACHABLE or kind in _NEXT_DAY)
    aim = state if waits and state != BEFORE else ""
    after_s = 0.5 if kind in ON_AN_ORDER and state == "PENDING_NEW" else 0.0
    at_s = _CONNECTED_S if waits and state == BEFORE else 0.0
    return replace(drawn, at_s=at_s, aim=aim, after_s=after_s, options=options)


def empty_cells(hits: Mapping[tuple[str, str], int], kinds: Iterable[str]) -> list[str]:
    """The reachable cells that nothing has hit, as `kind × state`."""
    return [
        f"{kind} × {state}"
        for kind in kinds
        for state in STATES
        if is_reachable(kind, state) and not hits.get((kind, state))
    ]


def surprising(hits: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of one world's hits those in cells called impossible that nothing else in it makes possible."""
    found = list(hits)
    kinds = {kind for kind, _ in found}
    return [cell for cell in found if not is_reachable(*cell) and _BESIDE.get(cell) not in kinds]


def impossible_hits(hits: Iterable[tuple[str, str]]) -> list[str]:
    """What was hit and was called impossible: then the reason is wrong, or the product."""
    return [f"{kind} × {state}" for kind, state in sorted(hits)]
