"""Working a parent: decide, check, write, send. The only caller of `Broker.place`.

From the ledger's COMMIT to the socket's write there is no await; a process that dies at any line leaves
either nothing, or a `ChildSending` that recovery proves. Nothing here ever sends a child twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.events import (
    ChildCancelRequested,
    ChildNotSent,
    ChildPriced,
    ChildSending,
    ParentClosed,
    TradingState,
)
from hydra.domain.ids import order_ref
from hydra.domain.intent import ChildProposal
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.execution.decide import CancelChild, Finish, MarketView, Place, Wait, decide
from hydra.execution.slippage import in_bps, predicted_slippage_px
from hydra.ports import Conflict, InDoubtCommit, NotSent
from hydra.risk.gate import Verdict, check_child, recheck
from hydra.risk.market_rules import reference_px
from hydra.risk.reasons import Reason
from hydra.risk.sizing import child_lots_max
from hydra.risk.view import Denied, RiskView
from hydra.usecases.book_target import envelope_of
from hydra.usecases.desk import Desk, append, reload
from hydra.usecases.halt import EVERYTHING, halt
from hydra.usecases.marks import marks_of, usd_per_point_of
from hydra.usecases.recover import broker_day_end, settle_unwritten

# How long to wait for what nobody reports: ever longer while nothing changes.
RETRY_WALL_S = 0.25
RETRY_WALL_S_MAX = 2.0
# Nobody sleeps longer than this on what the clock says: it may be wrong now and right in a moment.
WAIT_WALL_S_MAX = 10.0
# For the snapshots of the last proof, beyond the settle time between them.
PROOF_WALL_S = 1.0


async def work_parent(desk: Desk, parent_id: str, until: datetime | None = None) -> ParentOrder:
    """Work the parent until it is closed, or until the instant when one is given (a slice's end)."""
    begun_at, waits = desk.clock.now(), 0
    while True:
        if desk.failure is not None:
            raise desk.failure
        if desk.lease_lost:  # whoever has it needs the client id, which goes with this process
            raise Unavailable("HY-604", client_id=desk.lease.client_id, epoch=desk.lease.epoch)
        parent = desk.parents[parent_id]
        now = desk.clock.now()
        if until is not None and now >= until:
            return parent
        command = decide(parent, now, market_view(desk, parent, begun_at, waits), desk.policy, desk.margins)
        if isinstance(command, Finish):
            return _finish(desk, parent, command)
        if isinstance(command, Place):
            if send_child(desk, parent, command):
                continue
            command = Wait(now + _retry(desk, waits), "not sent")
        if isinstance(command, CancelChild):
            cancel_child(desk, parent, command)
            continue
        wake_at = command.until if until is None else min(command.until, until)
        delay_s = max(desk.clock.wall_delay(wake_at), 0.001)
        is_told = await desk.changed.wait(min(delay_s, WAIT_WALL_S_MAX))
        waits = 0 if is_told or delay_s > WAIT_WALL_S_MAX else waits + 1


def market_view(desk: Desk, parent: ParentOrder, begun_at: datetime, waits: int = 0) -> MarketView:
    """What the planner may see of the world for this parent, now.

    `begun_at`: when this run took the parent up; a rerun after the deadline has the time of a proof, too.
    `waits`: how often in a row it has waited in vain.
    """
    assert parent.opened is not None
    now = desk.clock.now()
    con_id = parent.opened.con_id
    contract = desk.contracts.get(con_id)
    control = desk.ledger.control(con_id, parent.plan.symbol, parent.parent_id)
    halted = control.trading_state is TradingState.HALTED
    return MarketView(
        quote=desk.broker.quote(con_id),
        tick=parent.opened.tick,
        may_send=_why_not(desk, contract, now),
        stop=desk.stop_reason or (f"halted: {control.trading_reason}" if halted else ""),
        cancels_pending=_cancels_pending(desk),
        good_till_max=_good_till_max(desk, parent, contract, now),
        day_volume_share=_elapsed_share(contract, now),
        child_lots_max=_child_lots_max(desk, parent),
        retry=_retry(desk, waits),
        doubt_ends_at=max(parent.opened.deadline_at, begun_at)
        + desk.margins.settle
        + desk.clock.market(PROOF_WALL_S),
    )


def send_child(desk: Desk, parent: ParentOrder, place: Place) -> bool:
    """One child through the gate, the ledger and the socket; False when nothing was sent."""
    if parent.parent_id in desk.never_written.values():
        # the next child may bear the same reference: first what became of the last one
        settle_unwritten(desk)
        return False
    contract = desk.contracts[parent.plan.con_id]
    proposal = _proposal(parent, place)
    view = risk_view(desk, parent, contract)
    valid_for = desk.clock.market(desk.policy.verdict_wall_s)
    verdict = check_child(proposal, view, desk.limits, valid_for)
    if isinstance(verdict, Denied):
        _denied(desk, proposal.order_ref, verdict)
        return False
    events = (_priced(parent, place, proposal), _sending(desk, parent.plan.champion_id, proposal, verdict))
    recorded = desk.ledger.commit_sending(
        desk.lease, parent.seq, events, lambda control: recheck(verdict, control, view, desk.limits)
    )
    if isinstance(recorded, InDoubtCommit):
        desk.never_written[proposal.order_ref] = parent.parent_id
        desk.log("hydra.child.unwritten", order_ref=proposal.order_ref, reason=recorded.reason)
        return False
    if isinstance(recorded, Conflict):
        reload(desk, parent.parent_id)
        desk.log("hydra.child.refused", order_ref=proposal.order_ref, reason=recorded.reason)
        return False
    outcome = desk.broker.place(recorded, contract, verdict)
    reload(desk, parent.parent_id)
    if isinstance(outcome, NotSent):
        append(desk, parent.parent_id, [ChildNotSent(proposal.order_ref, outcome.reason)])
        desk.log("hydra.child.not_sent", order_ref=proposal.order_ref, reason=outcome.reason)
        return False
    desk.sent_at_wall_s[proposal.order_ref] = desk.clock.wall_s()
    desk.log(
        "hydra.child.sent",
        order_ref=proposal.order_ref,
        side=proposal.side.value,
        qty=proposal.qty,
        limit_px=str(proposal.limit_px),
        step=place.slot.step.value,
        good_till=proposal.good_till,
    )
    return True


def cancel_child(desk: Desk, parent: ParentOrder, command: CancelChild) -> bool:
    """Ask for the end of a child we sent; repeated until its end is proven, it changes nothing by itself.

    False when the cancel could not leave.
    """
    child = parent.child(command.order_ref)
    if child is None or child.sending.client_id != desk.broker.client_id:
        desk.cancels_at_wall_s[command.order_ref] = desk.clock.wall_s()
        return False
    if not child.cancel_reason:
        append(desk, parent.parent_id, [ChildCancelRequested(command.order_ref, command.reason)])
    was_sent = desk.broker.cancel(child.sending)
    desk.cancels_at_wall_s[command.order_ref] = desk.clock.wall_s()
    desk.log("hydra.child.cancel_sent", order_ref=command.order_ref, reason=command.reason, sent=was_sent)
    return was_sent


def risk_view(desk: Desk, parent: ParentOrder, contract: Contract) -> RiskView:
    """The gate's view for one more child of this parent."""
    return entry_view(desk, contract, parent.opened.adv_lots if parent.opened else 0, parent)


def entry_view(desk: Desk, contract: Contract, adv_lots: int, parent: ParentOrder) -> RiskView:
    """Everything the gate looks at for one contract, at this instant."""
    return RiskView(
        now=desk.clock.now(),
        control=desk.ledger.control(contract.con_id, contract.symbol, parent.parent_id),
        contract=contract,
        quote=desk.broker.quote(contract.con_id),
        equity_usd=desk.account.equity_usd if desk.account else None,
        adv_lots=adv_lots,
        marks=marks_of(desk),
        usd_per_point=usd_per_point_of(desk),
        worst_trade_usd=desk.worst_trade_usd,
        envelope=envelope_of(desk, parent),
    )


def _proposal(parent: ParentOrder, place: Place) -> ChildProposal:
    assert parent.opened is not None
    return ChildProposal(
        order_ref=order_ref(parent.parent_id, len(parent.children) + 1),
        parent_id=parent.parent_id,
        symbol=parent.plan.symbol,
        con_id=parent.opened.con_id,
        side=parent.opened.side,
        qty=place.qty,
        limit_px=place.limit_px,
        good_till=place.good_till,
    )


def _priced(parent: ParentOrder, place: Place, proposal: ChildProposal) -> ChildPriced:
    assert parent.opened is not None
    predicted = predicted_slippage_px(
        place.spread_px or parent.opened.spread_px,
        place.mid_px,
        parent.opened.sigma_day,
        place.qty,
        parent.opened.adv_lots,
    )
    return ChildPriced(
        order_ref=proposal.order_ref,
        slice_no=place.slot.slice.no,
        step=place.slot.step.value,
        bid_px=place.bid_px,
        ask_px=place.ask_px,
        mid_px=place.mid_px,
        predicted_slippage_bps=in_bps(predicted, place.mid_px).quantize(Decimal("0.0001")),
    )


def _sending(desk: Desk, champion_id: str, proposal: ChildProposal, verdict: Verdict) -> ChildSending:
    return ChildSending(
        order_ref=proposal.order_ref,
        parent=proposal.parent_id,
        con_id=proposal.con_id,
        side=proposal.side,
        qty=proposal.qty,
        limit_px=proposal.limit_px,
        good_till=proposal.good_till,
        client_id=desk.broker.client_id,
        ib_order_id=desk.broker.next_order_id(),
        lease_epoch=desk.lease.epoch,
        verdict=verdict.verdict_id,
        champion_id=champion_id,
        config_hash=desk.identity.config_hash,
        build_id=desk.identity.build_id,
        approver=desk.identity.approver,
    )


def _finish(desk: Desk, parent: ParentOrder, command: Finish) -> ParentOrder:
    """Close the parent, unless it already stands closed in the same words."""
    if parent.opened is None or (parent.status, parent.reason) == (command.status, command.reason):
        return parent
    closed = append(
        desk, parent.parent_id, [ParentClosed(parent.parent_id, command.status.value, command.reason)]
    )
    desk.log("hydra.parent.closed", parent=parent.parent_id, status=closed.status.value, reason=closed.reason)
    return closed


def _denied(desk: Desk, ref: str, verdict: Denied) -> None:
    desk.log("hydra.child.denied", order_ref=ref, reasons=list(verdict.reasons))
    for reason in verdict.reasons:
        if reason.startswith(Reason.MESSAGE_HALT.value):
            halt(desk, EVERYTHING, reason)


def _why_not(desk: Desk, contract: Contract | None, now: datetime) -> str:
    link = desk.broker.link
    if desk.lease_lost:
        return "the lease was lost"
    if not desk.duty.sends:
        return f"role {desk.duty.role} sends no order"
    if not link.is_good:
        return f"link: {link.reason}"
    if desk.connection_seen != link.connection_no:
        return "this connection has no complete snapshot yet"
    if contract is None:
        return "the contract is not qualified"
    if contract.interval_at(now) is None:
        return "the market is closed"
    return ""


def _child_lots_max(desk: Desk, parent: ParentOrder) -> int:
    """The largest child the gate would let pass at the present price; larger slices are cut to it."""
    assert parent.opened is not None
    limits = desk.limits.instruments.get(parent.plan.symbol)
    price = reference_px(desk.broker.quote(parent.opened.con_id))
    if limits is None or price is None:
        return parent.opened.order_qty
    return child_lots_max(price, parent.opened.usd_per_point, limits)


def _retry(desk: Desk, waits: int) -> timedelta:
    """Longer with every wait in vain, but never so long that a step of the ladder could pass by."""
    longer = desk.clock.market(min(RETRY_WALL_S * 2.0 ** min(waits, 10), RETRY_WALL_S_MAX))
    patience = timedelta(seconds=min(desk.policy.ladder_s) / 8)
    return max(desk.clock.market(RETRY_WALL_S), min(longer, patience))


def _cancels_pending(desk: Desk) -> Mapping[str, datetime]:
    """The cancels sent too recently to repeat, and when each may be."""
    now, wall_s = desk.clock.now(), desk.clock.wall_s()
    left = {
        ref: sent_s + desk.policy.cancel_retry_wall_s - wall_s
        for ref, sent_s in desk.cancels_at_wall_s.items()
    }
    return {ref: now + desk.clock.market(left_s) for ref, left_s in left.items() if left_s > 0}


def _good_till_max(desk: Desk, parent: ParentOrder, contract: Contract | None, now: datetime) -> datetime:
    """The earliest end that a child must respect, less the time its proof takes (law 2)."""
    assert parent.opened is not None
    ends = [parent.opened.deadline_at, broker_day_end(desk, now)]
    maintenance = desk.next_maintenance(now)
    if maintenance is not None:
        ends.append(maintenance)
    interval = contract.interval_at(now) if contract else None
    if interval is not None:
        ends.append(interval.closes_at)
    return min(ends) - desk.margins.before_an_end


def _elapsed_share(contract: Contract | None, now: datetime) -> Decimal:
    interval = contract.interval_at(now) if contract else None
    if interval is None:
        return Decimal(0)
    whole = interval.closes_at - interval.opens_at
    return Decimal(str((now - interval.opens_at) / whole)) if whole > timedelta(0) else Decimal(0)


def parents_in_doubt(desk: Desk) -> list[str]:
    return [parent.parent_id for parent in desk.parents.values() if parent.status is ParentStatus.IN_DOUBT]
