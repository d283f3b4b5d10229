"""The crowd against measured facts of thin futures (half-spreads, volumes, empty hours)."""

import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean, median

import pytest

from hydra.simgateway.book import BUY, SELL
from hydra.simgateway.calendar import next_trade_date
from hydra.simgateway.dayprice import DayPrice, to_datetime, to_us
from hydra.simgateway.events import OrderFilled, QuoteChanged, TradePrinted
from hydra.simgateway.exchange import Exchange
from hydra.simgateway.market import Market
from hydra.simgateway.path import PricePath
from hydra.simgateway.replay import DailyBar
from tests.unit.simgateway.observation import SESSION, day_session, exchange, nearby, observe

# Half-spread in ticks and median lots a day, from published spread costs and ten years of daily volumes.
FACTS = {"HE": (1.0, 14310), "LE": (0.7, 21198), "GF": (1.6, 2853), "ZR": (4.4, 446), "OJ": (21.5, 712)}


def test_over_twenty_seeds_the_half_spread_of_oats_is_within_a_quarter_of_the_measured_7_2_ticks() -> None:
    days = [observe(nearby("ZO"), seed) for seed in range(20)]
    assert fmean(day.half_spread_ticks for day in days) == pytest.approx(7.2, rel=0.25)
    assert 150 <= median(day.volume for day in days) <= 600
    sizes = [q.bid_size for day in days for q in day.quotes if q.bid_size]
    assert 1 <= median(sizes) <= 5
    assert fmean(1 <= size <= 5 for size in sizes) > 0.85  # two makers may meet at one price


@pytest.mark.parametrize("symbol", FACTS)
def test_half_spread_and_volume_of_the_other_symbols_are_of_the_measured_size(symbol: str) -> None:
    spread, lots = FACTS[symbol]
    days = [observe(nearby(symbol), seed) for seed in range(5)]
    assert fmean(day.half_spread_ticks for day in days) == pytest.approx(spread, rel=0.25)
    assert lots / 3 < median(day.volume for day in days) < lots * 3


def test_about_half_of_the_back_months_hours_see_no_print_and_none_of_the_fronts() -> None:
    empty: dict[int, list[bool]] = {0: [], 1: [], 2: []}
    for rank, hours in empty.items():
        contract = nearby("ZO", rank)
        opens, _ = day_session(contract)
        for seed in range(12):
            venue = exchange(seed, opens)
            venue.watch(contract.con_id)
            for hour in range(1, 5):
                events = venue.advance(opens + timedelta(hours=hour))
                hours.append(not any(isinstance(e, TradePrinted) for e in events))
    assert fmean(empty[0]) < 0.02
    assert 0.3 < fmean(empty[1]) < 0.7
    assert fmean(empty[2]) > 0.8


def test_a_large_buyer_moves_the_price_and_the_mark_fades_within_the_hour() -> None:
    contract = nearby("ZO")
    opens, _ = day_session(contract)

    def middle(venue: Exchange) -> float:
        quote = venue.quote(contract.con_id)
        return float((quote.bid or quote.close) + (quote.ask or quote.close)) / 2 / float(contract.tick)

    soon, late = [], []
    for seed in range(12):
        quiet, hit = (exchange(seed, opens + timedelta(hours=1)) for _ in range(2))
        for venue in (quiet, hit):
            venue.watch(contract.con_id)
        bought = hit.submit(1, contract.con_id, "BUY", 15, None, hit.now)
        hit.cancel(1, hit.now)
        assert any(isinstance(e, OrderFilled) for e in bought)
        for minutes, seen in ((3, soon), (60, late)):
            at = opens + timedelta(hours=1, minutes=minutes)
            quiet.advance(at)
            hit.advance(at)
            seen.append(middle(hit) - middle(quiet))
    assert median(soon) > 0.5
    assert abs(median(late)) < median(soon)


def test_one_sided_and_empty_books_happen_but_are_the_exception_in_the_front() -> None:
    front = [observe(nearby("ZO"), seed) for seed in range(8)]
    back = [observe(nearby("ZO", 1), seed) for seed in range(8)]
    assert 0 < fmean(day.one_sided for day in front) < 0.06
    assert 0 < fmean(day.empty for day in front) < 0.06
    assert fmean(day.one_sided + day.empty for day in back) > 0.1


