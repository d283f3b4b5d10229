"""Recovery, pure: evidence and parents in, facts and discrepancies out. It never resends (law 3).

`facts_of` books what was reported (law 5: executions in any state); `verdict_on` ends a live child, and
only by proof: a terminal status confirmed by a later complete snapshot and the settle time, or two
complete snapshots begun after good_till + settle that both lack it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from hydra.domain.events import (
    ChildAcknowledged,
    ChildCancelled,
    ChildCommissioned,
    ChildExpired,
    ChildFilled,
    ChildLapsed,
    ChildRejected,
    ForeignExecutionBooked,
)
from hydra.domain.evidence import (
    CommissionReport,
    CompletedOrder,
    ErrorMeaning,
    ExecutionReport,
    OrderErrorReport,
    Report,
    StatusReport,
    WorkingOrder,
)
from hydra.domain.ids import exec_root, is_own_ref
from hydra.domain.order import ChildEvent, ChildOrder, ChildState
from hydra.execution.evidence import TERMINAL_STATUSES, SeenSnapshot, TerminalHint
from hydra.execution.policy import ExecutionPolicy, Margins

ENDED_UNFILLED = frozenset(
    {
        ChildState.CANCELLED,
        ChildState.EXPIRED,
        ChildState.REJECTED,
        ChildState.LAPSED,
        ChildState.NOT_SENT,
    }
)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something found at the broker that our books do not explain; it halts the instrument or everything."""

    kind: str
    con_id: int
    symbol: str
    detail: str
    order_ref: str = ""
    perm_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class Facts:
    """What a batch of reports adds: events by parent, foreign executions, hints, discrepancies."""

    events: dict[str, list[ChildEvent]] = field(default_factory=dict)
    foreign: list[ForeignExecutionBooked] = field(default_factory=list)
    hints: dict[str, TerminalHint] = field(default_factory=dict)
    discrepancies: list[Discrepancy] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)


class ChildIndex:
    """Finds the child a report speaks of: by order_ref, then permId, then our own (client id, order id)."""

    def __init__(self, children: Iterable[tuple[str, ChildOrder]]) -> None:
        """`children`: (parent id, child) pairs."""
        self._by_ref: dict[str, tuple[str, ChildOrder]] = {}
        self._by_perm: dict[int, str] = {}
        self._by_id: dict[tuple[int, int], str] = {}
        self.owner: dict[str, str] = {}
        for parent, child in children:
            sending = child.sending
            self._by_ref[child.order_ref] = (parent, child)
            self._by_id[sending.client_id, sending.ib_order_id] = child.order_ref
            if child.perm_id:
                self._by_perm[child.perm_id] = child.order_ref
            for execution in child.executions:
                self.owner[execution.exec_root] = child.order_ref

    def find(
        self, order_ref: str, perm_id: int, client_id: int, ib_order_id: int
    ) -> tuple[str, ChildOrder] | None:
        if order_ref:
            return self._by_ref.get(order_ref)
        ref = self._by_perm.get(perm_id) or self._by_id.get((client_id, ib_order_id))
        return self._by_ref.get(ref) if ref else None

    def learn(self, perm_id: int, order_ref: str) -> None:
        self._by_perm[perm_id] = order_ref

    def refs(self) -> Iterable[str]:
        return self._by_ref


def facts_of(reports: Sequence[Report], index: ChildIndex, client_id: int) -> Facts:
    """Fold a batch of reports, in order; `client_id` is the one whose connection reported them."""
    facts = Facts()
    acked: dict[str, int] = {}
    for report in reports:
        if isinstance(report, StatusReport | WorkingOrder | CompletedOrder):
            _acknowledge(report, index, acked, facts)
            if isinstance(report, StatusReport):
                _hint_from_status(report, index, facts)
        elif isinstance(report, ExecutionReport):
            _book(report, index, facts)
        elif isinstance(report, CommissionReport):
            _commission(report, index, facts)
        else:
            _hint_from_error(report, index, client_id, facts)
    return facts


def verdict_on(
    child: ChildOrder,
    hint: TerminalHint | None,
    snapshots: Sequence[SeenSnapshot],
    *,
    now: datetime,
    wall_s: float,
    died_on: date,
    policy: ExecutionPolicy,
    margins: Margins,
) -> ChildEvent | None:
    """The event that ends a live child, or None while nothing is proven.

    `died_on` is the broker day of the child's good_till: a later day's books no longer show it.
    """
    if child.is_terminal:
        return None
    if hint is not None and _hint_proven(child, hint, snapshots, wall_s, policy):
        return _ended_by_hint(child, hint, now)
    same_day = [seen for seen in snapshots if seen.broker_day == died_on]
    return _gone_after_good_till(child, same_day, now, policy, margins)


