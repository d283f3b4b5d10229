"""Faults of the broker's books and the market as ib_async sees them over TCP."""

import asyncio
from pathlib import Path

import pytest
from ib_async import LimitOrder

from tests.gateway_client import client, filling, front, limits, play, quoted, resting, until
from tests.gateway_process import GatewayProcess


def test_a_correction_and_a_bust_replace_their_execution(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            trade = await filling(ib)
            await until(lambda: trade.fills)
            first = trade.fills[0].execution.execId
            gateway.fault("correction", price=390)
            await until(lambda: len(trade.fills) == 2)
            second = trade.fills[1].execution
            assert (second.execId, second.price) == (first[:-2] + "02", 390.0)
            (row,) = gateway.books()["executions"]
            assert (row["exec_id"], row["price"]) == (second.execId, "390")
            gateway.fault("bust", exec_id=second.execId)
            await until(lambda: gateway.books()["positions"] == [])
            await until(lambda: ib.positions() == [])

    play(tmp_path, scenario)


def test_a_lost_acknowledgement_leaves_an_order_and_a_lost_request_none(tmp_path: Path) -> None:
    """The client sees the same in both cases: its socket closes behind its order."""

    async def scenario(gateway: GatewayProcess) -> None:
        for name, ref in (("lose_ack", "ACK"), ("lose_request", "REQ")):
            async with client(gateway) as ib:
                contract = await front(ib)
                low, _ = await limits(ib, contract)
                gateway.fault(name)
                trade = ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="GTC", orderRef=ref))
                await until(lambda ib=ib: not ib.isConnected())
                assert trade.orderStatus.status == "PendingSubmit"
        async with client(gateway) as ib:
            assert [trade.order.orderRef for trade in ib.openTrades()] == ["ACK"]
        frames = [(row["order_ref"], row["outcome"]) for row in gateway.books()["frames"]]
        assert frames == [("ACK", "accepted"), ("REQ", "lost")]

    play(tmp_path, scenario)


def test_a_reject_warnings_and_wrong_cancels_do_what_ib_async_makes_of_them(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("reject", text="exchange says no")
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            rejected = ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="GTC"))
            await until(lambda: (rejected.order.orderId, 201) in ib.codes)
            for code in (399, 2109, 10349, 10311):
                trade = await resting(ib, f"W{code}")
                gateway.fault("warn", code=code)
                await until(lambda trade=trade, code=code: (trade.order.orderId, code) in ib.codes)
            for code in (10147, 10148, 161):
                trade = await resting(ib, f"C{code}")
                gateway.fault("wrong_cancelled", code=code, order_ref=f"C{code}")
                await until(lambda trade=trade, code=code: (trade.order.orderId, code) in ib.codes)
        live = {row["order_ref"]: row["status"] for row in gateway.books()["orders"] if row["order_ref"]}
        assert set(live.values()) == {"Submitted"}
        assert len(live) == 7

    play(tmp_path, scenario)


def test_read_requests_can_lie_by_silence(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            trade = await filling(ib)
            await until(lambda: trade.orderStatus.status == "Filled")
            gateway.fault("silent_executions")
            assert await ib.reqExecutionsAsync() == []
            gateway.fault("empty_completed")
            assert await ib.reqCompletedOrdersAsync(False) == []
            gateway.fault("mute_completed")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ib.reqCompletedOrdersAsync(False), 0.2)
            gateway.fault("clear")
            assert len(await ib.reqExecutionsAsync()) == len(gateway.books()["executions"])
            gateway.fault("error_354_next_request")
            ticker = ib.reqMktData(await front(ib, "HE", "CME"))
            await until(lambda: 354 in [code for _, code in ib.codes])
            assert ticker.close != ticker.close
            assert gateway.fault("status")["faults"]["armed"] == []
        async with client(gateway, 2) as other:
            assert len(await other.reqExecutionsAsync()) > 0
            gateway.fault("visibility", value="own")
            assert await other.reqExecutionsAsync() == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(("qty", "status"), [(1, "Cancelled"), (3, "Filled")])
def test_an_order_can_fill_while_its_cancel_arrives(tmp_path: Path, qty: int, status: str) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            trade = ib.placeOrder(contract, LimitOrder("BUY", 3, low, tif="GTC", orderRef="H-1"))
            await until(lambda: trade.orderStatus.status == "Submitted")
            gateway.fault("fill", qty=qty)
            ib.cancelOrder(trade.order)
            await until(lambda: trade.filled() == qty and gateway.books()["orders"][0]["status"] == status)
            assert [row["qty"] for row in gateway.books()["positions"]] == [qty]

    play(tmp_path, scenario)


