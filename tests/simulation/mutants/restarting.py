"""Mutants that begin or end wrongly: with another's lease, a new deadline, an old ledger, a needless halt."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hydra.domain.parent import ParentOrder
from hydra.execution.decide import CancelChild
from hydra.persistence.leases import LeaseBook
from hydra.persistence.ledger import SqlLedger
from hydra.simulation.process import running
from hydra.usecases import desk as desks
from hydra.usecases import halt as halting
from hydra.usecases import recover, session, trade
from hydra.usecases.desk import Desk
from tests.simulation.mutants import everywhere, method, mutant


@mutant("lease unchecked", "who once had the lease goes on sending; neither renewal nor commit looks at it")
def lease_unchecked() -> Iterator[None]:
    with (
        method(LeaseBook, "problem", lambda *_: None),
        method(LeaseBook, "renew", lambda *_: True),
    ):
        yield


@mutant("close deadline extended by a rerun", "every process gives the session its whole time anew")
def deadline_extended() -> Iterator[None]:
    own = desks.keep
    later: dict[tuple[object, str], timedelta] = {}

    def keep(desk: Desk, parent: ParentOrder) -> ParentOrder:
        if parent.opened is None:
            return own(desk, parent)
        gone = desk.clock.now() - parent.opened.start_at
        shift = later.setdefault((running(), parent.parent_id), max(gone, timedelta(0)))
        opened = parent.opened
        slices = tuple(
            replace(one, start_at=one.start_at + shift, end_at=one.end_at + shift) for one in opened.slices
        )
        moved = replace(opened, deadline_at=opened.deadline_at + shift, slices=slices)
        return own(desk, replace(parent, opened=moved))

    with everywhere(own, keep):
        yield


@mutant("stale ledger accepted", "a ledger that ends before its own anchor is traded on")
def stale_ledger_accepted() -> Iterator[None]:
    """Two layers: the anchor outside the file, and the halt at a reference that the ledger does not know."""
    on = halting.halt_on

    def halt_on(desk: Desk, found: Any) -> None:
        if found.kind != "UNKNOWN_OWN_REF":
            on(desk, found)

    with method(SqlLedger, "_require_newest", lambda _: None), everywhere(on, halt_on):
        yield


@mutant("halt on any fault", "a snapshot that proves nothing halts everything")
def halt_on_any_fault() -> Iterator[None]:
    own = recover._unproven

    def unproven(desk: Desk, reason: str) -> Any:
        halting.halt(desk, halting.EVERYTHING, reason)
        return own(desk, reason)

    with everywhere(own, unproven):
        yield


@mutant(
    "children cancelled in finally",
    "a session that ends in any way cancels what is live; no world may be better for it",
    is_caught=False,
)
def cancelled_in_finally() -> Iterator[None]:
    own = session.run_session

    async def run_session(desk: Desk, request: Any) -> Any:
        try:
            return await own(desk, request)
        finally:
            for parent in list(desk.parents.values()):
                for child in parent.live_children:
                    trade.cancel_child(desk, parent, CancelChild(child.order_ref, "the session is over"))

    with everywhere(own, run_session):
        yield
