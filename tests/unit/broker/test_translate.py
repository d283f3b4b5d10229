"""The wire's fields become evidence exactly, or not at all."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from hydra.broker import translate
from hydra.domain.quantity import Side

NEW_YORK = ZoneInfo("America/New_York")


def exec_fields(**changed: str) -> list[str]:
    """execDetails (11) as at server version 178."""
    named = {
        "id": "11", "reqId": "-1", "orderId": "7", "conId": "610000001", "symbol": "ZO", "secType": "FUT",
        "lastTrade": "20261214", "strike": "0.0", "right": "", "multiplier": "5000", "exchange": "CBOT",
        "currency": "USD", "localSymbol": "ZOZ6", "tradingClass": "ZO", "execId": "0001.0a.01.01",
        "time": "20261120 10:15:00 US/Central", "account": "DUSIM001", "execExchange": "CBOT", "side": "SLD",
        "shares": "3", "price": "381.25", "permId": "900001", "clientId": "1", "liquidation": "0",
        "cumQty": "3", "avgPrice": "381.25", "orderRef": "H-20261120-ZO-1-C01", "evRule": "",
        "evMultiplier": "", "modelCode": "", "lastLiquidity": "2", "pending": "0",
    }  # fmt: skip
    named.update(changed)
    return list(named.values())


def test_an_execution_is_read_field_by_field() -> None:
    execution = translate.execution_of(exec_fields(), NEW_YORK, 5.0)
    assert execution.exec_id == "0001.0a.01.01"
    assert (execution.client_id, execution.ib_order_id, execution.perm_id) == (1, 7, 900001)
    assert (execution.con_id, execution.symbol, execution.side) == (610000001, "ZO", Side.SELL)
    assert (execution.qty, execution.px) == (3, Decimal("381.25"))
    assert execution.executed_at == datetime(2026, 11, 20, 16, 15, tzinfo=UTC)
    assert execution.order_ref == "H-20261120-ZO-1-C01"
    assert not execution.is_liquidation


@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("20261120 10:15:00 US/Central", 16),
        ("20261120 11:15:00 EST", 16),
        ("20261120-16:15:00", 16),
        ("20261120  11:15:00", 16),
        ("20261120 11:15:00", 16),
        ("1795191300", 16),
        ("20260820 11:15:00 America/New_York", 15),
        ("20260820 11:15:00 EST", 15),
    ],
)
def test_every_shape_of_an_execution_time_is_read_in_its_own_zone(text: str, hour_utc: int) -> None:
    """The dashed shape is UTC; a bare one is the gateway's zone, whatever zone this machine has."""
    instant = translate.instant_of(text, NEW_YORK)
    assert (instant.hour, instant.minute) == (hour_utc, 15)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "20261120 25:15:00", "20261120 10:15:00 Mars/Olympus", "yesterday"])
def test_a_time_that_cannot_be_read_is_an_error_and_no_execution(text: str) -> None:
    with pytest.raises((ValueError, KeyError, IndexError)):
        translate.execution_of(exec_fields(time=text), NEW_YORK, 5.0)


@pytest.mark.parametrize("shares", ["0.5", "", "nan"])
def test_a_fraction_of_a_lot_never_rounds_into_a_fill(shares: str) -> None:
    with pytest.raises(ValueError):
        translate.execution_of(exec_fields(shares=shares), NEW_YORK, 5.0)


def test_a_bust_is_an_execution_of_zero_lots() -> None:
    assert translate.execution_of(exec_fields(shares="0", execId="0001.0a.01.02"), NEW_YORK, 5.0).qty == 0


@pytest.mark.parametrize("price", ["-37.63", "0", "0.0"])
def test_zero_and_negative_prices_are_prices(price: str) -> None:
    assert translate.execution_of(exec_fields(price=price), NEW_YORK, 5.0).px == Decimal(price)


@pytest.mark.parametrize(
    "text", ["", "1.7976931348623157E308", "1.7976931348623157e+308", "nan", "Infinity", "x"]
)
def test_unset_numbers_are_none(text: str) -> None:
    assert translate.decimal_of(text) is None


def test_a_commission_without_an_amount_is_none_yet() -> None:
    assert translate.commission_of(["59", "1", "e.01", "", "USD", "", "", ""], 1.0) is None
    told = translate.commission_of(["59", "1", "e.01", "4.50", "USD", "1.7976931348623157E308", "", ""], 1.0)
    assert told is not None
    assert told.commission_usd == Decimal("4.50")


def test_good_till_goes_out_in_utc_with_a_dash() -> None:
    at = datetime(2026, 11, 20, 10, 15, 5, tzinfo=ZoneInfo("America/Chicago"))
    assert translate.good_till_text(at) == "20261120-16:15:05"
