"""Narrowing and widening what may be sent. Anyone and anything may narrow; only a named person widens."""

from pathlib import Path

from hydra.domain.events import ReconciliationFound, TradingState, TradingStateChanged
from hydra.domain.latch import EVERYTHING as EVERYTHING
from hydra.execution.reconcile import Discrepancy
from hydra.ports import Ledger
from hydra.usecases.desk import Desk
from hydra.usecases.latch import lift_latch, read_latch

OURSELVES = "hydra"

# What is found at the broker -> how far the halt reaches. An order of ours that this ledger does not know
# means a second or restored ledger: nothing may be sent at all.
SCOPE_IS_ALL = frozenset({"UNKNOWN_OWN_REF"})


def halt(desk: Desk, scope: str, reason: str, by: str = OURSELVES) -> None:
    """Latch HALTED for one symbol or ALL; the same reason is told once per process."""
    if f"{scope}: {reason}" in desk.halts_told:
        return
    desk.ledger.record([TradingStateChanged(scope, TradingState.HALTED, reason, by)])
    desk.halts_told.add(f"{scope}: {reason}")
    desk.log("hydra.trading.halted", scope=scope, reason=reason)
    desk.changed.notify()


def halt_on(desk: Desk, found: Discrepancy) -> None:
    """Record what was found and halt as far as its kind demands; never correct it silently."""
    symbol = found.symbol or desk.symbol_of(found.con_id)
    if f"{found.kind}: {found.detail}" in desk.halts_told:
        return
    desk.halts_told.add(f"{found.kind}: {found.detail}")
    desk.ledger.record(
        [ReconciliationFound(found.kind, found.con_id, symbol, ours="", theirs=found.detail, explanation="")]
    )
    desk.log("hydra.reconciliation.found", kind=found.kind, symbol=symbol, detail=found.detail)
    scope = EVERYTHING if found.kind in SCOPE_IS_ALL else symbol
    halt(desk, scope, f"{found.kind}: {found.detail}")


def obey_latch(desk: Desk) -> None:
    """A kill's latch becomes a halt in the ledger, by the name that stands in it; each kill once."""
    if desk.latch_path is None:
        return
    for latched in read_latch(desk.latch_path):
        halt(desk, latched.scope, latched.told, latched.by)


def lift_kills(ledger: Ledger, latch_path: Path, scope: str) -> None:
    """Take a kill's latch away, its halt on record: a kill that no desk has met yet is not forgotten."""
    kills = [latched for latched in read_latch(latch_path) if latched.scope == scope]
    ledger.record(
        [TradingStateChanged(scope, TradingState.HALTED, latched.told, latched.by) for latched in kills]
    )
    lift_latch(latch_path, scope)


def set_trading_state(ledger: Ledger, scope: str, state: TradingState, reason: str, by: str) -> None:
    """What a named person decides, in either direction."""
    ledger.record([TradingStateChanged(scope, state, reason, by)])
