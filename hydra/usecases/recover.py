"""Recovery: read the broker's books, book what happened, prove what ended. It never resends (law 3).

`observe` is synchronous and cheap: it drains the reports that callbacks left and appends what is news.
`take_snapshot` reads the whole books. `tend` does both for as long as it runs, as often as some child's
proof, the wire or the clock asks for it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from hydra.domain.errors import HydraError
from hydra.domain.events import ChildNotSent
from hydra.domain.evidence import BrokerSnapshot, CompletedOrder, ExecutionReport, Report, WorkingOrder
from hydra.domain.ids import is_own_ref, parent_of
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder, end_of_doubt
from hydra.execution.evidence import Incomplete, SeenSnapshot, judge_snapshot
from hydra.execution.reconcile import ChildIndex, Discrepancy, facts_of, proof_due, verdict_on
from hydra.ports import Unknown
from hydra.usecases.desk import Desk, Fork, append, keep, reload
from hydra.usecases.halt import halt, halt_on

TEND_PAUSE_WALL_S = 1.0
IDLE_PAUSE_WALL_S = 10.0
RETRY_WALL_S_MAX = 2.0


def load_unfinished(desk: Desk) -> None:
    """Bring every parent that may still have something at the broker into this process."""
    for parent in desk.ledger.unfinished():
        if desk.duty.works(parent.plan.symbol) or _has_sent_for(desk, parent):
            keep(desk, parent)
    desk.broker.raise_ids_above(desk.ledger.largest_ib_order_id(desk.broker.client_id))


def _has_sent_for(desk: Desk, parent: ParentOrder) -> bool:
    """Whether a child of it is this client id's to prove, also after the instruments were shared anew."""
    return any(child.sending.client_id == desk.broker.client_id for child in parent.live_children)


def observe(desk: Desk) -> None:
    """Book everything reported since the last call, then end what is proven."""
    book(desk, desk.broker.reports())
    settle_unwritten(desk)
    prove(desk)


def book(desk: Desk, reports: Iterable[Report]) -> None:
    """Append the facts of these reports; halt on what our books do not explain."""
    batch = _without_adopted(desk, list(reports))
    if not batch:
        return
    _load_named(desk, batch)
    index = ChildIndex(
        (parent.parent_id, child) for parent in desk.parents.values() for child in parent.children
    )
    facts = facts_of(batch, index, desk.broker.client_id)
    for parent_id, events in facts.events.items():
        append(desk, parent_id, events)
    desk.hints.update(facts.hints)
    for foreign in desk.ledger.record(facts.foreign) if facts.foreign else ():
        symbol = getattr(foreign, "symbol", "")
        halt(desk, symbol, f"an execution that is not ours: {getattr(foreign, 'exec_id', '')}")
    for found in facts.discrepancies:
        halt_on(desk, found)
        if found.perm_ids:
            remember_fork(desk, found)
    for parent_id in facts.events:
        _check_overfill(desk, parent_id)
    desk.changed.notify()


async def take_snapshot(desk: Desk) -> SeenSnapshot | Incomplete:
    """Read the broker's books whole, book what they hold, and keep the snapshot if it proves anything.

    Whoever asks while one is being read gets that one.
    """
    if desk.snapshot_running is None:
        desk.snapshot_running = asyncio.ensure_future(_take_snapshot(desk))
        desk.snapshot_running.add_done_callback(lambda _: _snapshot_over(desk))
    return await asyncio.shield(desk.snapshot_running)


def _snapshot_over(desk: Desk) -> None:
    desk.snapshot_running = None


