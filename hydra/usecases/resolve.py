"""What a named person settles: an order in doubt, a position or execution that is not ours, a halt.

Each is an event with a name and a reason; the latest of them stands, none is erased.
"""

from decimal import Decimal

from hydra.domain.errors import UserError
from hydra.domain.events import ChildResolved, ForeignExecutionBooked, PositionAdopted
from hydra.domain.ids import is_own_ref, parent_of
from hydra.domain.order import ChildState
from hydra.domain.parent import ParentOrder
from hydra.ports import Conflict, Ledger
from hydra.risk.view import AccountEvent

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
    ledger: Ledger, order_ref: str, *, filled_qty: int, avg_px: Decimal | None, by: str, reason: str
) -> ParentOrder:
    """Settle a child in doubt: `filled_qty` 0 means it never lived. UserError when it is not in doubt."""
    if not is_own_ref(order_ref):
        raise UserError("HY-505", order_ref=order_ref, problem="not an order reference of ours")
    parent = ledger.load(parent_of(order_ref))
    child = parent.child(order_ref) if parent else None
    if parent is None or child is None:
        raise UserError("HY-505", order_ref=order_ref, problem="the ledger does not know it")
    if child.state not in RESOLVABLE:
        raise UserError("HY-505", order_ref=order_ref, problem=f"it is {child.state}, nothing is in doubt")
    booked = sum(execution.qty for execution in child.executions)
    if not booked <= filled_qty <= child.sending.qty:
        problem = f"{filled_qty} lots filled, but {booked} are booked and {child.sending.qty} were ordered"
        raise UserError("HY-505", order_ref=order_ref, problem=problem)
    event = ChildResolved(order_ref, filled_qty, avg_px, by, reason)
    outcome = ledger.append(parent.parent_id, parent.seq, [event])
    if isinstance(outcome, Conflict):
        raise UserError("HY-505", order_ref=order_ref, problem=f"another process wrote: {outcome.reason}")
    return outcome


def adopt_position(
    ledger: Ledger, *, con_id: int, symbol: str, lots: int, avg_px: Decimal, by: str, reason: str
) -> None:
    """Take a difference of `lots` (signed) between the broker's position and ours into the books."""
    if lots == 0:
        raise UserError("HY-506", what=symbol, problem="zero lots change nothing")
    ledger.record([PositionAdopted(con_id, symbol, lots, avg_px, by, reason)])


def adopt_execution(ledger: Ledger, execution: ForeignExecutionBooked) -> AccountEvent:
    """Book one execution that no child of ours made; UserError when it is in the books already."""
    written = ledger.record([execution])
    if not written:
        raise UserError("HY-506", what=execution.exec_id, problem="it is booked already")
    return written[0]