def proof_due(
    child: ChildOrder,
    hint: TerminalHint | None,
    snapshots: Sequence[SeenSnapshot],
    *,
    now: datetime,
    wall_s: float,
    is_day_over: bool,
    policy: ExecutionPolicy,
    margins: Margins,
) -> float | None:
    """The wall second from which one more snapshot could prove this child's end, None while none could.

    `is_day_over`: the broker day of its good_till has ended, so that no snapshot shows its absence any more.
    """
    dues = []
    if hint is not None and child.has_filled(hint.filled):
        dues.append(hint.received_wall_s + policy.cancel_settle_wall_s)
    dead_at = child.sending.good_till + margins.settle
    if now > dead_at and not is_day_over:
        after = [seen for seen in snapshots if seen.begun_at > dead_at and seen.lacks(child)]
        dues.append(after[0].begun_wall_s + policy.settle_wall_s if after else wall_s)
    return min(dues) if dues else None


def _acknowledge(
    report: StatusReport | WorkingOrder | CompletedOrder,
    index: ChildIndex,
    acked: dict[str, int],
    facts: Facts,
) -> None:
    """Whoever names a permId proves that the order came to life; a completed order does so after its end."""
    found = _spoken_of(report, index)
    if found is None:
        if isinstance(report, WorkingOrder) and is_own_ref(report.order_ref):
            detail = f"working order {report.order_ref} of permId {report.perm_id} is not in this ledger"
            facts.discrepancies.append(Discrepancy("UNKNOWN_OWN_REF", report.con_id, "", detail))
        return
    parent, child = found
    if report.perm_id <= 0:
        return
    known = child.perm_id or acked.get(child.order_ref)
    if known is None:
        acked[child.order_ref] = report.perm_id
        index.learn(report.perm_id, child.order_ref)
        if not child.is_terminal:
            # First of the batch: an execution that came before its acknowledgement may end the child.
            event = ChildAcknowledged(child.order_ref, report.perm_id)
            facts.events.setdefault(parent, []).insert(0, event)
    elif known != report.perm_id:
        detail = f"{child.order_ref} has permIds {known} and {report.perm_id}"
        perm_ids = (known, report.perm_id)
        facts.discrepancies.append(
            Discrepancy("TWO_PERM_IDS", child.sending.con_id, "", detail, child.order_ref, perm_ids)
        )


def _spoken_of(
    report: StatusReport | WorkingOrder | CompletedOrder, index: ChildIndex
) -> tuple[str, ChildOrder] | None:
    if isinstance(report, CompletedOrder):  # carries no ids of its client
        return index.find(report.order_ref, report.perm_id, 0, 0)
    ref = report.order_ref if isinstance(report, WorkingOrder) else ""
    return index.find(ref, report.perm_id, report.client_id, report.ib_order_id)


def _hint_from_status(report: StatusReport, index: ChildIndex, facts: Facts) -> None:
    found = index.find("", report.perm_id, report.client_id, report.ib_order_id)
    if found is None or report.status not in TERMINAL_STATUSES:
        return
    facts.hints[found[1].order_ref] = TerminalHint(
        meaning=ErrorMeaning.CANCELLED,
        filled=report.filled,
        code=0,
        text=report.status,
        received_wall_s=report.received_wall_s,
        from_status=True,
    )


def _hint_from_error(report: OrderErrorReport, index: ChildIndex, client_id: int, facts: Facts) -> None:
    """A refusal names the order id only; a cancel's notice (202) waits for its status."""
    found = index.find("", 0, client_id, report.ib_order_id)
    if found is None or report.meaning is not ErrorMeaning.REJECTED:
        return
    ref = found[1].order_ref
    earlier = facts.hints.get(ref)
    facts.hints[ref] = TerminalHint(
        meaning=ErrorMeaning.REJECTED,
        filled=earlier.filled if earlier else 0,
        code=report.code,
        text=report.text,
        received_wall_s=report.received_wall_s,
        from_status=False,
    )


