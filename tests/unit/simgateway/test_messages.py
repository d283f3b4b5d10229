"""What we write ib_async reads back as it was meant, at every negotiated version; what it writes we read."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async.decoder import Decoder

from hydra.simgateway import contract_messages, messages
from hydra.simgateway.contracts import catalogue
from hydra.simgateway.wire import FrameReader

VERSIONS = (157, 159, 160, 162, 163, 164, 166, 169, 170, 176, 177, 178)
PRICES = st.decimals(-10_000, 10_000, places=4)
COUNTS = st.integers(0, 2_000_000)
CONTRACT = catalogue(date(2026, 11, 23))[1]


class Heard:
    """Stands where ib_async's wrapper stands and keeps every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.ib = SimpleNamespace(TimezoneTWS="")
        self.defaultTimezone = __import__("datetime").UTC

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, args))


def decoded(frame: bytes, version: int = 178) -> list[tuple[str, tuple[Any, ...]]]:
    """The calls ib_async's own decoder makes for one of our frames; its errors are raised."""
    reader = FrameReader()
    reader.feed(frame)
    (fields,) = reader.frames()
    heard = Heard()
    decoder = Decoder(heard, version)  # type: ignore[arg-type]
    decoder.handlers[int(fields[0])](fields)
    return heard.calls


@given(COUNTS, st.sampled_from(["Submitted", "Filled"]), COUNTS, COUNTS, PRICES, COUNTS, PRICES)
def test_order_status(
    o: int, status: str, done: int, left: int, avg: Decimal, perm: int, last: Decimal
) -> None:
    frame = messages.order_status(o, status, done, left, avg, perm, last, 3)
    expected = (o, status, done, left, float(avg), perm, 0, float(last), 3, "", 0.0)
    assert decoded(frame) == [("orderStatus", expected)]


@pytest.mark.parametrize("version", VERSIONS)
def test_error_carries_the_reject_field_from_166_on(version: int) -> None:
    frame = messages.error(7, 201, "Order rejected", version)
    assert decoded(frame, version) == [("error", (7, 201, "Order rejected", ""))]


def test_a_text_with_a_backslash_leaves_without_one() -> None:
    assert decoded(messages.error(-1, 2104, "a\\b", 178))[0][1][2] == "a/b"


@given(COUNTS, st.none() | PRICES, COUNTS)
def test_tick_price(req: int, price: Decimal | None, size: int) -> None:
    ((name, args),) = decoded(messages.tick_price(req, 1, price, size))
    assert name == "priceSizeTick"
    assert args == ((req, 1, -1.0, 0.0) if price is None else (req, 1, float(price), float(size)))


@given(st.integers(-500, 500), PRICES)
def test_position(qty: int, cost: Decimal) -> None:
    ((_, (account, contract, got, avg)),) = decoded(
        messages.position("DUSIM001", contract_messages.block(CONTRACT), qty, cost)
    )
    assert (account, got, avg) == ("DUSIM001", float(qty), float(cost))
    assert (contract.conId, contract.localSymbol) == (CONTRACT.con_id, CONTRACT.local_symbol)


@given(st.integers(-500, 500), PRICES, PRICES, PRICES, PRICES)
def test_portfolio(qty: int, mark: Decimal, value: Decimal, cost: Decimal, profit: Decimal) -> None:
    block = contract_messages.block(CONTRACT)
    ((_, args),) = decoded(messages.portfolio(block, qty, mark, value, cost, profit, profit, "DUSIM001"))
    cents = float(round(value, 2))
    assert args[1:5] == (float(qty), float(mark), pytest.approx(cents, abs=0.011), float(cost))


