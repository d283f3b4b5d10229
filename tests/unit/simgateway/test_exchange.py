import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from hydra.simgateway.calendar import SessionState, segments
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.exchange import (
    Exchange,
    MarketEvent,
    OrderFilled,
    QuoteChanged,
    SessionChanged,
    TradePrinted,
)
from hydra.simgateway.history import DailyBar
from tests.unit.simgateway.observation import SESSION, day_session, exchange, nearby

ZO = nearby("ZO")
OPENS, CLOSES = day_session(ZO)
NOON = OPENS + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def fills(events: list[MarketEvent], key: int) -> list[OrderFilled]:
    return [e for e in events if isinstance(e, OrderFilled) and e.key == key]


def two_sided(seed: int, contract: SimContract = ZO, at: datetime = NOON) -> Exchange:
    """A watched market in the middle of its day that shows both sides."""
    venue = exchange(seed, at)
    venue.watch(contract.con_id)
    while None in (venue.quote(contract.con_id).bid, venue.quote(contract.con_id).ask):
        venue.advance(venue.now + MINUTE / 4)
    return venue


@pytest.mark.parametrize("seed", range(12))
def test_an_order_behind_n_lots_fills_only_after_n_lots_traded_or_left_there(seed: int) -> None:
    venue = two_sided(seed)
    bid = venue.quote(ZO.con_id).bid
    assert bid is not None
    venue.submit(1, ZO.con_id, "BUY", 2, bid, venue.now)
    ahead = venue.queue_ahead(1)
    assert ahead >= 1
    end = venue.now + timedelta(hours=2)
    while (at := venue.next_event_at()) is not None and at <= end:
        events = venue.advance(at)
        traded = sum(e.qty for e in events if isinstance(e, TradePrinted) and e.price == bid)
        own = fills(events, 1)
        assert sum(f.qty for f in own) <= max(0, traded - ahead)
        assert all(f.price == bid for f in own)
        if own:
            return
        assert venue.queue_ahead(1) <= ahead  # nobody gets in front
        ahead = venue.queue_ahead(1)
    assert venue.open_qty(1) == 2


def test_an_own_order_behind_three_lots_of_an_own_earlier_one_waits_for_exactly_three() -> None:
    """Provoked at a price of our own inside the spread, so that only we rest there."""
    venue = two_sided(3)
    quote = venue.quote(ZO.con_id)
    assert quote.bid is not None
    price = quote.bid + ZO.tick
    venue.submit(1, ZO.con_id, "BUY", 3, price, venue.now)
    venue.submit(2, ZO.con_id, "BUY", 1, price, venue.now)
    assert venue.queue_ahead(2) == 3
    assert [f.key for f in _fills(venue.submit(3, ZO.con_id, "SELL", 3, price, venue.now))] == [1, 3]
    assert venue.open_qty(2) == 1
    assert [f.key for f in _fills(venue.submit(4, ZO.con_id, "SELL", 1, price, venue.now))] == [2, 4]


def _fills(events: list[MarketEvent]) -> list[OrderFilled]:
    return [e for e in events if isinstance(e, OrderFilled)]


def test_crossing_the_far_touch_fills_at_once_against_what_is_shown_and_rests_the_remainder() -> None:
    venue = two_sided(5)
    quote = venue.quote(ZO.con_id)
    assert quote.ask is not None
    events = venue.submit(1, ZO.con_id, "BUY", quote.ask_size + 2, quote.ask, venue.now)
    done = fills(events, 1)
    assert sum(f.qty for f in done) == quote.ask_size
    assert done[-1].leaves_qty == 2
    assert {f.price for f in done} == {quote.ask}
    assert venue.quote(ZO.con_id).bid == quote.ask
    assert venue.queue_ahead(1) == 0


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_market_order_walks_the_book_within_its_protection(side: str) -> None:
    venue = two_sided(6)
    quote = venue.quote(ZO.con_id)
    touch = quote.ask if side == "BUY" else quote.bid
    assert touch is not None
    events = venue.submit(1, ZO.con_id, side, 500, None, venue.now)
    prices = [f.price for f in fills(events, 1)]
    assert len(set(prices)) > 1
    assert all(abs(price - touch) <= 30 * ZO.tick for price in prices)
    assert venue.open_qty(1) > 0


