"""The planner: from a parent's state, the instant and the market, the next command. Nothing else decides.

At most one child lives per parent, and at most one is ever sent per step: a step lost to doubt, refusal or
denial is not run again (the ladder is anchored to absolute times), which also bounds the messages a parent
can cause.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from hydra.domain.market import Quote
from hydra.domain.order import ChildOrder, ChildState
from hydra.domain.parent import ParentOrder, ParentStatus
from hydra.domain.quantity import Side
from hydra.execution.plan import LadderStep, Slot, next_start, slot_at
from hydra.execution.policy import ExecutionPolicy, Margins
from hydra.execution.pricing import step_price


@dataclass(frozen=True, slots=True)
class Place:
    """Send one child of this quantity at this price, dead at good_till."""

    slot: Slot
    qty: int
    limit_px: Decimal
    mid_px: Decimal
    good_till: datetime
    bid_px: Decimal | None
    ask_px: Decimal | None

    @property
    def spread_px(self) -> Decimal | None:
        return None if self.bid_px is None or self.ask_px is None else self.ask_px - self.bid_px


@dataclass(frozen=True, slots=True)
class CancelChild:
    """Ask the broker to cancel a live child (repeatable: it changes nothing until proven)."""

    order_ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this instant, unless something is reported."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Close the parent with this status."""

    status: ParentStatus
    reason: str


