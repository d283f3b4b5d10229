"""What the broker says: single reports as they come, and whole snapshots of its books.

Reports are evidence, not state: they are folded against the ledger by `hydra.execution.reconcile`.
`received_wall_s` is the receiver's monotonic wall clock, so that waits of the wire can be measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hydra.domain.quantity import Side


class ErrorMeaning(StrEnum):
    """What an error code on an order's id means for that order (our own table, not the client library's)."""

    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    WARNING = "WARNING"
    DOUBT = "DOUBT"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One raw orderStatus message."""

    client_id: int
    ib_order_id: int
    perm_id: int
    status: str
    filled: int
    remaining: int
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """One openOrder message: an order that the broker holds, ours or not."""

    client_id: int
    ib_order_id: int
    perm_id: int
    order_ref: str
    con_id: int
    side: Side
    qty: int
    limit_px: Decimal | None
    status: str
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """One execution (execDetails), pushed or asked for."""

    exec_id: str
    client_id: int
    ib_order_id: int
    perm_id: int
    order_ref: str
    con_id: int
    symbol: str
    side: Side
    qty: int
    px: Decimal
    executed_at: datetime
    is_liquidation: bool
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class CommissionReport:
    """The commission of one execution; it comes after its execution, possibly much later."""

    exec_id: str
    commission_usd: Decimal
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class OrderErrorReport:
    """An error message whose id is an order of ours and no pending request."""

    ib_order_id: int
    code: int
    text: str
    meaning: ErrorMeaning
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class CompletedOrder:
    """A completed order: it carries no order id and no client id, only permId and our reference."""

    perm_id: int
    order_ref: str
    con_id: int
    status: str
    filled: int


Report = StatusReport | WorkingOrder | CompletedOrder | ExecutionReport | CommissionReport | OrderErrorReport


@dataclass(frozen=True, slots=True)
class BrokerSnapshot:
    """The broker's books, each read to its end marker on one connection, executions asked last.

    `link_was_good` covers the time from `settle` before `begun_wall_s` to the end. Whether the snapshot is
    *complete* (order_laws 3) is decided against the ledger, in `hydra.execution.reconcile`.
    """

    client_id: int
    connection_no: int
    begun_at: datetime
    ended_at: datetime
    begun_wall_s: float
    ended_wall_s: float
    link_was_good: bool
    broker_day: date
    positions: Mapping[int, int]
    working: tuple[WorkingOrder, ...]
    executions: tuple[ExecutionReport, ...]
    commissions: tuple[CommissionReport, ...]
    completed: tuple[CompletedOrder, ...] | None