@pytest.mark.parametrize(("symbol", "lots"), [("ZO", 12), ("HE", 30), ("ZR", 10), ("OJ", 10)])
def test_a_patient_ladder_reaches_its_target_within_forty_minutes(symbol: str, lots: int) -> None:
    done = sum(ladder(symbol, lots, seed) for seed in range(6))
    assert done >= 0.95 * 6 * lots


def ladder(symbol: str, lots: int, seed: int) -> int:
    """Five slices of eight minutes: at mid, one tick inside the far touch, at the far touch; lots filled."""
    contract = nearby(symbol)
    venue = two_sided(seed, contract, day_session(contract)[0] + timedelta(hours=1))
    left, key = 0, 0
    for n in range(5):
        left += lots // 5 + (n < lots % 5)
        for minutes, inside in ((3, None), (3, 1), (2, 0)):
            quote, end = venue.quote(contract.con_id), venue.now + timedelta(minutes=minutes)
            if left and quote.bid is not None and quote.ask is not None:
                middle = (quote.bid + quote.ask) / 2 // contract.tick * contract.tick
                key += 1
                price = middle if inside is None else quote.ask - inside * contract.tick
                venue.submit(key, contract.con_id, "BUY", left, price, venue.now)
                left = venue.cancel(key, end)
            venue.advance(end)
    return lots - left


def test_only_less_at_the_same_price_keeps_the_place_in_the_queue() -> None:
    venue = two_sided(8)
    quote = venue.quote(ZO.con_id)
    assert quote.bid is not None
    price, at = quote.bid + ZO.tick, venue.now
    for key in (1, 2):
        venue.submit(key, ZO.con_id, "BUY", 3, price, at)
    venue.replace(1, 2, price, at)
    assert (venue.queue_ahead(1), venue.open_qty(1), venue.queue_ahead(2)) == (0, 2, 2)
    venue.replace(1, 4, price, at)
    assert (venue.queue_ahead(2), venue.queue_ahead(1)) == (0, 3)
    venue.replace(2, 3, price + ZO.tick, at)
    venue.replace(2, 3, price, at)
    assert (venue.queue_ahead(1), venue.queue_ahead(2)) == (0, 4)


def test_a_modify_across_the_spread_trades_and_one_of_a_gone_order_does_nothing() -> None:
    venue = two_sided(9)
    quote = venue.quote(ZO.con_id)
    assert quote.bid is not None
    assert quote.ask is not None
    venue.submit(1, ZO.con_id, "BUY", 1, quote.bid - 5 * ZO.tick, venue.now)
    assert [f.price for f in fills(venue.replace(1, 1, quote.ask, venue.now), 1)] == [quote.ask]
    assert venue.replace(1, 1, quote.ask, venue.now) == []
    assert venue.replace(99, 1, quote.ask, venue.now) == []
    assert venue.cancel(1, venue.now) == 0


def test_a_cancel_returns_the_remainder_and_the_next_advance_tells_what_happened_before_it() -> None:
    venue = two_sided(10)
    quote = venue.quote(ZO.con_id)
    assert quote.bid is not None
    at_once = fills(venue.submit(1, ZO.con_id, "BUY", 40, quote.bid + 4 * ZO.tick, venue.now), 1)
    assert at_once == []
    later = venue.now + timedelta(minutes=30)
    left = venue.cancel(1, later)
    assert venue.next_event_at() == later
    done = sum(f.qty for f in fills(venue.advance(later), 1))
    assert 0 < done == 40 - left
    assert fills(venue.advance(later + timedelta(hours=1)), 1) == []


