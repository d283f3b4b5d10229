"""Kills at the moment of writing, restarts, and bytes that are no client: the books stay what they were."""

import asyncio
import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from ib_async import LimitOrder
from ib_async.client import Client

from tests.gateway_client import WAIT_S, client, front, limits, until
from tests.gateway_process import GatewayProcess, running_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for the garbage, which must leave nothing behind."""
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


# --- kills ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "nth", "exists"), [("before_write", 1, False), ("after_write", 1, True), ("accept", 1, True)]
)
def test_a_gateway_killed_around_the_write_of_an_order_comes_back_with_equal_books(
    tmp_path: Path, point: str, nth: int, exists: bool
) -> None:
    """`kill` makes the gateway send itself a real SIGKILL at that moment."""

    async def place(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            low, _ = await limits(ib, contract)
            gateway.fault("kill", pid=gateway.pid, on=point, nth=nth)
            ib.placeOrder(contract, LimitOrder("BUY", 1, low, tif="GTC", orderRef="H-1"))
            await until(lambda: not ib.isConnected())
        assert gateway.wait() == -signal.SIGKILL

    async def look(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            refs = [trade.order.orderRef for trade in await ib.reqAllOpenOrdersAsync()]
            assert refs == (["H-1"] if exists else [])

    with running_gateway(tmp_path) as first:
        asyncio.run(place(first))
        before = first.books()
        assert [row["order_ref"] for row in before["orders"]] == (["H-1"] if exists else [])
    with running_gateway(tmp_path) as second:
        assert second.books() == before
        asyncio.run(look(second))


def test_a_gateway_killed_in_the_middle_of_fills_books_each_once(tmp_path: Path) -> None:
    async def trade(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            contract = await front(ib)
            _, high = await limits(ib, contract)
            gateway.fault("kill", pid=gateway.pid, on="fill", nth=2)
            ib.placeOrder(contract, LimitOrder("BUY", 40, high, tif="GTC", orderRef="H-1"))
            await until(lambda: not ib.isConnected())
        assert gateway.wait() == -signal.SIGKILL

    async def look(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            fills = await ib.reqExecutionsAsync()
            booked = gateway.books()
            assert {fill.execution.execId for fill in fills} <= {
                row["exec_id"] for row in booked["executions"]
            }
            (row,) = booked["orders"]
            assert sum(int(str(each["qty"])) for each in booked["executions"]) == row["filled"]

    with running_gateway(tmp_path) as first:
        asyncio.run(trade(first))
        done = first.books()["executions"]
        assert len(done) == 2
    with running_gateway(tmp_path) as second:
        assert second.books()["executions"][:2] == done
        asyncio.run(look(second))


def test_sigterm_is_a_clean_end_and_the_clock_goes_on(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        before = gateway.now()
        assert gateway.stop() == 0
    assert not (tmp_path / "control.json").exists()
    with running_gateway(tmp_path) as again:
        assert timedelta(0) <= again.now() - before < timedelta(minutes=10)


def test_a_shell_takes_the_gateways_clock_over_in_one_line(gateway: GatewayProcess) -> None:
    """What the README says: a session on another clock than its gateway's is refused."""
    hydra = f"{sys.executable} -m hydra.cli"
    line = f"export $({hydra} gateway clock --state-dir {gateway.state_dir}) && env"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=50, check=True)
    clock = json.loads((gateway.state_dir / "clock.json").read_text())
    taken = dict(one.split("=", 1) for one in done.stdout.splitlines() if one.startswith("HYDRA_CLOCK_"))
    assert taken == {name: str(value) for name, value in clock.items()}


# --- garbage ----------------------------------------------------------------------------------------


def raw(gateway: GatewayProcess, data: bytes) -> bytes:
    """What the gateway sends back until it closes."""
    with socket.create_connection((gateway.host, gateway.port), timeout=WAIT_S) as link:
        link.sendall(data)
        answer = b""
        try:
            while chunk := link.recv(4096):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


HELLO = b"API\0" + struct.pack(">I", 9) + b"v157..178"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0" * 64,
        b"API\0" + struct.pack(">I", 1 << 31),
        b"API\0" + struct.pack(">I", 8) + b"v100.156",
        b"API\0" + struct.pack(">I", 9) + b"v300..400",
        HELLO + struct.pack(">I", 1 << 30),
        HELLO + struct.pack(">I", 11) + b"71\x002\x00oops\x00\x00",
    ],
    ids=["http", "zeros", "long greeting", "old", "new", "long frame", "no client id"],
)
def test_garbage_is_one_log_line_and_the_end_of_that_socket_only(
    gateway: GatewayProcess, data: bytes
) -> None:
    async def scenario() -> None:
        async with client(gateway, 3) as ib:
            log = gateway.process.stderr_path
            before = len(log.read_text().splitlines())
            await asyncio.to_thread(raw, gateway, data)
            await until(lambda: len(log.read_text().splitlines()) == before + 1)
            assert "hydra.connection.closed" in log.read_text().splitlines()[-1]
            assert ib.isConnected()
            await ib.reqPositionsAsync()

    asyncio.run(scenario())


def test_a_newer_client_is_answered_at_178_and_the_greeting_is_one_segment(gateway: GatewayProcess) -> None:
    with socket.create_connection((gateway.host, gateway.port), timeout=WAIT_S) as link:
        link.sendall(b"API\0" + struct.pack(">I", 9) + b"v100..225")
        answer = link.recv(4096)
        (size,) = struct.unpack(">I", answer[:4])
        assert len(answer) == size + 4
        assert answer[4:].split(b"\0")[0] == b"178"


def test_fifty_messages_a_second_and_no_more_at_real_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "MaxRequests", 0)

    async def scenario(gateway: GatewayProcess) -> None:
        async with client(gateway) as ib:
            for _ in range(80):
                ib.client.reqIds(1)
            await until(lambda: (-1, 100) in ib.codes)
            assert ib.isConnected()

    with running_gateway(tmp_path, speed=1) as gateway:
        asyncio.run(scenario(gateway))
