"""The real ib_async client over TCP against a real gateway process: what a session does on a normal day."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ib_async import IB, Contract, ExecutionFilter, Future, LimitOrder, MarketOrder, Order
from ib_async.client import Client

from tests.gateway_client import client, front, limits, quoted, until
from tests.gateway_process import GatewayProcess, running_gateway

VERSIONS = (157, 163, 164, 169, 170, 176, 177, 178)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for the questions that leave nothing behind."""
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_order_life_at_every_version(
    gateway: GatewayProcess, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "MaxClientVersion", version)

    async def scenario() -> None:
        async with client(gateway, version) as ib:
            assert ib.client.serverVersion() == version
            contract = await front(ib)
            low, high = await limits(ib, contract)
            rests = ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="DAY", orderRef=f"V{version}"))
            await until(lambda: rests.orderStatus.status == "Submitted")
            takes = ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC"))
            await until(lambda: takes.fills and takes.fills[0].commissionReport.execId)
            state = await ib.whatIfOrderAsync(contract, LimitOrder("BUY", 1, low, tif="DAY"))
            assert float(state.initMarginChange) > 0
            ib.cancelOrder(rests.order)
            await until(lambda: rests.orderStatus.status == "Cancelled")
            completed = await ib.reqCompletedOrdersAsync(False)
            assert f"V{version}" in [trade.order.orderRef for trade in completed]
            await ib.reqMatchingSymbolsAsync("ZO")

    asyncio.run(scenario())


def test_start_up_gives_account_next_id_and_farms(gateway: GatewayProcess) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            assert ib.managedAccounts() == ["DUSIM001"]
            assert {2104, 2106, 2158} <= {code for _, code in ib.codes}
            now = await ib.reqCurrentTimeAsync()
            assert abs((now - gateway.now()).total_seconds()) < 60 * 2
            values = {value.tag: value.value for value in ib.accountValues()}
            assert float(values["NetLiquidation"]) > 0
            summary = {value.tag for value in await ib.accountSummaryAsync()}
            assert {"NetLiquidation", "AvailableFunds", "InitMarginReq", "Cushion"} <= summary

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("symbol", "exchange", "magnifier"),
    [
        ("ZO", "CBOT", 100),
        ("HE", "CME", 100),
        ("LE", "CME", 100),
        ("GF", "CME", 100),
        ("ZR", "CBOT", 1),
        ("OJ", "NYBOT", 100),
    ],
)
def test_six_symbols_with_three_expiries_ascending_and_a_rule_for_their_grid(
    gateway: GatewayProcess, symbol: str, exchange: str, magnifier: int
) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            details = await ib.reqContractDetailsAsync(Future(symbol, exchange=exchange))
            expiries = [each.contract.lastTradeDateOrContractMonth for each in details if each.contract]
            assert len(expiries) >= 3
            assert expiries == sorted(expiries)
            first = details[0]
            assert first.priceMagnifier == magnifier
            rule = await ib.reqMarketRuleAsync(int(first.marketRuleIds))
            assert rule is not None
            assert rule[0].increment == pytest.approx(first.minTick * magnifier)
            (same,) = await ib.reqContractDetailsAsync(Contract(conId=first.contract.conId))
            assert same.contract == first.contract
            ticker = await quoted(ib, first.contract)
            assert ticker.close > 0
            head = await ib.reqHeadTimeStampAsync(first.contract, "TRADES", True, 1)
            assert isinstance(head, datetime)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "contract",
    [
        Future("XX", exchange="CBOT"),
        Future("ZO", exchange="CME"),
        Future("ZO", "203001", "CBOT"),
        Contract(conId=42),
        Contract(secType="STK", symbol="ZO", exchange="CBOT"),
    ],
    ids=str,
)
def test_an_unknown_contract_is_error_200(gateway: GatewayProcess, contract: Contract) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            with pytest.raises(Exception, match="No security definition"):
                await ib.reqContractDetailsAsync(contract)
            assert [code for _, code in ib.codes][-1] == 200

    asyncio.run(scenario())


def test_bars_and_quotes_come_from_one_price_path(gateway: GatewayProcess) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            days = await ib.reqHistoricalDataAsync(contract, "", "20 D", "1 day", "TRADES", True)
            assert len(days) == 20
            assert [bar.date for bar in days] == sorted({bar.date for bar in days})
            year = await ib.reqHistoricalDataAsync(contract, "", "1 Y", "1 day", "TRADES", True)
            assert 245 <= len(year) <= 262
            assert [bar.close for bar in year[-20:-1]] == [bar.close for bar in days[:-1]]
            ticker = await quoted(ib, contract)
            assert ticker.close == days[-2].close
            bid = await ib.reqHistoricalDataAsync(contract, "", "5 D", "1 day", "BID", True)
            ask = await ib.reqHistoricalDataAsync(contract, "", "5 D", "1 day", "ASK", True)
            assert all(
                low.close < mid.close < high.close for low, mid, high in zip(bid, days[-5:], ask, strict=True)
            )
            minutes = await ib.reqHistoricalDataAsync(
                contract, "", "2 D", "5 mins", "TRADES", True, formatDate=2
            )
            stamps = [bar.date for bar in minutes]
            assert stamps == sorted(stamps)
            assert all(isinstance(stamp, datetime) and stamp.tzinfo for stamp in stamps)
            zoned = await ib.reqHistoricalDataAsync(
                contract, "", "2 D", "5 mins", "TRADES", True, formatDate=1
            )
            shared = min(len(zoned), len(minutes)) - 1
            assert [bar.date.astimezone(UTC) for bar in zoned[:shared]] == stamps[:shared]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("duration", "size", "shown"),
    [("ten days", "1 day", "TRADES"), ("5 D", "7 mins", "TRADES"), ("5 D", "1 day", "X")],
)
def test_a_bar_request_that_makes_no_sense_is_answered(
    gateway: GatewayProcess, duration: str, size: str, shown: str
) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            asking = asyncio.ensure_future(
                ib.reqHistoricalDataAsync(contract, "", duration, size, shown, True)
            )
            await until(lambda: 321 in [code for _, code in ib.codes])
            asking.cancel()

    asyncio.run(scenario())