@pytest.mark.parametrize("version", VERSIONS)
def test_exec_details(version: int) -> None:
    fields = (
        "0001.0001.01.01|20261123 08:31:02 US/Central|DUSIM001|CBOT|BOT|2|385.25|14|3|0|2|385.25|H-1||||1"
    )
    frame = messages.exec_details(-1, 9, contract_messages.block(CONTRACT), fields.split("|"), version)
    ((_, (req_id, contract, execution)),) = decoded(frame, version)
    assert (req_id, execution.orderId, contract.symbol) == (-1, 9, "ZO")
    assert (execution.execId, execution.side, execution.shares, execution.price) == (
        "0001.0001.01.01",
        "BOT",
        2.0,
        385.25,
    )
    assert (execution.permId, execution.clientId, execution.orderRef) == (14, 3, "H-1")
    assert execution.time.isoformat() == "2026-11-23T14:31:02+00:00"


@given(PRICES, st.none() | PRICES)
def test_commission_report(fee: Decimal, realized: Decimal | None) -> None:
    ((_, (report,)),) = decoded(messages.commission_report("a.b.01", fee, "USD", realized))
    assert report.execId == "a.b.01"
    assert report.commission == pytest.approx(float(fee), abs=0.006)
    assert report.realizedPNL == pytest.approx(float(realized or 0), abs=0.006)


@given(st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES, COUNTS), max_size=5))
def test_historical_data(rows: list[tuple[Decimal, Decimal, Decimal, Decimal, int]]) -> None:
    bars = [("20261123", o, h, low, c, volume, c, 3) for o, h, low, c, volume in rows]
    calls = decoded(messages.historical_data(4, "a", "b", bars))
    assert calls[-1] == ("historicalDataEnd", (4, "a", "b"))
    got = [(bar.open, bar.high, bar.low, bar.close, bar.volume) for _, (_, bar) in calls[:-1]]
    assert got == [tuple(map(float, row)) for row in rows]