async def _take_snapshot(desk: Desk) -> SeenSnapshot | Incomplete:
    acknowledged = {child.order_ref for child in desk.live_children() if child.perm_id is not None}
    ended = {child.order_ref: child for child in _ended_children(desk)}
    known = desk.ledger.known_executions(_broker_day_start(desk))
    desk.snapshot_attempt_wall_s = desk.clock.wall_s()
    answer = await desk.broker.snapshot()
    if isinstance(answer, Unknown):
        return _unproven(desk, answer.reason)
    told: list[Report] = [*answer.working, *(answer.completed or ())]
    book(desk, [*desk.broker.reports(), *told, *answer.executions, *answer.commissions])
    known_ours = {root: one for root, one in known.items() if one.client_id == desk.broker.client_id}
    judged = judge_snapshot(
        answer,
        client_id=desk.broker.client_id,
        known_executions=known_ours,
        live_children=[child for child in desk.live_children() if child.order_ref in acknowledged],
        hinted=frozenset(desk.hints),
        ledger_positions=desk.ledger.positions(),
    )
    if isinstance(judged, Incomplete):
        return _unproven(desk, judged.reason)
    desk.snapshot_failures = 0
    if desk.connection_seen != answer.connection_no:
        desk.log("hydra.connection.reconciled", connection_no=answer.connection_no)
    desk.connection_seen = answer.connection_no
    desk.snapshots.append(judged)
    desk.broker_positions = dict(answer.positions)
    _forget_old(desk)
    _watch_positions(desk, answer)
    _watch_ended(desk, answer, ended)
    prove(desk)
    desk.changed.notify()
    return judged


def remember_fork(desk: Desk, found: Discrepancy) -> None:
    """A second permId under one reference: the first sight counts, further ones are added."""
    known = desk.forks.setdefault(found.order_ref, Fork(set(), desk.clock.wall_s()))
    known.perm_ids |= set(found.perm_ids)


def prove(desk: Desk) -> None:
    """End every live child whose end is proven by now."""
    now, wall_s = desk.clock.now(), desk.clock.wall_s()
    for parent in list(desk.parents.values()):
        for child in parent.live_children:
            if child.sending.client_id != desk.broker.client_id:
                continue  # only whoever sent it sees enough to prove its end
            event = verdict_on(
                child,
                desk.hints.get(child.order_ref),
                desk.snapshots,
                now=now,
                wall_s=wall_s,
                died_on=_broker_day(desk, child.sending.good_till),
                policy=desk.policy,
                margins=desk.margins,
            )
            if event is not None:
                append(desk, parent.parent_id, [event])
                desk.log("hydra.child.ended", order_ref=child.order_ref, end=type(event).__name__)
        close = end_of_doubt(desk.parents[parent.parent_id], "proven by the broker's books")
        if close is not None:
            append(desk, parent.parent_id, [close])


async def tend(desk: Desk) -> None:
    """Keep the books current for as long as the task lives, and tell who waits when the link turns."""
    was_good = False
    while True:
        observe(desk)
        if desk.broker.link.is_good is not was_good:
            was_good = not was_good
            desk.changed.notify()
        delay = snapshot_delay(desk)
        if delay <= 0:
            await take_snapshot(desk)
            continue
        await desk.broker.wait_report(min(delay, _tend_pause(desk)))


def _tend_pause(desk: Desk) -> float:
    """Wall seconds in which time alone proves nothing; whatever is reported or sent rings before they end."""
    live = desk.live_children()
    if desk.never_written or any(child.order_ref in desk.hints for child in live):
        return TEND_PAUSE_WALL_S
    dead_at = [child.sending.good_till + desk.margins.settle for child in live]
    waits = [desk.clock.wall_delay(at) for at in dead_at]
    return max(min([*waits, IDLE_PAUSE_WALL_S]), TEND_PAUSE_WALL_S)


async def recover(desk: Desk, patience_wall_s: float) -> SeenSnapshot | Incomplete:
    """A complete snapshot begun from now on, asked for until it comes or the patience ends.

    The patience counts from when the link allows a snapshot at all: settle after it became good. Where it
    shows other positions than ours, a second one decides, settle later: nobody leaves with books that differ
    and nobody told.
    """
    asked_wall_s = desk.clock.wall_s()
    until = asked_wall_s + desk.policy.settle_wall_s + patience_wall_s
    outcome: SeenSnapshot | Incomplete = Incomplete("no snapshot was tried")
    while True:
        observe(desk)
        due_wall_s = max(asked_wall_s, _gaps_settle_at(desk))
        if desk.snapshots and desk.snapshots[-1].begun_wall_s >= due_wall_s:
            return desk.snapshots[-1]
        wall_s = desk.clock.wall_s()
        pause = max(snapshot_possible_from(desk), due_wall_s) - wall_s
        if pause <= 0:
            outcome = await take_snapshot(desk)
        elif wall_s >= until:
            link = desk.broker.link
            return outcome if link.is_good else Incomplete(f"link: {link.reason}")
        else:
            await desk.clock.sleep_wall(min(pause, until - wall_s, TEND_PAUSE_WALL_S))


