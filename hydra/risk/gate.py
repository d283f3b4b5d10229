"""The risk gate: the only place where permission to send comes from.

`check_intent` approves a parent, `check_child` mints the verdict of one child, `recheck` asks again inside
the transaction of the child's `ChildSending`, with the control state read there. All reasons are returned.
"""

from collections.abc import Iterator
from dataclasses import InitVar, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn, final

from hydra.domain.events import ChildSending, TradingState
from hydra.domain.ids import parent_of
from hydra.domain.intent import ChildProposal, OrderIntent
from hydra.domain.quantity import Side
from hydra.risk import market_rules, rules
from hydra.risk.limits import Limits
from hydra.risk.reasons import Reason, because
from hydra.risk.subject import Order, is_lots, is_price
from hydra.risk.view import ControlState, Denied, RiskView

# Whoever holds this object is the gate; tests/unit/risk/test_verdict.py forbids every other mention of it.
_MINT: Final = object()


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """Permission to send exactly this child until `expires_at` (market time); only the gate makes one."""

    verdict_id: str
    order_ref: str
    con_id: int
    side: Side
    qty: int
    limit_px: Decimal
    good_till: datetime
    trading_state: TradingState
    issued_at: datetime
    expires_at: datetime
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not _MINT:
            raise TypeError("a Verdict comes from the risk gate only")

    def __init_subclass__(cls) -> None:
        raise TypeError("a Verdict has no subclasses")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Verdict is neither copied nor stored: ask the gate again")

    def is_live_at(self, now: datetime) -> bool:
        """Whether it still permits: from its issue up to and including its last instant."""
        return self.issued_at <= now <= self.expires_at

    def covers(self, sending: ChildSending) -> tuple[str, ...]:
        """Every field in which the recorded sending is not what was permitted; empty = it covers it."""
        pairs: tuple[tuple[str, object, object], ...] = (
            ("verdict", self.verdict_id, sending.verdict),
            ("order_ref", self.order_ref, sending.order_ref),
            ("con_id", self.con_id, sending.con_id),
            ("side", self.side, sending.side),
            ("qty", self.qty, sending.qty),
            ("limit_px", self.limit_px, sending.limit_px),
            ("good_till", self.good_till, sending.good_till),
        )
        return tuple(
            f"{name}: verdict {ours}, sending {theirs}" for name, ours, theirs in pairs if ours != theirs
        )


@dataclass(frozen=True, slots=True)
class Approved:
    """The gate's yes to an intent as a whole; each of its children still needs a verdict of its own."""

    intent: OrderIntent
    trading_state: TradingState
    checked_at: datetime


def check_intent(intent: OrderIntent, view: RiskView, limits: Limits) -> Approved | Denied:
    """Judge a whole parent: control state, exposure, volume, entries.

    What may pass within seconds (a stale, crossed or halted market) is left to its children's verdicts:
    an intent's denial stands for the session. Its value is taken at the reference price or last mark.
    """
    reasons = list(_intent_faults(intent, view, limits))
    if reasons:
        return Denied(tuple(reasons))
    return Approved(intent, view.control.trading_state, view.now)


def check_child(
    proposal: ChildProposal, view: RiskView, limits: Limits, valid_for: timedelta
) -> Verdict | Denied:
    """Judge one child at the present market; the verdict holds for `valid_for` of market time."""
    reasons = list(_child_faults(proposal, view, limits))
    if reasons:
        return Denied(tuple(reasons))
    return Verdict(
        verdict_id=f"{proposal.order_ref}@{view.now.isoformat()}",
        order_ref=proposal.order_ref,
        con_id=proposal.con_id,
        side=proposal.side,
        qty=proposal.qty,
        limit_px=proposal.limit_px,
        good_till=proposal.good_till,
        trading_state=view.control.trading_state,
        issued_at=view.now,
        expires_at=view.now + valid_for,
        mint=_MINT,
    )


def recheck(verdict: Verdict, control: ControlState, view: RiskView, limits: Limits) -> Denied | None:
    """Ask again with the control state of the transaction that records the sending; None = still yes.

    `view` is the one the verdict was minted from: its prices and equity stand, its control state does not.
    """
    now = replace(view, control=control)
    order = Order(verdict.con_id, view.contract.symbol, verdict.side, verdict.qty, control.exposure)
    if order.symbol not in limits.instruments:
        return Denied((_no_limit(order.symbol),))
    unsound = tuple(rules.contract_faults(verdict.con_id, order.symbol, now))
    if unsound:
        return Denied(unsound)
    reasons = list(_control_faults(order, now, limits, control.entries_session))
    reasons += rules.sent_faults(order, verdict.limit_px, now, limits)
    reasons += rules.envelope_faults(order, verdict.limit_px, control.orders_session, now)
    if control.trading_state is not verdict.trading_state:
        reasons.append(
            because(
                Reason.STATE_CHANGED, f"{control.trading_state}, verdict given in {verdict.trading_state}"
            )
        )
    return Denied(tuple(reasons)) if reasons else None