def test_historical_data_update_has_its_own_order() -> None:
    bar = ("20261123", Decimal(1), Decimal(4), Decimal(-2), Decimal(3), 10, Decimal(2), 5)
    ((_, (_, got)),) = decoded(messages.historical_data_update(4, bar))
    assert (got.open, got.high, got.low, got.close, got.average, got.volume, got.barCount) == (
        1,
        4,
        -2,
        3,
        2,
        10,
        5,
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("contract", catalogue(date(2026, 11, 23))[::3], ids=lambda c: c.local_symbol)
def test_contract_details(version: int, contract: Any) -> None:
    frame = contract_messages.contract_details(5, contract, date(2026, 11, 23), version)
    ((name, (req_id, got)),) = decoded(frame, version)
    assert (name, req_id) == ("contractDetails", 5)
    assert (got.contract.conId, got.contract.symbol, got.contract.secType) == (
        contract.con_id,
        contract.symbol,
        "FUT",
    )
    assert (got.minTick, got.priceMagnifier) == (float(contract.min_tick), contract.price_magnifier)
    assert (got.timeZoneId, got.marketRuleIds) == (contract.time_zone_id, str(contract.market_rule_id))
    assert got.contract.lastTradeDateOrContractMonth == f"{contract.last_trade_on:%Y%m%d}"
    assert got.longName == contract.long_name
    assert "GTD" in got.orderTypes
    if version >= 164:
        assert (got.minSize, got.sizeIncrement) == (1.0, 1.0)


@pytest.mark.parametrize("version", [157, 176, 178])
def test_symbol_samples(version: int) -> None:
    ((_, (_, found)),) = decoded(contract_messages.symbol_samples(3, [CONTRACT], version), version)
    assert [(each.contract.symbol, each.derivativeSecTypes) for each in found] == [("ZO", ["FUT"])]


SMALL = [
    (messages.next_valid_id(4), ("nextValidId", (4,))),
    (messages.managed_accounts("DUSIM001"), ("managedAccounts", ("DUSIM001",))),
    (messages.current_time(5), ("currentTime", (5,))),
    (messages.open_order_end(), ("openOrderEnd", ())),
    (messages.completed_orders_end(), ("completedOrdersEnd", ())),
    (messages.exec_details_end(3), ("execDetailsEnd", (3,))),
    (messages.position_end(), ("positionEnd", ())),
    (messages.account_value("k", "1", "USD", "A"), ("updateAccountValue", ("k", "1", "USD", "A"))),
    (messages.account_time("14:30"), ("updateAccountTime", ("14:30",))),
    (messages.account_download_end("A"), ("accountDownloadEnd", ("A",))),
    (messages.account_summary(3, "A", "t", "1", "USD"), ("accountSummary", (3, "A", "t", "1", "USD"))),
    (messages.account_summary_end(3), ("accountSummaryEnd", (3,))),
    (
        messages.account_update_multi(3, "A", "k", "1", "USD"),
        ("accountUpdateMulti", (3, "A", "", "k", "1", "USD")),
    ),
    (messages.account_update_multi_end(3), ("accountUpdateMultiEnd", (3,))),
    (messages.position_multi_end(3), ("positionMultiEnd", (3,))),
    (messages.pnl(3, Decimal(1), Decimal(2), Decimal(-3)), ("pnl", (3, 1.0, 2.0, -3.0))),
    (
        messages.pnl_single(3, -2, Decimal(1), Decimal(2), Decimal(3), Decimal(4)),
        ("pnlSingle", (3, -2.0, 1.0, 2.0, 3.0, 4.0)),
    ),
    (messages.tick_size(3, 8, 200), ("tickSize", (3, 8, 200.0))),
    (messages.tick_generic(3, 49, "1"), ("tickGeneric", (3, 49, 1.0))),
    (messages.tick_string(3, 45, "17"), ("tickString", (3, 45, "17"))),
    (messages.tick_snapshot_end(3), ("tickSnapshotEnd", (3,))),
    (messages.market_data_type(3, 1), ("marketDataType", (3, 1))),
    (messages.tick_req_params(3, Decimal("0.0025")), ("tickReqParams", (3, 0.0025, "", 3))),
    (messages.head_timestamp(3, "20211101-15:00:00"), ("headTimestamp", (3, "20211101-15:00:00"))),
    (messages.order_bound(14, 0, -1), ("orderBound", (14, 0, -1))),
    (contract_messages.contract_details_end(3), ("contractDetailsEnd", (3,))),
]


@pytest.mark.parametrize(
    ("frame", "call"), SMALL, ids=lambda each: each[0] if isinstance(each, tuple) else ""
)
def test_small_messages(frame: bytes, call: tuple[str, tuple[Any, ...]]) -> None:
    assert decoded(frame) == [call]


def test_rows_of_market_rule_depth_exchanges_and_ticks() -> None:
    ((_, (rule, steps)),) = decoded(messages.market_rule(21, [(Decimal(0), Decimal("0.25"))]))
    assert (rule, steps[0].lowEdge, steps[0].increment) == (21, 0.0, 0.25)
    ((_, (found,)),) = decoded(messages.market_depth_exchanges([("CBOT", "FUT")]))
    assert [(each.exchange, each.secType) for each in found] == [("CBOT", "FUT")]
    ((_, args),) = decoded(messages.tick_by_tick_quote(3, 60, None, Decimal(5), 0, 2))
    assert args[2:6] == (-1.0, 5.0, 0.0, 2.0)
    ((_, args),) = decoded(messages.tick_by_tick_trade(3, 1, 60, Decimal(5), 2, "CBOT"))
    assert args[3:5] == (5.0, 2.0)
    ((_, args),) = decoded(messages.tick_by_tick_mid(3, 60, Decimal("5.5")))
    assert args[-1] == 5.5
    calls = decoded(messages.historical_ticks_last(3, [(60, Decimal(5), 2, "CBOT")]))
    assert [tick.price for tick in calls[0][1][1]] == [5.0]
    ((_, args),) = decoded(messages.realtime_bar(3, 60, [Decimal(1)] * 4, 5, Decimal(1), 2))
    assert args[1] == 60