Command = Place | CancelChild | Wait | Finish


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the planner may look at besides the parent.

    `may_send` is empty when new children are allowed, else the reason why not; `stop` is the reason to end
    all work now (session cancelled, trading halted); `cancels_pending` are the children whose cancel was
    sent too recently to repeat, and when it may be; `good_till_max` is the earliest end that any child must
    respect; `day_volume_share` is the elapsed share of the trading day, `child_lots_max` what the gate lets
    pass at once; `retry` is how long to wait for what nobody reports.
    """

    quote: Quote | None
    tick: Decimal
    may_send: str
    stop: str
    cancels_pending: Mapping[str, datetime]
    good_till_max: datetime
    day_volume_share: Decimal
    child_lots_max: int
    retry: timedelta
    doubt_ends_at: datetime


def decide(
    parent: ParentOrder, now: datetime, view: MarketView, policy: ExecutionPolicy, margins: Margins
) -> Command:
    """The next command for an open parent."""
    opened = parent.opened
    if opened is None or parent.status is ParentStatus.FILLED:
        return Finish(parent.status, parent.reason)
    slot = slot_at(opened.slices, now, policy)
    for child in parent.live_children:
        why = _why_cancel(parent, child, slot, view)
        if why and child.order_ref not in view.cancels_pending:
            return CancelChild(child.order_ref, why)
    if parent.live_children:
        return _await_children(parent, now, slot, view)
    if parent.gross_qty >= opened.order_qty:
        return Finish(ParentStatus.FILLED, "")
    if view.stop:
        return Finish(ParentStatus.REMAINDER, view.stop)
    if slot is None:
        start = next_start(opened.slices, now)
        if start is None:
            return Finish(ParentStatus.REMAINDER, _remainder_reason(parent, view))
        return Wait(start, "before the next slice")
    return _place_in(parent, now, slot, view, policy, margins)


def _await_children(parent: ParentOrder, now: datetime, slot: Slot | None, view: MarketView) -> Command:
    if now >= view.doubt_ends_at:
        refs = ", ".join(child.order_ref for child in parent.live_children)
        return Finish(ParentStatus.IN_DOUBT, f"not proven at the deadline: {refs}")
    ends = [view.doubt_ends_at] if slot is None else [view.doubt_ends_at, slot.end_at]
    repeats = [
        view.cancels_pending[child.order_ref]
        for child in parent.live_children
        if child.order_ref in view.cancels_pending
    ]
    return Wait(min(*ends, *repeats), "a child is live")


def _why_cancel(parent: ParentOrder, child: ChildOrder, slot: Slot | None, view: MarketView) -> str:
    if view.stop:
        return view.stop
    if slot is None:
        return "its step is over"
    if child.priced is None or (child.priced.slice_no, child.priced.step) != (slot.slice.no, slot.step):
        return "its step is over"
    if parent.gross_qty + parent.reserved_qty > parent.order_qty:
        return "the parent is overfilled"
    return ""


def _place_in(
    parent: ParentOrder,
    now: datetime,
    slot: Slot,
    view: MarketView,
    policy: ExecutionPolicy,
    margins: Margins,
) -> Command:
    """A new child for this step, or the wait until something changes."""
    qty = _quantity(parent, slot, view, policy)
    if qty <= 0:
        return Wait(slot.end_at, "nothing to do in this slice")
    if _tried(parent, slot):
        return Wait(slot.end_at, "this step had its child")
    if view.may_send:
        return Wait(min(slot.end_at, now + view.retry), view.may_send)
    if parent_gross_sent(parent.children) + qty > policy.gross_factor_max * parent.order_qty:
        return Wait(slot.end_at, "gross quantity sent is at its limit")
    good_till = _whole_second(min(slot.end_at + timedelta(seconds=policy.child_grace_s), view.good_till_max))
    if good_till - now < margins.child_life_min:
        return Wait(slot.end_at, "too late in this step")
    quote = view.quote
    if quote is None or quote.halted:
        return Wait(min(slot.end_at, now + view.retry), "no quote")
    price = step_price(slot.step, _side(parent), quote, view.tick, _earlier_price(parent, slot))
    mid = quote.mid_px if quote.mid_px is not None else price
    if price is None or mid is None:
        return Wait(min(slot.end_at, now + view.retry), "no price on either side of the book")
    return Place(slot, qty, price, mid, good_till, quote.bid_px, quote.ask_px)


def _quantity(parent: ParentOrder, slot: Slot, view: MarketView, policy: ExecutionPolicy) -> int:
    """Lots still wanted by the end of this slice, within the participation cap, never those in doubt."""
    assert parent.opened is not None
    wanted = slot.slice.cum_target - parent.gross_qty - parent.reserved_qty
    live_volume = view.quote.volume if view.quote else 0
    reference = max(Decimal(live_volume), parent.opened.adv_lots * view.day_volume_share)
    cap = max(1, int(Decimal(str(policy.participation_rate)) * reference))
    return min(wanted, cap, view.child_lots_max)


def _tried(parent: ParentOrder, slot: Slot) -> bool:
    return any(
        child.priced is not None and (child.priced.slice_no, child.priced.step) == (slot.slice.no, slot.step)
        for child in parent.children
    )


def _earlier_price(parent: ParentOrder, slot: Slot) -> Decimal | None:
    """The last price of an earlier step in the same slice."""
    prices = [
        child.sending.limit_px
        for child in parent.children
        if child.priced is not None and child.priced.slice_no == slot.slice.no
    ]
    return prices[-1] if prices and slot.step is not LadderStep.MID else None


def parent_gross_sent(children: Iterable[ChildOrder]) -> int:
    """Lots of all children ever sent, whatever became of them."""
    return sum(child.sending.qty for child in children)


def _remainder_reason(parent: ParentOrder, view: MarketView) -> str:
    assert parent.opened is not None
    left = f"{parent.order_qty - parent.gross_qty} of {parent.order_qty} lots left"
    if parent.status is ParentStatus.REMAINDER and parent.reason.startswith(left):
        return parent.reason  # a rerun knows no better why than the run that ended it
    cause = view.may_send or _why_unfilled(parent)
    deadline = f"{parent.opened.deadline_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{left}, the plan ended by its deadline {deadline}: {cause}"


def _why_unfilled(parent: ParentOrder) -> str:
    ends = Counter(child.state for child in parent.children)
    refused = ends[ChildState.REJECTED] + ends[ChildState.LAPSED]
    if refused and refused == ends.total():
        return f"the broker took none of its orders ({refused}); `hydra doctor` looks for the reason"
    return "the market did not fill it inside the plan"


def _side(parent: ParentOrder) -> Side:
    assert parent.opened is not None
    return parent.opened.side


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
