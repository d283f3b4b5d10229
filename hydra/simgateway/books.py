"""The gateway's own books as plain data, read from its journal: also while it runs, also after a kill."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from hydra.domain.errors import UserError
from hydra.simgateway.state import BrokerState
from hydra.simgateway.store import JOURNAL_NAME, read_records
from hydra.simgateway.wire import number_text

Row = dict[str, object]
Books = dict[str, list[Row]]


def read_books(state_dir: Path) -> Books:
    """The books of a state directory; UserError if it has none or they are damaged."""
    state = BrokerState()
    try:
        for record in read_records(state_dir / JOURNAL_NAME):
            state.apply(record)
    except OSError as error:
        raise UserError("HY-214", path=state_dir, problem=error.strerror) from error
    return books_of(state)


def books_of(state: BrokerState) -> Books:
    """Orders, executions, positions and order messages; prices as text, times in UTC."""
    return {
        "orders": list(_orders(state)),
        "executions": list(_executions(state)),
        "positions": list(_positions(state)),
        "frames": list(_frames(state)),
    }


def _orders(state: BrokerState) -> Iterator[Row]:
    for order in state.orders.by_perm.values():
        yield {
            "order_ref": order.order_ref,
            "perm_id": order.perm_id,
            "symbol": order.symbol,
            "con_id": order.con_id,
            "side": order.side,
            "qty": order.qty,
            "filled": order.cum_qty,
            "status": str(order.status),
            "client_id": order.client_id,
            "order_id": order.order_id,
            "limit": _text(order.limit),
            "good_till": order.good_till.isoformat() if order.good_till else None,
            "accepted_at": order.accepted_at.isoformat(),
            "ended_at": order.ended_at.isoformat() if order.ended_at else None,
            "reason": order.reason,
        }


def _executions(state: BrokerState) -> Iterator[Row]:
    for done in state.account.executions():
        yield {
            "exec_id": done.exec_id,
            "order_ref": done.order_ref,
            "symbol": done.symbol,
            "con_id": done.con_id,
            "side": done.side,
            "qty": done.qty,
            "price": number_text(done.price),
            "at": done.at.isoformat(),
            "client_id": done.client_id,
            "order_id": done.order_id,
            "perm_id": done.perm_id,
            "commission_usd": number_text(done.commission_usd),
        }


def _positions(state: BrokerState) -> Iterator[Row]:
    for held in sorted(state.account.positions.values(), key=lambda position: position.con_id):
        if held.qty:
            yield {"symbol": held.symbol, "con_id": held.con_id, "qty": held.qty}


def _frames(state: BrokerState) -> Iterator[Row]:
    for frame in state.orders.frames.values():
        yield {
            "kind": frame.kind,
            "at": frame.at.isoformat(),
            "client_id": frame.client_id,
            "order_id": frame.order_id,
            "order_ref": frame.order_ref,
            "outcome": frame.outcome,
        }


def _text(price: Decimal | None) -> str | None:
    return None if price is None else number_text(price)
