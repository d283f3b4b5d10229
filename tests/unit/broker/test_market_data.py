"""A quote shows a price only where there is one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.broker.market_data import MarketData
from hydra.domain.market import Quote

NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
REQ, CON = 9, 610000001


def a_feed(*, allow_delayed: bool = False) -> MarketData:
    feed = MarketData(allow_delayed=allow_delayed)
    feed.open_line(REQ, CON)
    return feed


def quoted(feed: MarketData) -> Quote:
    quote = feed.quote(CON)
    assert quote is not None
    return quote


def a_two_sided_feed() -> MarketData:
    feed = a_feed()
    feed.price(REQ, 1, "380.25", "3", NOW)
    feed.price(REQ, 2, "382.5", "2", NOW)
    return feed


def test_bid_and_ask_with_sizes_are_taken() -> None:
    quote = quoted(a_two_sided_feed())
    assert (quote.bid_px, quote.bid_qty, quote.ask_px, quote.ask_qty) == (
        Decimal("380.25"), 3, Decimal("382.5"), 2,
    )  # fmt: skip
    assert quote.changed_at == NOW


@pytest.mark.parametrize(
    ("price", "size"), [("-1", "0"), ("-1.0", "0"), ("380.25", "0"), ("nan", "4"), ("", "")]
)
def test_no_price_is_none_and_never_minus_one_or_zero(price: str, size: str) -> None:
    feed = a_two_sided_feed()
    feed.price(REQ, 1, price, size, LATER)
    assert (quoted(feed).bid_px, quoted(feed).bid_qty) == (None, 0)
    assert quoted(feed).ask_px == Decimal("382.5")


@pytest.mark.parametrize("price", ["-1", "0", "-37.63"])
def test_a_price_at_or_below_zero_with_a_size_is_real(price: str) -> None:
    feed = a_two_sided_feed()
    feed.price(REQ, 1, price, "4", LATER)
    assert quoted(feed).bid_px == Decimal(price)


def test_a_size_of_zero_takes_the_side_away() -> None:
    feed = a_two_sided_feed()
    feed.size(REQ, 3, "0", LATER)
    assert (quoted(feed).ask_px, quoted(feed).ask_qty) == (None, 0)
    feed.size(REQ, 3, "5", LATER)
    assert quoted(feed).ask_px is None, "a size alone brings no price back"


def test_every_tick_renews_the_age() -> None:
    feed = a_two_sided_feed()
    feed.size(REQ, 0, "3", LATER)
    assert quoted(feed).changed_at == LATER


def test_volume_and_close_do_not_make_a_quote_young() -> None:
    feed = a_two_sided_feed()
    feed.size(REQ, 8, "120", LATER)
    feed.price(REQ, 9, "379", "0", LATER)
    assert quoted(feed).changed_at == NOW
    assert (quoted(feed).volume, quoted(feed).close_px) == (120, Decimal("379"))


@pytest.mark.parametrize(("value", "halted"), [("1", True), ("2", True), ("0", False), ("-1", False)])
def test_a_halt_is_told_by_tick_49(value: str, halted: bool) -> None:
    feed = a_two_sided_feed()
    feed.generic(REQ, 49, value, LATER)
    assert quoted(feed).halted is halted


def test_a_delayed_price_never_becomes_a_bid_or_ask() -> None:
    feed = a_two_sided_feed()
    feed.price(REQ, 66, "300", "1", LATER)
    assert quoted(feed).bid_px == Decimal("380.25")
    feed.price(REQ, 68, "301", "1", LATER)
    assert quoted(feed).last_px == Decimal("301")


def test_frozen_or_delayed_data_clears_the_sides() -> None:
    feed = a_two_sided_feed()
    feed.data_type(REQ, 2)
    assert (quoted(feed).bid_px, quoted(feed).ask_px) == (None, None)
    feed.price(REQ, 1, "380", "1", LATER)
    assert quoted(feed).bid_px is None


def test_delayed_prices_are_taken_where_that_was_chosen() -> None:
    feed = a_feed(allow_delayed=True)
    feed.price(REQ, 66, "300", "1", NOW)
    assert quoted(feed).bid_px == Decimal("300")


def test_ticks_of_an_old_connection_move_nothing() -> None:
    feed = a_two_sided_feed()
    feed.close_lines()
    feed.price(REQ, 1, "1", "1", LATER)
    assert quoted(feed).bid_px == Decimal("380.25")
    assert quoted(feed).changed_at == NOW


def test_an_unknown_tick_type_is_ignored() -> None:
    feed = a_two_sided_feed()
    feed.price(REQ, 999, "1", "1", LATER)
    assert quoted(feed).changed_at == NOW
