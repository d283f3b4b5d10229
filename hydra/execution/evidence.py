"""What has been heard from the broker about live children, and when a snapshot of its books is complete.

Evidence lives in memory: a restarted process has none and falls back to the proof after good_till, which
needs only fresh snapshots. Nothing here touches the ledger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from hydra.domain.evidence import BrokerSnapshot, ErrorMeaning, ExecutionReport
from hydra.domain.ids import exec_root
from hydra.domain.order import ChildOrder, ChildState

# Statuses by which IB ends an order. Inactive is not among them: an inactive order may become live again.
TERMINAL_STATUSES = frozenset({"Cancelled", "ApiCancelled", "Filled"})


@dataclass(frozen=True, slots=True)
class TerminalHint:
    """A broker-sent sign that a child ended; believed only after a later complete snapshot and the settle."""

    meaning: ErrorMeaning
    filled: int
    code: int
    text: str
    received_wall_s: float
    from_status: bool


@dataclass(frozen=True, slots=True)
class SeenSnapshot:
    """What a complete snapshot proves: which of our orders worked, and for which contracts it is whole."""

    begun_wall_s: float
    begun_at: datetime
    ended_wall_s: float
    broker_day: date
    working_refs: frozenset[str]
    working_perm_ids: frozenset[int]
    completed_filled: Mapping[str, int]
    doubtful_con_ids: frozenset[int]

    def lacks(self, child: ChildOrder) -> bool:
        """Whether the broker's books, whole for this contract, do not list the child as working."""
        if child.sending.con_id in self.doubtful_con_ids:
            return False
        if child.order_ref in self.working_refs or child.perm_id in self.working_perm_ids:
            return False
        return child.has_filled(self.completed_filled.get(child.order_ref, child.cum_qty))


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Why a snapshot proves nothing."""

    reason: str


def judge_snapshot(
    snapshot: BrokerSnapshot,
    *,
    client_id: int,
    known_executions: Mapping[str, ExecutionReport],
    live_children: Iterable[ChildOrder],
    hinted: frozenset[str],
    ledger_positions: Mapping[int, int],
) -> SeenSnapshot | Incomplete:
    """Completeness by order_laws 3: `known_executions` are the ledger's of this broker day, by root.

    Everything the snapshot itself reported must have been booked before this is asked.
    """
    if not snapshot.link_was_good:
        return Incomplete("the link was not wholly good around it")
    if snapshot.client_id != client_id:
        return Incomplete("taken by another client id")
    seen_roots = {exec_root(report.exec_id)[0] for report in snapshot.executions}
    missing = [root for root in known_executions if root not in seen_roots]
    if missing:
        return Incomplete(f"it lacks the known execution {missing[0]}")
    refs = frozenset(order.order_ref for order in snapshot.working if order.order_ref)
    perm_ids = frozenset(order.perm_id for order in snapshot.working)
    completed = {one.order_ref: one.filled for one in snapshot.completed or () if one.order_ref}
    for child in live_children:
        if not _must_be_there(child, snapshot, hinted, completed):
            continue
        if child.order_ref not in refs and child.perm_id not in perm_ids:
            return Incomplete(f"it lacks the working order {child.order_ref}")
    return SeenSnapshot(
        begun_wall_s=snapshot.begun_wall_s,
        begun_at=snapshot.begun_at,
        ended_wall_s=snapshot.ended_wall_s,
        broker_day=snapshot.broker_day,
        working_refs=refs,
        working_perm_ids=perm_ids,
        completed_filled=completed,
        doubtful_con_ids=frozenset(different_positions(ledger_positions, snapshot.positions)),
    )


def different_positions(ours: Mapping[int, int], theirs: Mapping[int, int]) -> tuple[int, ...]:
    """The contracts whose lots differ between two books; absent means flat."""
    return tuple(
        sorted(con_id for con_id in {*ours, *theirs} if ours.get(con_id, 0) != theirs.get(con_id, 0))
    )


def _must_be_there(
    child: ChildOrder, snapshot: BrokerSnapshot, hinted: frozenset[str], completed: Mapping[str, int]
) -> bool:
    """An acknowledged child before its death, of which nothing ended was heard, must be in the books."""
    return (
        child.perm_id is not None
        and child.state is not ChildState.PENDING_CANCEL
        and not child.is_terminal
        and child.order_ref not in hinted
        and child.order_ref not in completed
        and snapshot.ended_at < child.sending.good_till
    )
