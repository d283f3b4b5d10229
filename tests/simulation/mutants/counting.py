"""Mutants that count wrongly: what is in doubt, what works, what was just sent, what a point is worth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from hydra.domain.contract import Contract
from hydra.domain.events import BreakerMoved
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder
from hydra.execution import decide as planner
from hydra.execution.policy import Margins
from hydra.persistence import control
from hydra.persistence.control import ControlReader
from hydra.persistence.ledger import SqlLedger
from hydra.risk.last_hop import LastHop
from hydra.risk.view import BreakerStatus
from hydra.simulation.process import running
from tests.simulation.mutants import everywhere, method, mutant

Forgets = Callable[[ChildOrder, datetime, Margins], bool]


@contextmanager
def uncounted(forgets: Forgets) -> Iterator[None]:
    """Some live children count nowhere: not in the planner, not in the commit, not at the last hop."""
    own, permit = planner.decide, SqlLedger._require_permission

    def decide(parent: ParentOrder, now: datetime, view: Any, policy: Any, margins: Margins) -> Any:
        counted = tuple(
            child for child in parent.children if child.is_terminal or not forgets(child, now, margins)
        )
        return own(replace(parent, children=counted), now, view, policy, margins)

    def require_permission(ledger: SqlLedger, stream: Any, sending: Any, check: Any) -> None:
        dead = tuple(
            child if child.is_terminal else replace(child, state=ChildState.LAPSED)
            for child in stream.parent.children
        )
        permit(ledger, replace(stream, parent=replace(stream.parent, children=dead)), sending, check)

    with (
        everywhere(own, decide),
        method(SqlLedger, "_require_permission", require_permission),
        method(LastHop, "_excess", lambda *_: None),
    ):
        yield


@mutant("ignoring doubt in risk", "a child past its death and settle counts as gone before that is proven")
def ignoring_doubt() -> Iterator[None]:
    read = ControlReader.read

    def without_doubt(reader: ControlReader, *args: Any) -> Any:
        return replace(read(reader, *args), has_doubt=False)

    def is_overdue(child: ChildOrder, now: datetime, margins: Margins) -> bool:
        return now > child.sending.good_till + margins.settle

    with uncounted(is_overdue), method(ControlReader, "read", without_doubt):
        yield


@mutant("limit ignores working orders", "an order whose cancel is on its way counts as gone")
def limit_ignores_working_orders() -> Iterator[None]:
    with uncounted(lambda child, now, margins: child.state is ChildState.PENDING_CANCEL):
        yield


@mutant(
    "sent counter moved after the send",
    "what was sent counts from its acknowledgement on, not from its sending",
)
def sent_counter_moved() -> Iterator[None]:
    with uncounted(lambda child, now, margins: child.state is ChildState.PENDING_NEW):
        yield


@mutant("breaker state in memory only", "a breaker that tripped is forgotten by the next process")
def breaker_in_memory() -> Iterator[None]:
    sort, record = control._sorted_out, SqlLedger.record
    tripped: dict[object, dict[str, BreakerStatus]] = {}

    def sorted_out(rows: Any, *asked: Any) -> Any:
        small = sort([row for row in rows if row[0] != 3], *asked)
        small.breakers.update(tripped.get(running(), {}))
        return small

    def remember(ledger: SqlLedger, events: Any) -> Any:
        for event in events:
            if isinstance(event, BreakerMoved):
                status = BreakerStatus(event.state, event.cooldown_left, event.period)
                tripped.setdefault(running(), {})[event.breaker] = status
        return record(ledger, events)

    with everywhere(sort, sorted_out), method(SqlLedger, "record", remember):
        yield


@mutant(
    "cents for dollars",
    "a price in cents has its magnifier taken out twice: limits in dollars are a hundred times as wide",
)
def cents_for_dollars() -> Iterator[None]:
    def usd_per_point(contract: Contract) -> Decimal:
        return contract.multiplier / contract.price_magnifier / contract.price_magnifier

    with method(Contract, "usd_per_point", property(usd_per_point)):
        yield
