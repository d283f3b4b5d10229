"""The cost table against algorithms 8 and numbers worked out by hand."""

from datetime import timedelta
from decimal import Decimal

from hydra.domain.quantity import Side
from hydra.reports.costs import cost_rows
from tests.unit.reports.parents import OPEN, denied, worked

BUY, SELL = Side.BUY, Side.SELL


def test_an_order_that_filled_whole_shows_what_the_ledger_knows_and_a_dash_for_what_it_does_not() -> None:
    """Bought 1 at 401 and 3 at 400: mid at send 400 (399 to 401), arrival 400.25, tick .25, 50 USD."""
    (row,) = cost_rows([worked("ZO", BUY, 4, [(1, "401"), (3, "400")], predicted="8")])
    assert (row["lots"], row["avg_px"], row["arrival_ticks"], row["arrival_bps"]) == (
        "4 of 4", "400.25", "0.0", "0.0"
    )  # fmt: skip
    assert (row["predicted_bps"], row["actual_bps"]) == ("8.0", "6.2")
    assert row["effective_ticks"] == "2.0", "2 × (1 × 1 + 3 × 0) / 4 points"
    assert row["capture"] == "0.4", "a quarter at the far touch, three in the middle: .375"
    assert (row["realised_ticks"], row["realised_lots"]) == ("–", 0), "no mid was seen five minutes later"
    assert (row["trading_usd"], row["opportunity_usd"], row["fees_usd"]) == ("0.00", "0.00", "3.00")
    assert (row["shortfall_usd"], row["shortfall_bps"]) == ("3.00", "0.4")


def test_a_mid_five_minutes_later_tells_what_of_the_spread_was_realised() -> None:
    """Fills at minutes 1 and 2; the mid is 400.5 at minute 6.5 and 9 at minute 30, which is too late."""
    trace = {
        7: [(OPEN + timedelta(minutes=6.5), Decimal("400.5")), (OPEN + timedelta(minutes=30), Decimal(9))]
    }
    (row,) = cost_rows([worked("ZO", BUY, 4, [(1, "401"), (3, "400")])], trace)
    assert (row["realised_ticks"], row["realised_lots"]) == ("4.0", 1), "2 × (401 − 400.5) of the first fill"


def test_what_was_left_costs_what_the_market_moved_by_the_last_mid_that_was_seen() -> None:
    """Sold 2 of 5 at 398; the three that are left would sell at 395: 3 × 5.25 points."""
    sold = worked("HE", SELL, 5, [(2, "398")])
    (row,) = cost_rows([sold])
    assert (row["opportunity_usd"], row["shortfall_usd"]) == ("–", "–"), "nobody looked after the last send"
    (row,) = cost_rows([sold], {7: [(OPEN + timedelta(minutes=40), Decimal(395))]})
    assert (row["trading_usd"], row["opportunity_usd"]) == ("225.00", "787.50")
    assert (row["fees_usd"], row["shortfall_usd"]) == ("1.50", "1014.00")
    assert row["arrival_ticks"] == "9.0"


def test_what_never_filled_or_opened_has_no_row_and_a_price_of_zero_no_ratio() -> None:
    assert cost_rows([denied("ZO", "NO_LIMIT: ZO"), worked("ZO", BUY, 5, [])]) == []
    (row,) = cost_rows([worked("ZO", BUY, 1, [(1, "0")], mid="0")])
    assert row["actual_bps"] == "–"
