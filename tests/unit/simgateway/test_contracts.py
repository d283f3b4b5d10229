from datetime import date
from decimal import Decimal

import pytest

from hydra.simgateway.calibration import calibrations
from hydra.simgateway.contracts import (
    active_contract,
    catalogue,
    contract_for,
    liquidity_rank,
    roll_on,
)

DAYS = [date(2026, 1, 2), date(2026, 3, 9), date(2026, 11, 23), date(2026, 12, 31), date(2028, 2, 29)]


@pytest.mark.parametrize("as_of", DAYS)
def test_every_symbol_lists_at_least_three_expiries_that_still_trade(as_of: date) -> None:
    listed = catalogue(as_of)
    for symbol in ("ZO", "HE", "LE", "GF", "ZR", "OJ"):
        months = [c for c in listed if c.symbol == symbol]
        assert len(months) >= 3
        assert all(c.last_trade_on >= as_of for c in months)
        assert [c.last_trade_on for c in months] == sorted(c.last_trade_on for c in months)


def test_con_ids_are_unique_and_the_same_on_whatever_day_one_asks() -> None:
    seen: dict[int, tuple[str, str]] = {}
    for as_of in DAYS:
        for c in catalogue(as_of):
            assert seen.setdefault(c.con_id, (c.symbol, c.contract_month)) == (c.symbol, c.contract_month)
            assert 0 < c.con_id < 2**31
            assert contract_for(c.symbol, c.contract_month) == c
    assert len(set(seen.values())) == len(seen)
    # Pinned: ledgers written by older builds hold these numbers.
    assert contract_for("ZO", "202612").con_id == 610202612
    assert contract_for("OJ", "202701").con_id == 660202701


@pytest.mark.parametrize(
    ("symbol", "min_tick", "tick", "usd_per_point", "usd_per_tick"),
    [
        ("ZO", "0.0025", "0.25", "50", "12.50"),
        ("HE", "0.00025", "0.025", "400", "10"),
        ("LE", "0.00025", "0.025", "400", "10"),
        ("GF", "0.00025", "0.025", "500", "12.50"),
        ("ZR", "0.005", "0.005", "2000", "10"),
        ("OJ", "0.0005", "0.05", "150", "7.50"),
    ],
)
def test_the_order_grid_is_min_tick_times_magnifier_and_a_tick_is_worth_what_the_exchange_says(
    symbol: str, min_tick: str, tick: str, usd_per_point: str, usd_per_tick: str
) -> None:
    c = active_contract(symbol, date(2026, 11, 23))
    assert (c.min_tick, c.tick, c.usd_per_point) == (Decimal(min_tick), Decimal(tick), Decimal(usd_per_point))
    assert c.tick * c.usd_per_point == Decimal(usd_per_tick)


@pytest.mark.parametrize(
    ("symbol", "month", "last"),
    [
        ("ZO", "202612", date(2026, 12, 14)),  # business day before the 15th
        ("ZR", "202703", date(2027, 3, 12)),
        ("HE", "202612", date(2026, 12, 14)),  # tenth business day
        ("LE", "202612", date(2026, 12, 31)),  # last business day
        ("GF", "202611", date(2026, 11, 19)),  # the Thursday before Thanksgiving
        ("GF", "202701", date(2027, 1, 28)),  # last Thursday
    ],
)
def test_last_trade_dates_follow_the_contract_rules(symbol: str, month: str, last: date) -> None:
    assert contract_for(symbol, month).last_trade_on == last


def test_the_active_expiry_changes_exactly_on_its_roll_day() -> None:
    december = contract_for("ZO", "202612")
    rolls = roll_on(december)
    assert active_contract("ZO", date.fromordinal(rolls.toordinal() - 1)) == december
    assert active_contract("ZO", rolls).contract_month == "202703"
    assert liquidity_rank(december, rolls) == -1
    assert liquidity_rank(contract_for("ZO", "202705"), rolls) == 1


def test_every_symbol_of_the_data_file_has_a_catalogue_entry_and_sane_figures() -> None:
    for symbol, cal in calibrations().items():
        assert active_contract(symbol, date(2026, 11, 23)).symbol == symbol
        assert cal.base_price % cal.tick == 0
        assert cal.daily_limit % cal.tick == 0
        assert cal.curve_share[0] == 1.0