def _gaps_settle_at(desk: Desk) -> float:
    """The wall second from which a snapshot tells a real position difference from a report under way."""
    open_gaps = [since for _, since in desk.position_gaps.values() if since != float("inf")]
    return max(open_gaps, default=float("-inf")) + desk.policy.settle_wall_s


def snapshot_delay(desk: Desk) -> float:
    """Wall seconds until the next snapshot is due; infinite when nothing asks for one."""
    wall_s = desk.clock.wall_s()
    dues = list(_dues(desk, wall_s))
    return max(min(dues), snapshot_possible_from(desk)) - wall_s if dues else float("inf")


def snapshot_possible_from(desk: Desk) -> float:
    """The first wall second at which a snapshot could be complete; infinite while the link is not good."""
    link = desk.broker.link
    if not link.is_good:
        return float("inf")
    settled = link.good_since_wall_s + desk.policy.settle_wall_s
    return max(settled, desk.snapshot_attempt_wall_s + _backoff(desk))


def _dues(desk: Desk, wall_s: float) -> Iterable[float]:
    now = desk.clock.now()
    last = desk.snapshots[-1].begun_wall_s if desk.snapshots else float("-inf")
    live, today = desk.live_children(), _broker_day(desk, now)
    if desk.broker.link.connection_no != desk.connection_seen:
        yield last + desk.policy.snapshot_gap_wall_s
    for _, since_wall_s in desk.position_gaps.values():
        yield since_wall_s + desk.policy.settle_wall_s
    if live:
        yield last + desk.policy.snapshot_every_wall_s
    for child in live:
        hint = desk.hints.get(child.order_ref)
        died_on = _broker_day(desk, child.sending.good_till)
        same_day = [seen for seen in desk.snapshots if seen.broker_day == died_on]
        due = proof_due(
            *(child, hint, same_day),
            now=now,
            wall_s=wall_s,
            is_day_over=died_on < today,
            policy=desk.policy,
            margins=desk.margins,
        )
        if due is not None:
            yield max(due, last + desk.policy.cancel_settle_wall_s)
        sent = desk.sent_at_wall_s.get(child.order_ref)
        if sent is not None and child.state is ChildState.PENDING_NEW:
            deadline = sent + desk.policy.ack_deadline_wall_s
            yield deadline if last < deadline else last + desk.policy.ack_deadline_wall_s


def _backoff(desk: Desk) -> float:
    return min(desk.policy.snapshot_gap_wall_s * 2.0 ** min(desk.snapshot_failures, 10), RETRY_WALL_S_MAX)


def _unproven(desk: Desk, reason: str) -> Incomplete:
    desk.snapshot_failures += 1
    desk.log("hydra.snapshot.incomplete", reason=reason, failures=desk.snapshot_failures)
    return Incomplete(reason)


def _forget_old(desk: Desk) -> None:
    """Keep what a proof after good_till may still need: two snapshots at least settle apart."""
    horizon = desk.clock.wall_s() - 10 * max(desk.policy.settle_wall_s, 1.0)
    while len(desk.snapshots) > 2 and desk.snapshots[0].begun_wall_s < horizon:
        desk.snapshots.popleft()


def _without_adopted(desk: Desk, batch: list[Report]) -> list[Report]:
    """Executions under a reference this ledger never made, which a named person has taken into the books."""
    strange = [
        report
        for report in batch
        if isinstance(report, ExecutionReport)
        and is_own_ref(report.order_ref)
        and not desk.ledger.knows_order_ref(report.order_ref)
    ]
    if not strange:
        return batch
    known = desk.ledger.known_executions(min(report.executed_at for report in strange))
    booked = {one.exec_id for one in known.values()}
    return [one for one in batch if one not in strange or one.exec_id not in booked]


