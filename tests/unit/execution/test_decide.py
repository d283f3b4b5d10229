"""The planner sends one child a step, never what is in doubt, and says why it waits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import (
    Algo,
    ChildCancelled,
    ChildCancelRequested,
    ChildFilled,
    ChildLapsed,
    ChildPriced,
    ChildRejected,
    ChildSending,
    ParentClosed,
    ParentEvent,
    ParentOpened,
    SessionPlanned,
)
from hydra.domain.ids import order_ref
from hydra.domain.market import Quote
from hydra.domain.parent import ParentOrder, ParentStatus, fold_parent
from hydra.domain.quantity import Side
from hydra.execution.decide import CancelChild, Finish, MarketView, Place, Wait, decide
from hydra.execution.plan import plan_slices, slot_at
from hydra.execution.policy import ExecutionPolicy, Margins

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
PARENT = "20261123-ZO-1"
POLICY = ExecutionPolicy(ladder_s=(60.0, 30.0, 15.0))
MARGINS = Margins(
    settle=timedelta(seconds=10),
    cancel_settle=timedelta(seconds=2),
    child_life_min=timedelta(seconds=0.25),
    safety=timedelta(seconds=30),
)
DEADLINE = AT + timedelta(minutes=20)
QUOTE = Quote(1, Decimal("380.00"), 3, Decimal("383.75"), 3, None, Decimal("381.00"), 500, False, AT)


def events(qty: int = 6, algo: Algo = Algo.TWAP) -> list[ParentEvent]:
    slices = plan_slices(PARENT, algo, qty, AT, AT + timedelta(minutes=15), POLICY)
    return [
        SessionPlanned(PARENT, AT.date(), "ZO", 1, qty, 0, Decimal(1_000_000), "b", "c", "h", "t"),
        ParentOpened(
            parent_id=PARENT,
            con_id=1,
            side=Side.BUY,
            order_qty=qty,
            algo=algo,
            start_at=AT,
            deadline_at=DEADLINE,
            slices=slices,
            arrival_px=Decimal("381.75"),
            spread_px=Decimal("3.75"),
            adv_lots=300,
            sigma_day=Decimal("0.017"),
            tick=Decimal("0.25"),
            usd_per_point=Decimal(50),
        ),
    ]


def folded(found: list[ParentEvent]) -> ParentOrder:
    parent = fold_parent((seq, AT, event) for seq, event in enumerate(found, start=1))
    assert parent is not None
    return parent


def sent(no: int, qty: int, at: datetime, parent: ParentOrder) -> list[ParentEvent]:
    assert parent.opened is not None
    slot = slot_at(parent.opened.slices, at, POLICY)
    assert slot is not None
    ref = order_ref(PARENT, no)
    px = Decimal("381.75")
    priced = ChildPriced(ref, slot.slice.no, slot.step.value, None, None, px, Decimal(1))
    child = ChildSending(
        ref, PARENT, 1, Side.BUY, qty, px, slot.end_at, 1, no, 1, f"{ref}@", "c", "h", "b", "t"
    )
    return [priced, child]


def view(quote: Quote | None = QUOTE, may_send: str = "", stop: str = "") -> MarketView:
    return MarketView(
        quote=quote,
        tick=Decimal("0.25"),
        may_send=may_send,
        stop=stop,
        cancels_pending={},
        good_till_max=DEADLINE - timedelta(seconds=40),
        day_volume_share=Decimal(1),
        child_lots_max=50,
        retry=timedelta(seconds=0.25),
        doubt_ends_at=DEADLINE + timedelta(seconds=11),
    )


def command(parent: ParentOrder, at: datetime, seen: MarketView | None = None) -> object:
    return decide(parent, at, seen or view(), POLICY, MARGINS)


def test_the_first_step_of_the_first_slice_is_placed_at_the_mid_and_dies_with_its_step() -> None:
    parent = folded(events())
    placed = command(parent, AT)
    assert isinstance(placed, Place)
    assert (placed.qty, placed.limit_px, placed.mid_px) == (1, Decimal("381.75"), Decimal("381.875"))
    assert placed.good_till == (placed.slot.end_at + timedelta(seconds=5)).replace(microsecond=0)


def test_a_live_child_of_this_step_is_left_alone_and_one_of_an_earlier_step_is_cancelled() -> None:
    base = events()
    parent = folded(base)
    working = folded([*base, *sent(1, 1, AT, parent)])
    assert isinstance(command(working, AT), Wait)
    assert parent.opened is not None
    later = slot_at(parent.opened.slices, AT, POLICY)
    assert later is not None
    over = command(working, later.end_at)
    assert over == CancelChild(order_ref(PARENT, 1), "its step is over")
    repeat_at = later.end_at + timedelta(seconds=5)
    pending = replace(view(), cancels_pending={order_ref(PARENT, 1): repeat_at})
    assert command(working, later.end_at, pending) == Wait(repeat_at, "a child is live")


def test_a_step_has_one_child_even_if_that_one_was_lost() -> None:
    base = events()
    first = sent(1, 1, AT, folded(base))
    parent = folded([*base, *first, ChildCancelled(order_ref(PARENT, 1), "e")])
    waiting = command(parent, AT)
    assert isinstance(waiting, Wait)
    assert waiting.reason == "this step had its child"


def test_a_later_step_never_prices_worse_than_the_one_before() -> None:
    base = events()
    parent = folded([*base, *sent(1, 1, AT, folded(base)), ChildCancelled(order_ref(PARENT, 1), "e")])
    assert parent.opened is not None
    slot = slot_at(parent.opened.slices, AT, POLICY)
    assert slot is not None
    fallen = replace(QUOTE, bid_px=Decimal("375.00"), ask_px=Decimal("390.00"))
    placed = command(parent, slot.end_at, view(fallen))
    assert isinstance(placed, Place)
    assert placed.limit_px == Decimal("389.75")
    dropped = replace(QUOTE, bid_px=Decimal("370.00"), ask_px=Decimal("371.00"))
    placed = command(parent, slot.end_at, view(dropped))
    assert isinstance(placed, Place)
    assert placed.limit_px == Decimal("371.00")


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (view(may_send="link: 1100"), "link: 1100"),
        (view(quote=None), "no quote"),
        (view(quote=replace(QUOTE, halted=True)), "no quote"),
        (view(quote=replace(QUOTE, bid_px=None, ask_px=None)), "no price on either side of the book"),
        (replace(view(), good_till_max=AT), "too late in this step"),
        (replace(view(), child_lots_max=0), "nothing to do in this slice"),
    ],
    ids=["link", "no quote", "halted", "empty book", "too late", "gate too small"],
)
def test_what_forbids_a_child_is_waited_for_and_named(seen: MarketView, reason: str) -> None:
    waiting = command(folded(events()), AT, seen)
    assert isinstance(waiting, Wait)
    assert waiting.reason == reason
    assert waiting.until > AT


def test_lots_are_capped_by_what_the_market_trades() -> None:
    parent = folded(events(60))
    placed = command(parent, AT)
    assert isinstance(placed, Place)
    assert placed.qty == 12
    thin = replace(view(), quote=replace(QUOTE, volume=40), day_volume_share=Decimal("0.1"))
    placed = command(parent, AT, thin)
    assert isinstance(placed, Place)
    assert placed.qty == 2
    empty = replace(view(), quote=replace(QUOTE, volume=0), day_volume_share=Decimal(0))
    placed = command(parent, AT, empty)
    assert isinstance(placed, Place)
    assert placed.qty == 1


def test_a_stop_cancels_what_lives_and_then_ends_with_its_reason() -> None:
    base = events()
    working = folded([*base, *sent(1, 1, AT, folded(base))])
    stopped = view(stop="halted: by ann")
    assert command(working, AT, stopped) == CancelChild(order_ref(PARENT, 1), "halted: by ann")
    idle = folded(base)
    assert command(idle, AT, stopped) == Finish(ParentStatus.REMAINDER, "halted: by ann")


def test_the_end_of_the_plan_is_a_remainder_and_doubt_past_the_deadline_is_in_doubt() -> None:
    base = events()
    idle = folded(base)
    assert idle.opened is not None
    end = idle.opened.slices[-1].end_at
    finished = command(idle, end)
    assert isinstance(finished, Finish)
    assert finished.status is ParentStatus.REMAINDER
    assert finished.reason.startswith("6 of 6 lots left")
    working = folded([*base, *sent(1, 1, AT, idle), ChildCancelRequested(order_ref(PARENT, 1), "x")])
    pending = replace(view(), cancels_pending={order_ref(PARENT, 1): DEADLINE + timedelta(seconds=20)})
    assert command(working, DEADLINE, pending) == Wait(pending.doubt_ends_at, "a child is live")
    doubtful = command(working, DEADLINE + timedelta(seconds=11), pending)
    assert isinstance(doubtful, Finish)
    assert doubtful.status is ParentStatus.IN_DOUBT


def test_a_rerun_leaves_the_reason_of_a_remainder_as_the_run_that_ended_it_knew_it() -> None:
    idle = folded(events())
    assert idle.opened is not None
    end = idle.opened.slices[-1].end_at
    cut = command(idle, end, view(may_send="link: the gateway is away"))
    assert isinstance(cut, Finish)
    assert cut.reason.endswith("link: the gateway is away")
    closed = folded([*events(), ParentClosed(PARENT, cut.status.value, cut.reason)])
    assert command(closed, end + timedelta(minutes=30)) == cut


@pytest.mark.parametrize("end", [ChildRejected, ChildLapsed])
def test_a_remainder_whose_orders_all_failed_at_the_broker_does_not_blame_the_market(end: type) -> None:
    """A gateway that is read-only answers 321 to each: proven never live, one after the other."""
    base = events()
    ref = order_ref(PARENT, 1)
    over = end(ref, 201, "x") if end is ChildRejected else end(ref, "x")
    parent = folded([*base, *sent(1, 1, AT, folded(base)), over])
    assert parent.opened is not None
    finished = command(parent, parent.opened.slices[-1].end_at)
    assert isinstance(finished, Finish)
    assert finished.reason.endswith(
        "the broker took none of its orders (1); `hydra doctor` looks for the reason"
    )


def test_a_stopped_session_that_is_run_again_works_what_is_left_of_its_plan() -> None:
    parent = folded([*events(), ParentClosed(PARENT, "REMAINDER", "cancelled by ann")])
    assert isinstance(command(parent, AT), Place)


def test_a_bust_is_never_traded_again_by_itself() -> None:
    base = events(2, Algo.LADDER)
    ref = order_ref(PARENT, 1)
    fill = ChildFilled(ref, "e.01", "e", 1, 1, Side.BUY, 2, Decimal(380), AT)
    bust = replace(fill, exec_id="e.02", revision=2, last_qty=0)
    parent = folded([*base, *sent(1, 2, AT, folded(base)), fill, bust])
    assert parent.cum_qty == 0
    assert command(parent, AT + timedelta(minutes=3)) == Finish(ParentStatus.FILLED, "")


@given(
    st.integers(1, 40),
    st.sampled_from(Algo),
    st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 3), st.booleans()), max_size=40),
)
def test_done_and_in_doubt_never_exceed_the_order_whatever_fills_and_whatever_is_lost(
    qty: int, algo: Algo, story: list[tuple[int, int, bool]]
) -> None:
    """A market that fills some lots of each child, and proves its end or leaves it in doubt."""
    found, no = events(qty, algo), 0
    for seconds, lots, is_proven in sorted(story):
        parent = folded(found)
        placed = command(parent, AT + timedelta(seconds=seconds))
        if isinstance(placed, CancelChild) and is_proven:
            found.append(ChildCancelled(placed.order_ref, "e"))
        if not isinstance(placed, Place):
            continue
        no += 1
        ref = order_ref(PARENT, no)
        found += [
            ChildPriced(
                ref, placed.slot.slice.no, placed.slot.step.value, None, None, placed.mid_px, Decimal(1)
            ),
            ChildSending(
                ref,
                PARENT,
                1,
                Side.BUY,
                placed.qty,
                placed.limit_px,
                placed.good_till,
                1,
                no,
                1,
                ref,
                "c",
                "h",
                "b",
                "t",
            ),
        ]
        filled = min(lots, placed.qty)
        if filled:
            found.append(ChildFilled(ref, f"{ref}.01", ref, 1, 1, Side.BUY, filled, placed.limit_px, AT))
        if is_proven and filled < placed.qty:
            found.append(ChildCancelled(ref, "e"))
        parent = folded(found)
        assert parent.cum_qty + parent.reserved_qty <= qty
        steps = [(c.priced.slice_no, c.priced.step) for c in parent.children if c.priced]
        assert len(steps) == len(set(steps))