def test_makers_withdraw_before_a_jump_and_come_back_after_it() -> None:
    before, early, after = [], [], []
    for seed in range(120):
        path = PricePath(nearby("ZO"), seed)
        day = DayPrice(path, SESSION)
        opens, closes = day_session(path.contract)
        if day.jump_at is None or not opens + timedelta(minutes=20) < to_datetime(day.jump_at) < closes:
            continue
        market = Market(path, day.jump_at - 900_000_000)
        for at, seen in ((600, early), (5, before), (-300, after)):
            market.catch_up(day.jump_at - at * 1_000_000)
            seen.append(sum(len(market.depth(side)) for side in (BUY, SELL)))
    assert len(before) >= 5
    assert fmean(before) < 0.4 * fmean(early)
    assert fmean(after) > 0.7 * fmean(early)


def test_a_file_day_locked_limit_up_shows_bids_at_the_limit_and_no_offer() -> None:
    contract = nearby("ZO")
    opens, _ = day_session(contract)
    locked = Decimal("320.00")
    bars = (
        DailyBar(date(2026, 10, 13), Decimal(300), Decimal(301), Decimal(299), Decimal(300), 400),
        DailyBar(SESSION, locked, locked, locked, locked, 105),
    )
    venue = exchange(7, opens + timedelta(hours=1), bars={"ZO": bars})
    quote = venue.quote(contract.con_id)
    assert venue.price_limits(contract.con_id) == (Decimal(280), locked)
    assert (quote.bid, quote.ask) == (locked, None)
    venue.watch(contract.con_id)
    venue.submit(1, contract.con_id, "BUY", 3, None, opens + timedelta(hours=1))
    events = venue.advance(opens + timedelta(hours=1, minutes=20))
    assert events
    assert not any(isinstance(e, QuoteChanged) and e.quote.ask is not None for e in events)
    assert venue.open_qty(1) == 3  # no exit even at market: it waits in the queue at the limit


def test_a_drawn_day_that_wants_beyond_its_limit_settles_there_and_moves_on_the_next_day() -> None:
    contract = nearby("ZO")
    for seed in range(200):
        path, on = PricePath(contract, seed), date(2026, 9, 1)
        while on < date(2026, 10, 30):
            settled = path.settled(on)
            if path.fair_day(on).close > settled.limit_up + 4:
                break
            on = next_trade_date(on)
        else:
            continue
        _, closes = day_session(contract, on)
        market = Market(path, to_us(closes - timedelta(seconds=30)))
        assert settled.settle == settled.limit_up == settled.previous + path.cal.limit_ticks
        assert (market.best(BUY), market.best(SELL)) == (settled.limit_up, None)
        expanded = path.settled(next_trade_date(on))
        assert expanded.previous == settled.settle
        assert expanded.limit_up - expanded.previous > path.cal.limit_ticks
        return
    raise AssertionError("no limit day in 200 seeds: limits cannot bind")


def test_the_same_seed_gives_the_same_events_byte_for_byte_under_another_hash_seed() -> None:
    program = (
        "from hashlib import sha256\n"
        "from tests.unit.simgateway.observation import nearby, observe\n"
        "text = repr([observe(nearby(s), 11).events for s in ('ZO', 'GF')])\n"
        "print(sha256(text.encode()).hexdigest(), len(text))\n"
    )
    seen = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "4242")
    ]
    assert seen[0] == seen[1]
    assert int(seen[0].split()[1]) > 100_000


def test_another_seed_gives_another_market() -> None:
    first, second = observe(nearby("ZO"), 1), observe(nearby("ZO"), 2)
    assert first.events != second.events


def test_the_night_session_of_oats_is_wider_and_trades_less() -> None:
    contract = nearby("ZO")
    opens, closes = day_session(contract, date(2026, 10, 15))
    begins = opens - timedelta(hours=13, minutes=30)
    volumes = {"night": 0, "day": 0}
    for seed in range(4):
        venue = exchange(seed, begins - timedelta(minutes=1))
        venue.watch(contract.con_id)
        for name, until in (("night", opens - timedelta(minutes=20)), ("day", closes)):
            events = venue.advance(until)
            volumes[name] += sum(e.qty for e in events if isinstance(e, TradePrinted))
    assert 0 < volumes["night"] < 0.5 * volumes["day"]