def _load_named(desk: Desk, reports: Iterable[Report]) -> None:
    """Parents of finished sessions whose children are spoken of again (late fills, corrections)."""
    for report in reports:
        if not isinstance(report, WorkingOrder | CompletedOrder | ExecutionReport) or not is_own_ref(
            report.order_ref
        ):
            continue
        parent_id = parent_of(report.order_ref)
        parent = desk.parents.get(parent_id)
        if parent is None or parent.child(report.order_ref) is None:
            reload(desk, parent_id)


def settle_unwritten(desk: Desk) -> None:
    """Children whose COMMIT failed: if the promise is there after all, say that nothing was written."""
    for order_ref, parent_id in list(desk.never_written.items()):
        try:
            parent = reload(desk, parent_id)
        except HydraError as error:
            desk.log("hydra.ledger.away", problem=str(error))
            return
        child = parent.child(order_ref) if parent else None
        if child is not None and child.state is ChildState.PENDING_NEW:
            append(desk, parent_id, [ChildNotSent(order_ref, "its commit failed; nothing was written")])
        del desk.never_written[order_ref]


def _check_overfill(desk: Desk, parent_id: str) -> None:
    parent = desk.parents[parent_id]
    over = parent.cum_qty - parent.order_qty
    if over > 0:
        detail = f"{parent_id}: {over} lots more than ordered, reported late by the broker"
        halt_on(desk, Discrepancy("OVERFILLED", parent.plan.con_id, parent.plan.symbol, detail))


def _watch_positions(desk: Desk, snapshot: BrokerSnapshot) -> None:
    """A position difference that outlives settle is real: halt the instrument and tell a person."""
    ours, wall_s = desk.ledger.positions(), desk.clock.wall_s()
    symbols = desk.ledger.symbols()
    for con_id in {*ours, *snapshot.positions, *desk.position_gaps}:
        if not desk.duty.works(symbols.get(con_id) or desk.symbol_of(con_id)):
            continue  # a rival shard books its own fills, and until then it differs for a moment
        gap = snapshot.positions.get(con_id, 0) - ours.get(con_id, 0)
        known = desk.position_gaps.get(con_id)
        if gap == 0:
            desk.position_gaps.pop(con_id, None)
        elif known is None or known[0] != gap:
            desk.position_gaps[con_id] = (gap, wall_s)
        elif wall_s - known[1] >= desk.policy.settle_wall_s:
            detail = f"ledger {ours.get(con_id, 0)}, broker {snapshot.positions.get(con_id, 0)}"
            halt_on(desk, Discrepancy("POSITION_DIFFERS", con_id, "", detail))
            desk.position_gaps[con_id] = (gap, float("inf"))


def _watch_ended(desk: Desk, snapshot: BrokerSnapshot, ended: Mapping[str, ChildOrder]) -> None:
    """What had ended before the books were asked for and yet works there: halted, cancelled, told."""
    for order in snapshot.working:
        child = ended.get(order.order_ref)
        if child is None:
            continue
        detail = f"{order.order_ref} works at the broker as permId {order.perm_id}, here it is {child.state}"
        halt_on(desk, Discrepancy("WORKS_AFTER_END", order.con_id, "", detail))
        desk.broker.cancel(child.sending)


def _ended_children(desk: Desk) -> Iterable[ChildOrder]:
    return (child for parent in desk.parents.values() for child in parent.children if child.is_terminal)


def _broker_day(desk: Desk, at: datetime) -> date:
    return at.astimezone(desk.broker_zone).date()


def _broker_day_start(desk: Desk) -> datetime:
    return datetime.combine(_broker_day(desk, desk.clock.now()), time(), tzinfo=desk.broker_zone)


def broker_day_end(desk: Desk, at: datetime) -> datetime:
    """The midnight in the gateway's zone that ends the broker day of this instant."""
    following = _broker_day(desk, at) + timedelta(days=1)
    return datetime.combine(following, time(), tzinfo=desk.broker_zone)


def unproven_children(desk: Desk) -> list[ChildOrder]:
    """Live children past their death: what a person must look at if it stays."""
    dead_at = desk.clock.now() - desk.margins.settle
    return [child for child in desk.live_children() if child.sending.good_till < dead_at]
