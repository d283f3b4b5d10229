"""Faults of connections, messages and moments as ib_async sees them over TCP."""

import asyncio
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from ib_async import IB, Contract, LimitOrder

from hydra.domain.errors import HydraError
from hydra.simgateway.fault_catalogue import FAULTS
from tests.gateway_client import client, filling, front, limits, play, resting, until
from tests.gateway_process import GatewayProcess


@pytest.mark.parametrize("name", ["drop", "reset"])
def test_a_dropped_client_comes_back_to_its_order(tmp_path: Path, name: str) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            await resting(ib)
            gateway.fault(name)
            await until(lambda: not ib.isConnected())
        async with client(gateway) as again:
            assert [trade.order.orderRef for trade in again.openTrades()] == ["H-1"]

    play(tmp_path, scenario)


def test_one_client_can_be_dropped_alone(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway, 1) as one, client(gateway, 2) as two:
            gateway.fault("drop", client_id=1)
            await until(lambda: not one.isConnected())
            await two.reqPositionsAsync()

    play(tmp_path, scenario)


def test_a_half_open_socket_says_nothing_and_keeps_its_client_id(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("half_open")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ib.reqPositionsAsync(), 0.2)
            assert ib.isConnected()
            with pytest.raises(TimeoutError):
                await IB().connectAsync(gateway.host, gateway.port, 1, timeout=0.3)
        async with client(gateway):
            pass

    play(tmp_path, scenario)


def test_a_frozen_gateway_reads_what_it_was_sent_when_it_wakes(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            gateway.fault("freeze")
            ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="GTC", orderRef="H-1"))
            await asyncio.sleep(0.1)
            assert gateway.books()["frames"] == []
        assert gateway.books()["frames"] == []
        gateway.fault("thaw")
        await until(lambda: [row["order_ref"] for row in gateway.books()["orders"]] == ["H-1"])

    play(tmp_path, scenario)