def _intent_faults(intent: OrderIntent, view: RiskView, limits: Limits) -> Iterator[str]:
    own = limits.instruments.get(intent.symbol)
    if own is None:
        yield _no_limit(intent.symbol)
    unsound = [
        *rules.contract_faults(intent.con_id, intent.symbol, view),
        *_size_faults(intent.side, intent.qty),
    ]
    yield from unsound
    if own is None or unsound:
        return
    order = Order(intent.con_id, intent.symbol, intent.side, intent.qty, view.control.exposure)
    yield from _control_faults(order, view, limits, view.control.entries_session + 1)
    if not order.is_reducing:
        yield from rules.size_faults(order.qty, market_rules.mark_px(view), view.contract, own)
    yield from rules.volume_faults(order, view, own)
    yield from rules.envelope_faults(order, market_rules.mark_px(view), view.control.orders_session + 1, view)


def _child_faults(proposal: ChildProposal, view: RiskView, limits: Limits) -> Iterator[str]:
    own = limits.instruments.get(proposal.symbol)
    if own is None:
        yield _no_limit(proposal.symbol)
    unsound = [*rules.contract_faults(proposal.con_id, proposal.symbol, view), *_form_faults(proposal)]
    yield from unsound
    yield from _good_till_faults(proposal.good_till, view)
    if own is None or unsound:
        return
    order = Order(proposal.con_id, proposal.symbol, proposal.side, proposal.qty, view.control.exposure)
    yield from _control_faults(order, view, limits, view.control.entries_session)
    yield from market_rules.market_faults(view, own)
    yield from market_rules.price_faults(proposal.limit_px, view, own)
    yield from market_rules.spread_faults(order, view, own)
    yield from rules.size_faults(order.qty, proposal.limit_px, view.contract, own)
    yield from rules.volume_faults(order, view, own)
    yield from rules.sent_faults(order, proposal.limit_px, view, limits)
    yield from rules.envelope_faults(order, proposal.limit_px, view.control.orders_session, view)


def _control_faults(order: Order, view: RiskView, limits: Limits, opened: int) -> Iterator[str]:
    """What other writers may have changed meanwhile: asked at the check and again in the transaction."""
    yield from rules.state_faults(order, view.control)
    yield from rules.exposure_faults(order, view, limits)
    yield from rules.breaker_faults(order, view, limits)
    yield from rules.entry_faults(order, opened, limits)
    yield from rules.message_faults(view.control.messages, limits)


def _size_faults(side: object, qty: object) -> Iterator[str]:
    if not isinstance(side, Side):
        yield because(Reason.SIDE_INVALID, f"{side!r} is neither BUY nor SELL")
    if not is_lots(qty):
        yield because(Reason.SIZE_INVALID, f"{qty} lots, must be whole and above zero")


def _form_faults(proposal: ChildProposal) -> Iterator[str]:
    yield from _size_faults(proposal.side, proposal.qty)
    if not is_price(proposal.limit_px):
        yield because(Reason.PRICE_INVALID, f"limit {proposal.limit_px}, must be a finite decimal")
    try:
        parent = parent_of(proposal.order_ref)
    except ValueError as refused:
        yield because(Reason.ORDER_REF_INVALID, str(refused))
        return
    if parent != proposal.parent_id:
        yield because(
            Reason.ORDER_REF_INVALID, f"{proposal.order_ref} is not a child of {proposal.parent_id}"
        )


def _good_till_faults(good_till: datetime, view: RiskView) -> Iterator[str]:
    """A child must die by itself, in the future, and before its market closes."""
    if good_till.tzinfo is None:
        yield because(Reason.GOOD_TILL_INVALID, f"{good_till.isoformat()} has no time zone")
        return
    if good_till <= view.now:
        yield because(
            Reason.GOOD_TILL_INVALID, f"{good_till.isoformat()} is not after {view.now.isoformat()}"
        )
    contract = view.contract
    interval = contract.interval_at(view.now)
    if interval is None:
        if contract.hours:
            yield because(Reason.MARKET_CLOSED, f"{contract.symbol} is not open at {view.now.isoformat()}")
    elif good_till > interval.closes_at:
        yield because(
            Reason.GOOD_TILL_INVALID,
            f"{good_till.isoformat()} is after the close {interval.closes_at.isoformat()}",
        )


def _no_limit(symbol: str) -> str:
    return because(Reason.NO_LIMIT, f"{symbol} has no limits configured: no limit set, no order")