def test_quotes_come_on_change_and_stop_on_cancel(gateway: GatewayProcess) -> None:
    async def scenario() -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            ticker = await quoted(ib, contract)
            assert ticker.bid < ticker.ask or -1 in (ticker.bid, ticker.ask)
            assert ticker.marketDataType == 1
            seen = ticker.time
            await until(lambda: ticker.time != seen, "a change of the quote")
            ib.cancelMktData(contract)
            await ib.reqCurrentTimeAsync()
            snapshot = ib.reqMktData(contract, "", True)
            await until(lambda: snapshot.close == snapshot.close)

    asyncio.run(scenario())


def test_errors_of_orders_reach_the_client_under_their_order_id(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            cases = [
                (LimitOrder("BUY", 1, low + 0.1, tif="DAY"), 110),
                (LimitOrder("BUY", 0, low, tif="DAY"), 434),
                (Order(action="BUY", totalQuantity=1, orderType="TRAIL", tif="DAY"), 387),
                (LimitOrder("BUY", 5000, low, tif="DAY"), 201),
            ]
            for order, code in cases:
                trade = ib.placeOrder(contract, order)
                await until(lambda trade=trade, code=code: (trade.order.orderId, code) in ib.codes, str(code))
            used = trade.order.orderId - 1
            ib.client.placeOrder(used, contract, LimitOrder("BUY", 1, low, tif="DAY"))
            await until(lambda: (used, 103) in ib.codes)
            ib.client.cancelOrder(4711)
            await until(lambda: (4711, 10147) in ib.codes)
        frames = [frame["outcome"] for frame in gateway.books()["frames"]]
        assert frames == [
            "refused:110",
            "refused:434",
            "refused:387",
            "refused:201",
            "refused:103",
            "refused:10147",
        ]

    with running_gateway(tmp_path) as gateway:
        asyncio.run(scenario(gateway))


def test_a_fill_moves_position_cash_and_profit(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            profit = ib.reqPnL("DUSIM001")
            _, high = await limits(ib, contract)
            trade = ib.placeOrder(contract, LimitOrder("BUY", 3, high, tif="GTC", orderRef="H-1"))
            await until(lambda: trade.orderStatus.status == "Filled" and trade.filled() == 3)
            await until(lambda: [each.position for each in ib.positions()] == [3])
            await until(lambda: ib.portfolio() and ib.portfolio()[0].position == 3)
            await until(lambda: profit.dailyPnL == profit.dailyPnL and profit.dailyPnL != 0)
            fills = await ib.reqExecutionsAsync(ExecutionFilter(symbol="ZO"))
            assert sum(fill.execution.shares for fill in fills) == 3
            assert {fill.execution.orderRef for fill in fills} == {"H-1"}
            assert await ib.reqExecutionsAsync(ExecutionFilter(symbol="HE")) == []
            sell = ib.placeOrder(contract, MarketOrder("SELL", 3, tif="DAY"))
            await until(lambda: sell.filled() == 3)
            await until(lambda: ib.positions() == [])
        books = gateway.books()
        assert books["positions"] == []
        assert sum(int(str(row["qty"])) for row in books["executions"]) == 6

    with running_gateway(tmp_path) as gateway:
        asyncio.run(scenario(gateway))


def test_gtd_expires_in_market_time(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            till = (gateway.now() + timedelta(seconds=45)).replace(microsecond=0)
            order = LimitOrder("BUY", 1, low, tif="GTD", goodTillDate=f"{till:%Y%m%d-%H:%M:%S}")
            trade = ib.placeOrder(contract, order)
            await until(lambda: trade.orderStatus.status == "Submitted")
            await until(lambda: trade.orderStatus.status == "Cancelled")
        (row,) = gateway.books()["orders"]
        assert row["ended_at"] == till.astimezone(UTC).isoformat()

    with running_gateway(tmp_path) as gateway:
        asyncio.run(scenario(gateway))


def test_a_client_id_in_use_is_326_and_closed(gateway: GatewayProcess) -> None:
    async def scenario() -> None:
        async with client(gateway, 9):
            second = IB()
            codes: list[int] = []
            second.errorEvent += lambda req_id, code, text, contract: codes.append(code)
            with pytest.raises(TimeoutError):
                await second.connectAsync(gateway.host, gateway.port, 9, timeout=0.5)
            assert codes == [326]
        async with client(gateway, 9):
            pass

    asyncio.run(scenario())
