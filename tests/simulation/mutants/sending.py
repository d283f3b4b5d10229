"""Mutants that send wrongly: too early, twice, again, or the same order once more at another price."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ib_async

from hydra.broker import translate
from hydra.domain.events import ChildSending
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder
from hydra.execution.decide import CancelChild, Place
from hydra.execution.evidence import SeenSnapshot
from hydra.ports import NotSent, RecordedSending
from hydra.risk.gate import check_child
from hydra.risk.view import Denied
from hydra.simulation.scenario import EXCHANGES
from hydra.usecases import recover, trade
from hydra.usecases.desk import Desk, reload
from tests.simulation.mutants import everywhere, mutant


def write_again(desk: Desk, sending: ChildSending) -> None:
    """The frame of a child once more, past every check."""
    connection = desk.broker._up()  # type: ignore[attr-defined]
    if connection is None:
        return
    symbol = sending.parent.split("-")[1]
    contract = ib_async.Contract(secType="FUT", conId=sending.con_id, exchange=EXCHANGES[symbol])
    order = translate.limit_order_of(sending, connection.intake.account)
    connection.client.placeOrder(sending.ib_order_id, contract, order)


@mutant("record after send", "the frame leaves before its ChildSending commits")
def record_after_send() -> Iterator[None]:
    def send_child(desk: Desk, parent: ParentOrder, place: Place) -> bool:
        contract = desk.contracts[parent.plan.con_id]
        proposal = trade._proposal(parent, place)
        view = trade.risk_view(desk, parent, contract)
        verdict = check_child(proposal, view, desk.limits, desk.clock.market(desk.policy.verdict_wall_s))
        if isinstance(verdict, Denied):
            return False
        sending = trade._sending(desk, parent.plan.champion_id, proposal, verdict)
        outcome = desk.broker.place(RecordedSending(sending, desk.clock.wall_s()), contract, verdict)
        if isinstance(outcome, NotSent):
            return False
        events = (trade._priced(parent, place, proposal), sending)
        desk.ledger.commit_sending(desk.lease, parent.seq, events, lambda _: None)
        reload(desk, parent.parent_id)
        return True

    with everywhere(trade.send_child, send_child):
        yield


@mutant("blind resend", "a new process sends every live child once more before it asks the broker anything")
def blind_resend() -> Iterator[None]:
    load = recover.load_unfinished

    def load_unfinished(desk: Desk) -> None:
        load(desk)
        for child in desk.live_children():
            write_again(desk, child.sending)

    with everywhere(load, load_unfinished):
        yield


@mutant(
    "resend on absence", "a child that a complete snapshot lacks before it was acknowledged is sent again"
)
def resend_on_absence() -> Iterator[None]:
    take = recover._take_snapshot

    async def take_snapshot(desk: Desk) -> Any:
        asked_at_s = desk.clock.wall_s()
        outcome = await take(desk)
        if isinstance(outcome, SeenSnapshot):
            for child in desk.live_children():
                sent_at_s = desk.sent_at_wall_s.get(child.order_ref, 0.0)
                if child.state is ChildState.PENDING_NEW and sent_at_s < asked_at_s and outcome.lacks(child):
                    write_again(desk, child.sending)
        return outcome

    with everywhere(take, take_snapshot):
        yield


@mutant("modify instead of new child", "the next step's price goes out as a change of the order that works")
def modify_instead_of_new_child() -> Iterator[None]:
    cancel = trade.cancel_child

    def cancel_child(desk: Desk, parent: ParentOrder, command: CancelChild) -> bool:
        child = parent.child(command.order_ref)
        if child is None or not _is_replaceable(child) or command.reason != "its step is over":
            return cancel(desk, parent, command)
        assert parent.opened is not None
        dearer = child.sending.limit_px + child.sending.side.sign * parent.opened.tick
        write_again(desk, replace(child.sending, limit_px=dearer))
        desk.cancels_at_wall_s[child.order_ref] = desk.clock.wall_s()
        return True

    with everywhere(cancel, cancel_child):
        yield


def _is_replaceable(child: ChildOrder) -> bool:
    return child.state in (ChildState.WORKING, ChildState.PARTIALLY_FILLED)
