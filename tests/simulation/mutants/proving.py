"""Mutants that believe too early: in an end, in a silence, in an id."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hydra.broker.session import IbBroker
from hydra.domain import ids
from hydra.domain.events import ChildCancelled, ChildLapsed
from hydra.domain.evidence import BrokerSnapshot
from hydra.domain.order import ChildOrder
from hydra.domain.parent import ParentOrder
from hydra.execution import evidence, reconcile
from hydra.execution.decide import CancelChild
from hydra.ports import Unknown
from hydra.usecases import trade
from hydra.usecases.desk import Desk, append
from tests.simulation.mutants import everywhere, method, mutant

BOTH = {"settle_wall_s": 0.0, "cancel_settle_wall_s": 0.0}


@mutant("settle time zero", "an end is believed with the first snapshot, without waiting for late reports")
def settle_time_zero() -> Iterator[None]:
    """Two functions: one asks for the proving snapshot, one judges it; both read the same two numbers."""
    verdict_on, proof_due = reconcile.verdict_on, reconcile.proof_due

    def at_once(function: Any) -> Any:
        def hasty(*args: Any, **given: Any) -> Any:
            given["policy"] = replace(given["policy"], **BOTH)
            given["margins"] = replace(given["margins"], settle=timedelta(0), cancel_settle=timedelta(0))
            return function(*args, **given)

        return hasty

    with everywhere(verdict_on, at_once(verdict_on)), everywhere(proof_due, at_once(proof_due)):
        yield


@mutant("settle from one snapshot", "one snapshot that lacks a child ends it, whenever it was taken")
def settle_from_one_snapshot() -> Iterator[None]:
    gone = reconcile._gone_after_good_till

    def gone_by_one(child: ChildOrder, snapshots: Any, *rest: Any) -> Any:
        after = [seen for seen in snapshots if seen.begun_at > child.sent_at]
        if after and after[-1].lacks(child):
            return ChildLapsed(child.order_ref, "a snapshot lacks it")
        return gone(child, snapshots, *rest)

    with everywhere(gone, gone_by_one):
        yield


@mutant(
    "trusting local Cancelled",
    "a cancel that was asked for counts as done, as the library's own state has it",
)
def trusting_local_cancelled() -> Iterator[None]:
    cancel = trade.cancel_child

    def cancel_child(desk: Desk, parent: ParentOrder, command: CancelChild) -> bool:
        was_sent = cancel(desk, parent, command)
        append(desk, parent.parent_id, [ChildCancelled(command.order_ref, "its local status")])
        return was_sent

    with everywhere(cancel, cancel_child):
        yield


@mutant(
    "missing reply read as flat", "a snapshot that never came counts as a broker with nothing on its books"
)
def missing_reply_read_as_flat() -> Iterator[None]:
    """Two layers: the answer's third value, and the test of every answer against what the ledger knows."""
    take, judge = IbBroker._snapshot_of, evidence.judge_snapshot

    def judge_snapshot(snapshot: BrokerSnapshot, **known: Any) -> Any:
        if not (snapshot.positions or snapshot.working or snapshot.executions):
            known.update(known_executions={}, live_children=(), ledger_positions={})
        return judge(snapshot, **known)

    async def snapshot_of(broker: Any, connection: Any) -> Any:
        begun_at, begun_s = broker._clock.now(), broker._clock.wall_s()
        answer = await take(broker, connection)
        if not isinstance(answer, Unknown):
            return answer
        return BrokerSnapshot(
            client_id=broker.client_id,
            connection_no=broker.link.connection_no,
            begun_at=begun_at,
            ended_at=broker._clock.now(),
            begun_wall_s=begun_s,
            ended_wall_s=broker._clock.wall_s(),
            link_was_good=True,
            broker_day=begun_at.astimezone(ZoneInfo(broker._books.options.broker_zone)).date(),
            positions={},
            working=(),
            executions=(),
            commissions=(),
            completed=None,
        )

    with method(IbBroker, "_snapshot_of", snapshot_of), everywhere(judge, judge_snapshot):
        yield


@mutant("fill keyed by full execId", "a correction is booked beside the execution it replaces")
def fill_keyed_by_full_exec_id() -> Iterator[None]:
    root_of = ids.exec_root

    def exec_root(exec_id: str) -> tuple[str, int]:
        root, revision = root_of(exec_id)
        return (root, revision) if revision <= 1 else (exec_id, revision)

    with everywhere(root_of, exec_root):
        yield