def test_orders_queue_while_closed_and_meet_the_opening_at_the_crowds_prices() -> None:
    evening = OPENS - timedelta(minutes=40)
    venue = exchange(4, evening)
    venue.watch(ZO.con_id)
    fair = venue.quote(ZO.con_id).close
    assert venue.submit(1, ZO.con_id, "BUY", 2, fair + 80 * ZO.tick - 20 * ZO.tick, evening) == []
    assert venue.submit(2, ZO.con_id, "SELL", 1, None, evening) == []
    waiting = venue.advance(OPENS - timedelta(seconds=1))
    assert [e.state for e in waiting if isinstance(e, SessionChanged)] == [SessionState.PRE_OPEN]
    assert venue.quote(ZO.con_id).bid is None
    events = venue.advance(OPENS)
    assert [e.state for e in events if isinstance(e, SessionChanged)] == [SessionState.OPEN]
    bought, sold = fills(events, 1), fills(events, 2)
    assert sum(f.qty for f in bought) == 2
    assert sum(f.qty for f in sold) == 1
    assert all(f.price < fair + 50 * ZO.tick for f in bought)  # the offers' prices, not our limit


def test_at_the_close_the_crowd_leaves_and_client_orders_wait_for_the_next_opening() -> None:
    venue = two_sided(2, at=CLOSES - timedelta(minutes=5))
    quote = venue.quote(ZO.con_id)
    assert quote.bid is not None
    venue.submit(1, ZO.con_id, "BUY", 1, quote.bid - 60 * ZO.tick, venue.now)
    events = venue.advance(CLOSES)
    assert [e.state for e in events if isinstance(e, SessionChanged)] == [SessionState.CLOSED]
    after = venue.quote(ZO.con_id)
    assert (after.bid, after.ask) == (None, None)
    assert after.volume > 0  # the day stays on the screen
    assert venue.open_qty(1) == 1
    evening = segments(ZO, date(2026, 10, 15))[0][0]
    venue.advance(evening - timedelta(minutes=29))
    assert venue.quote(ZO.con_id).volume == 0
    assert venue.quote(ZO.con_id).close != quote.close


def test_a_halt_stops_matching_and_a_resume_may_gap() -> None:
    venue = two_sided(12)
    before = venue.quote(ZO.con_id)
    assert before.bid is not None
    venue.submit(1, ZO.con_id, "BUY", 1, before.bid - 20 * ZO.tick, venue.now)
    halted = venue.halt(ZO.con_id, venue.now)
    assert [e.state for e in halted if isinstance(e, SessionChanged)] == [SessionState.HALTED]
    assert venue.quote(ZO.con_id).halted
    assert venue.quote(ZO.con_id).bid is None
    assert venue.submit(2, ZO.con_id, "SELL", 1, None, venue.now) == []
    assert _fills(venue.advance(venue.now + 5 * MINUTE)) == []
    events = venue.resume(ZO.con_id, venue.now, gap_ticks=-60)
    assert [e.state for e in events if isinstance(e, SessionChanged)] == [SessionState.OPEN]
    assert [f.qty for f in fills(events, 1)] == [1]
    assert fills(events, 1)[0].price < before.bid - 20 * ZO.tick  # the gapped offer's price, not our limit
    assert [f.qty for f in fills(events, 2)] == [1]


def test_events_come_in_time_order_and_only_when_something_changed() -> None:
    venue = exchange(1, OPENS - MINUTE)
    for symbol in ("ZO", "GF", "OJ"):
        venue.watch(nearby(symbol).con_id)
    events = venue.advance(OPENS + timedelta(hours=1))
    assert [e.at for e in events] == sorted(e.at for e in events)
    for symbol in ("ZO", "GF", "OJ"):
        quotes = [
            e.quote for e in events if isinstance(e, QuoteChanged) and e.con_id == nearby(symbol).con_id
        ]
        shown = [(q.bid, q.bid_size, q.ask, q.ask_size, q.volume, q.last) for q in quotes]
        assert all(one != two for one, two in pairwise(shown))
        assert all(q.bid < q.ask for q in quotes if q.bid is not None and q.ask is not None)


def test_advancing_in_steps_to_each_next_event_tells_the_same_story_as_one_leap() -> None:
    leap, steps = two_sided(13), two_sided(13)
    end = NOON + timedelta(minutes=30)
    told: list[MarketEvent] = []
    while (at := steps.next_event_at()) is not None and at <= end:
        told.extend(steps.advance(at))
    assert told == leap.advance(end)
    assert len(told) > 50