def _book(report: ExecutionReport, index: ChildIndex, facts: Facts) -> None:
    root, revision = exec_root(report.exec_id)
    ref = report.order_ref or index.owner.get(root, "")
    found = index.find(ref, report.perm_id, report.client_id, report.ib_order_id)
    if found is None:
        _book_foreign(report, root, revision, facts)
        return
    parent, child = found
    index.owner[root] = child.order_ref
    known = next((one.revision for one in child.executions if one.exec_root == root), -1)
    if max(known, facts.revisions.get(root, -1)) >= revision:
        return
    facts.revisions[root] = revision
    if known < 0 and child.state in ENDED_UNFILLED:
        detail = f"{report.exec_id}: {report.qty} lots for {child.order_ref}, already {child.state}"
        facts.discrepancies.append(Discrepancy("LATE_FILL", report.con_id, report.symbol, detail))
    facts.events.setdefault(parent, []).append(_filled(report, child.order_ref, root, revision))


def _filled(report: ExecutionReport, order_ref: str, root: str, revision: int) -> ChildFilled:
    return ChildFilled(
        order_ref=order_ref,
        exec_id=report.exec_id,
        exec_root=root,
        revision=revision,
        con_id=report.con_id,
        side=report.side,
        last_qty=report.qty,
        last_px=report.px,
        executed_at=report.executed_at,
    )


def _book_foreign(report: ExecutionReport, root: str, revision: int, facts: Facts) -> None:
    if is_own_ref(report.order_ref):
        detail = f"execution {report.exec_id} of {report.order_ref} is not in this ledger"
        facts.discrepancies.append(Discrepancy("UNKNOWN_OWN_REF", report.con_id, report.symbol, detail))
        return
    facts.foreign.append(
        ForeignExecutionBooked(
            exec_id=report.exec_id,
            exec_root=root,
            revision=revision,
            con_id=report.con_id,
            symbol=report.symbol,
            side=report.side,
            last_qty=report.qty,
            last_px=report.px,
            executed_at=report.executed_at,
            client_id=report.client_id,
            order_ref=report.order_ref,
        )
    )


def _commission(report: CommissionReport, index: ChildIndex, facts: Facts) -> None:
    root, _ = exec_root(report.exec_id)
    ref = index.owner.get(root)
    found = index.find(ref, 0, -1, -1) if ref else None
    if found is None or ref is None:
        return
    parent, child = found
    event = ChildCommissioned(ref, report.exec_id, root, report.commission_usd)
    batch = facts.events.setdefault(parent, [])
    if child.commissions.get(root) != report.commission_usd and event not in batch:
        batch.append(event)


def _hint_proven(
    child: ChildOrder,
    hint: TerminalHint,
    snapshots: Sequence[SeenSnapshot],
    wall_s: float,
    policy: ExecutionPolicy,
) -> bool:
    if wall_s - hint.received_wall_s < policy.cancel_settle_wall_s or not child.has_filled(hint.filled):
        return False
    return any(seen.begun_wall_s > hint.received_wall_s and seen.lacks(child) for seen in snapshots)


def _ended_by_hint(child: ChildOrder, hint: TerminalHint, now: datetime) -> ChildEvent:
    if hint.meaning is ErrorMeaning.REJECTED and child.cum_qty == 0:
        return ChildRejected(child.order_ref, hint.code, hint.text)
    evidence = f"status {hint.text or hint.code}, then a complete snapshot without it, and cancel_settle"
    if child.state is not ChildState.PENDING_CANCEL and now >= child.sending.good_till:
        return ChildExpired(child.order_ref, evidence)
    return ChildCancelled(child.order_ref, evidence)


def _gone_after_good_till(
    child: ChildOrder,
    snapshots: Sequence[SeenSnapshot],
    now: datetime,
    policy: ExecutionPolicy,
    margins: Margins,
) -> ChildEvent | None:
    dead_at = child.sending.good_till + margins.settle
    if now <= dead_at:
        return None
    after = [seen for seen in snapshots if seen.begun_at > dead_at]
    if not after or not all(seen.lacks(child) for seen in after):
        return None
    if after[-1].begun_wall_s - after[0].begun_wall_s < policy.settle_wall_s:
        return None
    evidence = f"{len(after)} complete snapshots after good_till and settle lack it"
    if child.perm_id is not None or child.cum_qty > 0:
        return ChildExpired(child.order_ref, evidence)
    return ChildLapsed(child.order_ref, evidence)
