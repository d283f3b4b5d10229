"""What a named person settles: an order in doubt, a position or execution that is not ours, a halt.

Each is an event with a name and a reason; the latest of them stands, none is erased.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from hydra.domain.errors import UserError
from hydra.domain.events import (
    ChildResolved,
    ForeignExecutionBooked,
    PositionAdopted,
    ReconciliationFound,
)
from hydra.domain.ids import exec_root, is_own_ref, parent_of
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder, end_of_doubt
from hydra.ports import Conflict, Ledger

RESOLVABLE = frozenset(
    {
        ChildState.PENDING_NEW,
        ChildState.WORKING,
        ChildState.PARTIALLY_FILLED,
        ChildState.PENDING_CANCEL,
        ChildState.RESOLVED,
    }
)


def resolve_child(
    ledger: Ledger,
    order_ref: str,
    *,
    filled_qty: int,
    avg_px: Decimal | None,
    by: str,
    reason: str,
    now: datetime,
    settle: timedelta,
) -> ParentOrder:
    """Settle a child in doubt: `filled_qty` 0 means it never lived. UserError when it is not in doubt.

    `settle` in market time: until good_till + settle the child may still fill, so nothing is in doubt yet.
    """
    if not is_own_ref(order_ref):
        raise _unresolved(order_ref, "not an order reference of ours")
    parent = ledger.load(parent_of(order_ref))
    child = parent.child(order_ref) if parent else None
    if parent is None or child is None:
        raise _unresolved(order_ref, "the ledger does not know it")
    problem = _why_not_in_doubt(child, now, settle) or _why_not_that_much(child, filled_qty)
    if problem:
        raise _unresolved(order_ref, problem)
    outcome = ledger.append(
        parent.parent_id, parent.seq, [ChildResolved(order_ref, filled_qty, avg_px, by, reason)]
    )
    if isinstance(outcome, Conflict):
        raise _unresolved(order_ref, f"another process wrote: {outcome.reason}")
    return _closed(ledger, outcome, by)


def _why_not_in_doubt(child: ChildOrder, now: datetime, settle: timedelta) -> str:
    if child.state not in RESOLVABLE:
        return f"it is {child.state}, nothing is in doubt"
    doubtful_at = child.sending.good_till + settle
    if not child.is_terminal and now <= doubtful_at:
        return f"it may still fill: it is in doubt from {doubtful_at.isoformat()}, now {now.isoformat()}"
    return ""


def _why_not_that_much(child: ChildOrder, filled_qty: int) -> str:
    booked = sum(execution.qty for execution in child.executions)
    if booked <= filled_qty <= child.sending.qty:
        return ""
    return f"{filled_qty} lots filled, but {booked} are booked and {child.sending.qty} were ordered"


def _closed(ledger: Ledger, parent: ParentOrder, by: str) -> ParentOrder:
    close = end_of_doubt(parent, f"resolved by {by}")
    if close is None:
        return parent
    outcome = ledger.append(parent.parent_id, parent.seq, [close])
    return parent if isinstance(outcome, Conflict) else outcome


def _unresolved(order_ref: str, problem: str) -> UserError:
    return UserError("HY-505", order_ref=order_ref, problem=problem)


def adopt_position(
    ledger: Ledger, *, con_id: int, symbol: str, lots: int, avg_px: Decimal, by: str, reason: str
) -> None:
    """Take a difference of `lots` (signed) between the broker's position and ours into the books."""
    if lots == 0:
        raise UserError("HY-506", what=symbol, problem="zero lots change nothing")
    ledger.record([PositionAdopted(con_id, symbol, lots, avg_px, by, reason)])


def adopt_execution(ledger: Ledger, execution: ForeignExecutionBooked, *, by: str, reason: str) -> None:
    """Book one execution that no child of ours made, with the name of who says so; UserError when booked."""
    known = ledger.known_executions(execution.executed_at).get(execution.exec_root)
    if known is not None and exec_root(known.exec_id)[1] >= execution.revision:
        raise UserError("HY-506", what=execution.exec_id, problem="it is booked already")
    explanation = f"adopted by {by}: {reason or 'no reason given'}"
    named = ReconciliationFound(
        "ADOPTED", execution.con_id, execution.symbol, "", execution.exec_id, explanation
    )
    ledger.record([execution, named])