def test_a_fill_can_be_heard_of_after_the_cancel(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            trade = await resting(ib)
            gateway.fault("late_fill", seconds=0.2)
            ib.cancelOrder(trade.order)
            await until(lambda: trade.orderStatus.status == "Cancelled")
            assert gateway.books()["executions"] == []
            await until(lambda: trade.fills)
            (order,) = gateway.books()["orders"]
            (done,) = gateway.books()["executions"]
            assert (order["status"], order["filled"], done["at"]) == ("Cancelled", 1, order["ended_at"])

    play(tmp_path, scenario)


def test_a_halt_stops_fills_until_the_market_resumes(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            ticker = ib.reqMktData(contract)
            await until(lambda: ticker.close == ticker.close)
            gateway.fault("halt", symbol="ZO")
            await until(lambda: ticker.halted == 1)
            trade = ib.placeOrder(contract, LimitOrder("BUY", 1, ticker.close + 15, tif="GTC"))
            await until(lambda: trade.order.permId)
            await asyncio.sleep(0.2)
            assert trade.fills == []
            gateway.fault("resume", symbol="ZO", gap_ticks=4)
            await until(lambda: trade.fills)
            assert ticker.halted == 0

    play(tmp_path, scenario)


def test_margin_can_be_raised_in_the_middle_of_a_session(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            before = await ib.whatIfOrderAsync(contract, LimitOrder("BUY", 1, low, tif="DAY"))
            gateway.fault("margin", factor=2)
            after = await ib.whatIfOrderAsync(contract, LimitOrder("BUY", 1, low, tif="DAY"))
            assert float(after.initMarginChange) == pytest.approx(
                2 * float(before.initMarginChange), rel=0.02
            )

    play(tmp_path, scenario)


def test_what_the_broker_and_people_do_comes_in_the_name_of_client_zero(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            trade = await filling(ib)
            await until(lambda: trade.fills)
            gateway.fault("liquidate", symbol="ZO")
            await until(lambda: (-1, 2148) in ib.codes)
            await until(lambda: ib.positions() == [])
            gateway.fault("manual_trade", symbol="HE", side="SELL", qty=2, price="85")
            await until(lambda: [each.position for each in ib.positions()] == [-2])
        foreign = [row for row in gateway.books()["executions"] if row["client_id"] == 0]
        assert [(row["order_id"], row["order_ref"]) for row in foreign] == [(-1, ""), (0, "")]

    play(tmp_path, scenario)


def test_forgotten_order_ids_are_given_out_again(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            trade = await filling(ib)
            await until(lambda: trade.orderStatus.status == "Filled")
            used = trade.order.orderId
        gateway.fault("next_valid_id_rollback", by=3, client_id=1)
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            ib.client.placeOrder(used, contract, LimitOrder("BUY", 1, low, tif="GTC", orderRef="again"))
            await until(lambda: "again" in [row["order_ref"] for row in gateway.books()["orders"]])
            assert (used, 103) not in ib.codes

    play(tmp_path, scenario)


def test_in_an_empty_book_nothing_fills_until_somebody_is_back(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            ticker = await quoted(ib, contract)
            _, high = await limits(ib, contract)
            gateway.fault("empty_book", symbol="ZO")
            await until(lambda: not ticker.bidSize and not ticker.askSize, "both sides leave")
            trade = ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC"))
            await until(lambda: trade.orderStatus.status == "Submitted")
            assert trade.filled() == 0
            gateway.fault("empty_book", symbol="ZO", value="back")
            await until(lambda: trade.filled() == 1, "a seller comes back")

    play(tmp_path, scenario)


def test_a_market_locked_at_its_limit_has_one_side_and_trades_there(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            ticker = await quoted(ib, contract)
            ask = ticker.ask
            low, _ = await limits(ib, contract)
            gateway.fault("lock_limit", symbol="ZO", value="up")
            await until(lambda: ticker.bid > ask and not ticker.askSize, "only buyers are left")
            trade = ib.placeOrder(contract, LimitOrder("SELL", 1, low, tif="GTC"))
            await until(lambda: trade.filled() == 1)
            assert trade.fills[0].execution.price > ask
            gateway.fault("lock_limit", symbol="ZO", value="none")
            await until(lambda: ticker.askSize > 0, "sellers are back")

    play(tmp_path, scenario)