def test_adding_instruments_or_orders_elsewhere_does_not_change_a_contracts_events() -> None:
    def story(others: tuple[str, ...]) -> list[MarketEvent]:
        venue = exchange(21, NOON)
        venue.watch(ZO.con_id)
        for symbol in others:
            venue.watch(nearby(symbol).con_id)
            venue.submit(1, nearby(symbol).con_id, "BUY", 3, None, NOON)
        events = venue.advance(NOON + timedelta(hours=1))
        return [e for e in events if e.con_id == ZO.con_id]

    alone = story(())
    assert alone
    assert story(("OJ",)) == alone
    lonely = Exchange([ZO], seed=21, start=NOON)
    lonely.watch(ZO.con_id)
    assert lonely.advance(NOON + timedelta(hours=1)) == alone


def test_a_restart_finds_prices_where_they_were() -> None:
    first = two_sided(17)
    first.advance(NOON + timedelta(hours=1))
    again = two_sided(17, at=NOON + timedelta(hours=1))
    one, two = first.quote(ZO.con_id), again.quote(ZO.con_id)
    assert one.close == two.close
    assert one.bid is not None
    assert two.bid is not None
    assert abs(one.bid - two.bid) < 30 * ZO.tick
    assert 0.3 < (two.volume + 20) / (one.volume + 20) < 3


def test_unwatched_markets_are_brought_to_the_present_when_asked() -> None:
    venue = exchange(5, NOON)
    early = venue.quote(ZO.con_id)
    assert venue.advance(NOON + timedelta(hours=1)) == []
    assert venue.next_event_at() is None
    late = venue.quote(ZO.con_id)
    assert late.at > early.at
    assert late.volume > early.volume


def test_zero_and_negative_prices_trade() -> None:
    day = SESSION
    bars = [
        DailyBar(date(2026, 10, 13), Decimal(2), Decimal(3), Decimal(1), Decimal(2), 400),
        DailyBar(day, Decimal(2), Decimal(3), Decimal(-12), Decimal(-10), 400),
    ]
    venue = exchange(3, OPENS, bars={"ZO": bars})
    venue.watch(ZO.con_id)
    events = venue.advance(CLOSES - MINUTE)
    prices = [e.price for e in events if isinstance(e, TradePrinted)]
    assert min(prices) < 0 < max(prices)
    sold = venue.submit(1, ZO.con_id, "SELL", 1, None, venue.now)
    bought = venue.submit(2, ZO.con_id, "BUY", 1, Decimal(0), venue.now)
    assert all(f.price < 0 for f in _fills(sold + bought))
    assert _fills(sold)


@pytest.mark.parametrize(
    ("key", "side", "qty", "price"),
    [(0, "BUY", 1, "300"), (1, "HOLD", 1, "300"), (1, "BUY", 0, "300"), (1, "BUY", 1, "300.1")],
)
def test_orders_that_no_exchange_takes_are_refused_before_they_touch_the_book(
    key: int, side: str, qty: int, price: str
) -> None:
    venue = exchange(1, NOON)
    with pytest.raises(ValueError):
        venue.submit(key, ZO.con_id, side, qty, Decimal(price), NOON)


def test_a_day_of_six_watched_fronts_takes_under_two_seconds_and_a_small_world_ten_milliseconds() -> None:
    begin = time.process_time()
    venue = exchange(5, OPENS - timedelta(hours=14))
    for symbol in ("ZO", "HE", "LE", "GF", "ZR", "OJ"):
        venue.watch(nearby(symbol).con_id)
    events = venue.advance(CLOSES + timedelta(hours=1))
    assert time.process_time() - begin < 2 * _SLACK
    assert 5_000 < len(events) < 80_000
    spent: list[float] = []
    for seed in range(5):
        begin = time.process_time()
        two_sided(seed).advance(NOON + timedelta(minutes=15))
        spent.append(time.process_time() - begin)
    assert min(spent) < 0.010 * _SLACK


_SLACK = 2  # a shared machine at half its speed is no defect of ours