def test_connections_are_refused_for_a_while(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        gateway.fault("refuse", for_s=0.3)
        with pytest.raises(ConnectionRefusedError):
            await IB().connectAsync(gateway.host, gateway.port, 1, timeout=0.3)

        async def connects() -> bool:
            try:
                async with client(gateway):
                    return True
            except OSError:
                return False

        deadline = time.monotonic() + 5
        while not await connects():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    play(tmp_path, scenario)


@pytest.mark.parametrize("code", ["1101", "1102"])
def test_while_the_servers_are_away_fills_are_kept_back(tmp_path: Path, code: str) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            ticker = ib.reqMktData(contract)
            await until(lambda: ticker.close == ticker.close)
            _, high = ticker.close - 15, ticker.close + 15
            gateway.fault("1100", on="accept")
            trade = ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC", orderRef="H-1"))
            await until(lambda: gateway.books()["executions"])
            await until(lambda: (-1, 1100) in ib.codes)
            assert (trade.fills, trade.orderStatus.status) == ([], "PendingSubmit")
            gateway.fault(code)
            await until(lambda: trade.fills and trade.orderStatus.status == "Filled")
            assert (-1, int(code)) in ib.codes
            seen = ticker.time
            if code == "1102":
                await until(lambda: ticker.time != seen, "quotes go on")

    play(tmp_path, scenario)


def test_farm_notices_and_the_rate_error(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("farm", code=2103)
            await until(lambda: (-1, 2103) in ib.codes)
            gateway.fault("error_100")
            await until(lambda: (-1, 100) in ib.codes and not ib.isConnected())

    play(tmp_path, scenario)


def test_a_ghost_keeps_a_client_id_for_a_while(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("zombie_326", seconds=0.6)
            dropped = time.monotonic()
            await until(lambda: not ib.isConnected())
        ghost = IB()
        codes: list[int] = []
        ghost.errorEvent += lambda req_id, code, text, contract: codes.append(code)
        with pytest.raises(TimeoutError):
            await ghost.connectAsync(gateway.host, gateway.port, 1, timeout=0.2)
        assert codes == [326]
        await until(lambda: time.monotonic() > dropped + 0.6)
        async with client(gateway):
            pass

    play(tmp_path, scenario)


def test_muted_delayed_and_doubled_messages(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("mute", kind="positionEnd", count=1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ib.reqPositionsAsync(), 0.2)
            await ib.reqPositionsAsync()
            gateway.fault("delay", kind="positionEnd", seconds=0.15, count=1)
            begun = time.monotonic()
            await ib.reqPositionsAsync()
            assert time.monotonic() - begun >= 0.15
            heard = listen(ib)
            gateway.fault("duplicate_status", count=1)
            gateway.fault("duplicate_exec", count=1)
            gateway.fault("late_commission", seconds=0.15, count=1)
            trade = await filling(ib)
            await until(lambda: trade.fills and trade.fills[0].commissionReport.execId)
            assert heard.count("11") == 2
            assert heard.index("59") > max(at for at, kind in enumerate(heard) if kind == "3")
            assert len(gateway.books()["executions"]) == 1
            assert trade.filled() == 1

    play(tmp_path, scenario)


def listen(ib: IB) -> list[str]:
    """The ids of the order messages in the order of their arrival."""
    heard: list[str] = []
    interpret = ib.client.decoder.interpret

    def noted(fields: list[str]) -> None:
        if fields[0] in ("3", "5", "11", "59"):
            heard.append(fields[0])
        interpret(fields)

    ib.client.decoder.interpret = noted
    return heard


def test_reordered_reports_still_say_the_same(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            _, high = await limits(ib, contract)
            gateway.fault("reorder", count=1)
            heard = listen(ib)
            trade = ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC"))
            await until(lambda: trade.fills)
            assert heard.index("59") < heard.index("11")

    play(tmp_path, scenario)


def test_a_restart_drops_everyone_and_keeps_everything(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            await resting(ib)
            before = gateway.books()
            gateway.fault("restart")
            await until(lambda: not ib.isConnected())
        async with client(gateway) as ib:
            assert [trade.order.orderRef for trade in ib.openTrades()] == ["H-1"]
            assert gateway.books() == before

    play(tmp_path, scenario)


def test_single_bytes_and_one_great_segment_read_the_same(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        gateway.fault("split_bytes")
        async with client(gateway) as ib:
            await resting(ib)
        gateway.fault("clear")
        gateway.fault("coalesce", seconds=0.05)
        async with client(gateway, timeout=4) as ib:
            assert [trade.order.orderRef for trade in ib.openTrades()] == ["H-1"]

    play(tmp_path, scenario)


@pytest.mark.parametrize("point", ["place_order", "accept", "ack", "fill", "fill_reported"])
def test_a_real_signal_reaches_another_process_at_the_hooked_moment(tmp_path: Path, point: str) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            async with client(gateway) as ib:
                contract = await front(ib)
                _, high = await limits(ib, contract)
                gateway.fault("kill", pid=victim.pid, on=point, order_ref="H-2")
                first = ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC", orderRef="H-1"))
                await until(lambda: first.fills)
                assert victim.poll() is None
                ib.placeOrder(contract, LimitOrder("BUY", 1, high, tif="GTC", orderRef="H-2"))
                await until(lambda: victim.poll() is not None)
            assert victim.returncode == -9
        finally:
            victim.kill()
            victim.wait()

    play(tmp_path, scenario)


def test_the_nth_moment_is_the_nth(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            gateway.fault("drop", on="req_positions", nth=3)
            for _ in range(2):
                await ib.reqPositionsAsync()
            with pytest.raises(ConnectionError):
                await ib.reqPositionsAsync()

    play(tmp_path, scenario)


def test_a_fault_whose_moment_has_nothing_to_act_on_leaves_the_gateway_alive(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        with pytest.raises(HydraError, match="HY-207"):
            gateway.fault("warn", code=399)
        gateway.fault("correction", on="connect")
        async with client(gateway) as ib:
            await ib.reqPositionsAsync()

    play(tmp_path, scenario)


def test_expired_orders_are_a_moment_too(tmp_path: Path) -> None:
    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract: Contract = await front(ib)
            low, _ = await limits(ib, contract)
            till = gateway.now() + timedelta(seconds=20)
            gateway.fault("drop", on="expire")
            order = LimitOrder("BUY", 1, low, tif="GTD", goodTillDate=f"{till:%Y%m%d-%H:%M:%S}")
            ib.placeOrder(contract, order)
            await until(lambda: not ib.isConnected())
        (row,) = gateway.books()["orders"]
        assert row["status"] == "Cancelled"

    play(tmp_path, scenario)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_the_catalogue_is_exercised(name: str) -> None:
    here = Path(__file__).parent
    tests = [path.read_text().split("def test_every_fault")[0] for path in here.glob("test_gateway_*.py")]
    assert any(f'"{name}"' in text for text in tests)
