"""What only the end of a world can show: nothing lost, books equal, every session ended with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hydra.simulation.facts import LIVE, OWN, Deal
from hydra.simulation.oracle import Oracle

ENDED: Final = frozenset({"FILLED", "REMAINDER", "IN_DOUBT", "DENIED"})
# Faults after which the broker no longer tells everything: what it hides must be in doubt and reported.
HIDING: Final = frozenset({"day_end", "no_login", "visibility", "silent_executions", "bust_next_day"})
# Faults after which the ledger itself lacks what it once had: what was lost must stop all sending.
DAMAGING: Final = frozenset({"db_bit_flip", "db_wal_cut", "db_old_file"})
# Faults that show at the broker what our books do not explain. Whatever else happens is no reason to halt:
# an engine that halts on any fault is safe and useless.
HALTING: Final = (
    HIDING | DAMAGING | {"late_beyond_settle", "liquidation", "manual_trade", "bust", "mute_exec"}
)


def judge_end(oracle: Oracle, denied: Mapping[str, Sequence[str]], failure: str) -> None:
    """Every check of the end; `denied` and `failure` are what the last run itself reported."""
    kinds = {fault.kind for fault in oracle.scenario.faults}
    is_damaged = bool(oracle.lost_rows) or (bool(DAMAGING & kinds) and bool(failure))
    for detail in _unexplained(oracle, denied, failure):
        oracle.breach("f", detail)
    if not HALTING & kinds:
        for scope, reason in oracle.ledger.halts:
            oracle.breach("f", f"{scope} was halted without need: {reason}")
    if is_damaged:
        return
    for detail in _lost(oracle, bool(HIDING & kinds), "day_end" in kinds):
        oracle.breach("c", detail)
    for detail in _unequal(oracle, bool(HIDING & kinds)):
        oracle.breach("g", detail)
    for detail in _unreported(oracle):
        oracle.breach("a", detail)


def _unexplained(oracle: Oracle, denied: Mapping[str, Sequence[str]], failure: str) -> Iterator[str]:
    """(f): every symbol reached its target, or somebody was told why not."""
    if failure:
        return
    for symbol in oracle.scenario.targets:
        plans = [one for one in oracle.ledger.parents.values() if one.plan["symbol"] == symbol]
        if not plans and not denied.get(symbol):
            yield f"{symbol}: neither planned nor denied with a reason"
        for parent in plans:
            name = parent.plan["parent_id"]
            if not parent.is_done and not denied.get(symbol):
                yield f"{name} is still {parent.status}"
            elif parent.status != "FILLED" and parent.opened and not parent.reason:
                yield f"{name} ended {parent.status} without a reason"


def _lost(oracle: Oracle, may_hide: bool, has_day_ended: bool) -> Iterator[str]:
    """(c): every execution at the gateway is in the ledger, at its last revision.

    Only a price corrected while nobody listened, its day over before anybody did again, leaves no trace: the
    broker shows today's executions, and the position is the same.
    """
    for root, theirs in oracle.gateway.deals.items():
        ours = oracle.ledger.deals.get(root)
        if ours is not None and ours.told == theirs.told:
            continue
        if may_hide and _is_in_doubt(oracle, theirs, ours):
            continue
        if has_day_ended and ours is not None and ours.signed == theirs.signed:
            continue
        have = f"has revision {ours.revision}" if ours else "lacks it"
        yield f"execution {theirs.exec_id} of {theirs.order_ref or 'nobody'}: the ledger {have}"


def _is_in_doubt(oracle: Oracle, deal: Deal, booked: Deal | None) -> bool:
    """Whether what nobody could see of an execution is at least counted as doubt, or halted on."""
    child = oracle.ledger.children.get(deal.order_ref)
    if child is not None and booked is None:
        return child.state in LIVE
    return oracle.ledger.state_of(_symbol_of(oracle, deal.con_id)) == "HALTED"


def _symbol_of(oracle: Oracle, con_id: int) -> str:
    for order in oracle.gateway.orders.values():
        if order.accepted.con_id == con_id:
            return order.accepted.symbol
    return ""


def _unequal(oracle: Oracle, may_hide: bool) -> Iterator[str]:
    """(g): positions by ledger, by gateway and by the fold of executions."""
    ours, theirs = oracle.ledger.positions(), oracle.gateway.positions()
    for con_id in sorted({*ours, *theirs}):
        if ours.get(con_id, 0) == theirs.get(con_id, 0):
            continue
        symbol = _symbol_of(oracle, con_id)
        if may_hide and (oracle.ledger.state_of(symbol) == "HALTED" or _has_doubt(oracle, con_id)):
            continue
        yield f"{symbol}: ledger {ours.get(con_id, 0)}, gateway {theirs.get(con_id, 0)}"


def _has_doubt(oracle: Oracle, con_id: int) -> bool:
    return any(
        child.state in LIVE for child in oracle.ledger.children.values() if child.sending["con_id"] == con_id
    )


def _unreported(oracle: Oracle) -> Iterator[str]:
    """(a) where the settle bound is broken on purpose: booked, halted and reported instead."""
    for parent_id in oracle.overfilled:
        symbol = oracle.ledger.parents[parent_id].plan["symbol"]
        filled = sum(
            order.gross
            for order in oracle.gateway.orders.values()
            if order.accepted.order_ref.startswith(f"{OWN}{parent_id}-C")
        )
        if filled <= oracle.ledger.parents[parent_id].order_qty:
            continue
        if oracle.ledger.state_of(symbol) != "HALTED":
            yield f"{parent_id} is overfilled and {symbol} not halted"
        if not {"OVERFILLED", "LATE_FILL"} & set(oracle.ledger.found):
            yield f"{parent_id} is overfilled and nobody was told"


def filled_lots(oracle: Oracle) -> tuple[int, int]:
    """(lots filled, lots wanted) over all symbols of the session."""
    filled = wanted = 0
    positions = oracle.ledger.positions()
    for symbol, target in oracle.scenario.targets.items():
        wanted += abs(target)
        con_ids = {
            one.plan["con_id"] for one in oracle.ledger.parents.values() if one.plan["symbol"] == symbol
        }
        held = sum(positions.get(con_id, 0) for con_id in con_ids)
        filled += max(min(abs(target), held * (1 if target > 0 else -1)), 0)
    return filled, wanted
