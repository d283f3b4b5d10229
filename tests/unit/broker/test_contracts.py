"""One contract is meant or none: the front by its days, never a guess; the grid in quoted points."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from ib_async.contract import Contract as IbContract
from ib_async.contract import ContractDetails
from ib_async.objects import PriceIncrement

from hydra.broker.contracts import bands_of, choose, contract_of
from hydra.broker.history import duration_text
from hydra.domain.contract import PriceBand
from hydra.ports import Refused

TODAY = date(2026, 11, 20)


def details(con_id: int, expiry: str, **changed: Any) -> ContractDetails:
    own: dict[str, Any] = {
        "secType": "FUT", "symbol": "ZO", "conId": con_id, "exchange": "CBOT", "currency": "USD",
        "localSymbol": f"ZO{expiry}", "lastTradeDateOrContractMonth": expiry, "multiplier": "5000",
    }  # fmt: skip
    facts: dict[str, Any] = {
        "contract": IbContract(**{**own, **changed.pop("own", {})}), "minTick": 0.0025, "priceMagnifier": 100,
        "orderTypes": "LMT,GTD,DAY", "validExchanges": "CBOT", "contractMonth": expiry[:6],
        "timeZoneId": "US/Central", "tradingHours": "20261120:0830-20261120:1320",
        "realExpirationDate": expiry,
    }  # fmt: skip
    return ContractDetails(**{**facts, **changed})


NEAR, NEXT, FAR = details(1, "20261214"), details(2, "20270312"), details(3, "20270514")


def test_the_front_is_the_nearest_with_enough_days_left() -> None:
    assert choose([FAR, NEXT, NEAR], "ZO", None, TODAY, 24) is NEAR
    assert choose([FAR, NEXT, NEAR], "ZO", None, TODAY, 25) is NEXT


def test_a_month_is_taken_at_its_word() -> None:
    assert choose([FAR, NEXT, NEAR], "ZO", "202612", TODAY, 300) is NEAR


def test_two_contracts_of_one_expiry_are_ambiguous() -> None:
    twin = details(9, "20261214", own={"exchange": "MINI"})
    answer = choose([NEAR, twin], "ZO", None, TODAY, 0)
    assert isinstance(answer, Refused)
    assert "ambiguous" in answer.text
    assert "(1)" in answer.text
    assert "(9)" in answer.text


def test_the_same_contract_told_twice_is_one() -> None:
    assert choose([NEAR, details(1, "20261214")], "ZO", None, TODAY, 0) is not None


@pytest.mark.parametrize(
    ("symbol", "month", "days_min"), [("HE", None, 0), ("ZO", "202701", 0), ("ZO", None, 400)]
)
def test_nothing_that_fits_is_a_refusal(symbol: str, month: str | None, days_min: int) -> None:
    assert isinstance(choose([NEAR, NEXT, FAR], symbol, month, TODAY, days_min), Refused)


def test_ibs_tick_in_dollars_becomes_a_grid_in_cents() -> None:
    contract = contract_of(NEAR)
    assert contract.tick == Decimal("0.25")
    assert contract.usd_per_point == Decimal(50)
    assert contract.last_trade_on == date(2026, 12, 14)


@pytest.mark.parametrize(
    "changed", [{"minTick": 0.0}, {"timeZoneId": "Mars/Olympus"}, {"tradingHours": "soon"}]
)
def test_a_contract_without_a_needed_fact_is_none(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        contract_of(details(1, "20261214", **changed))


def test_a_market_rule_is_read_in_quoted_points_whichever_unit_it_came_in() -> None:
    contract = contract_of(NEAR)
    quoted = (PriceBand(Decimal(0), Decimal("0.25")), PriceBand(Decimal(500), Decimal("0.5")))
    assert bands_of([PriceIncrement(500.0, 0.5), PriceIncrement(0.0, 0.25)], contract) == quoted
    assert bands_of([PriceIncrement(0.0, 0.0025), PriceIncrement(5.0, 0.005)], contract) == quoted


def test_a_market_rule_finer_than_the_tick_is_an_error() -> None:
    with pytest.raises(ValueError):
        bands_of([PriceIncrement(0.0, 0.001)], contract_of(NEAR))


@pytest.mark.parametrize(
    ("days", "text"), [(30, "30 D"), (365, "365 D"), (366, "2 Y"), (1250, "5 Y"), (1251, "6 Y")]
)
def test_more_than_a_year_is_asked_in_years(days: int, text: str) -> None:
    assert duration_text(days) == text
