"""Why a connection is not made, or not trusted: each cause by its own code."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hydra.broker import IbBroker
from hydra.clock import ScaledClock
from hydra.domain.errors import HydraError, Unavailable, UserError
from tests.contract.broker_scene import broker_at, clock_of, options_for, play, until
from tests.gateway_process import GatewayProcess, running_gateway

pytestmark = pytest.mark.process


# --- connecting: each cause by its name ---


async def refused(gateway: GatewayProcess, **changed: Any) -> HydraError:
    broker = IbBroker(options_for(gateway, **changed), clock_of(gateway))
    with pytest.raises((Unavailable, UserError)) as failure:
        await broker.connect()
    assert not broker.link.is_good
    assert broker.link.reason
    await broker.close()
    return failure.value


Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def refusal_by(gateway: GatewayProcess, peer: Peer, connect_timeout_s: float = 0.3) -> str:
    """The code of a connect to something that is no gateway; it must not take the whole time."""
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failure = await asyncio.wait_for(refused(gateway, port=port, connect_timeout_s=connect_timeout_s), 3)
    server.close()
    await asyncio.sleep(0.05)
    return failure.code


def test_nothing_listening_is_said_so(gateway: GatewayProcess) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert play(refused(gateway, port=port)).code == "HY-301"


def test_a_server_that_is_no_gateway_is_said_so(gateway: GatewayProcess) -> None:
    """It takes the connection and stays silent."""

    async def scene() -> str:
        async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        return await refusal_by(gateway, stay_silent)

    assert play(scene()) == "HY-303"


def test_a_server_that_hangs_up_is_said_so_at_once(gateway: GatewayProcess) -> None:
    async def scene() -> str:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        return await refusal_by(gateway, hang_up, connect_timeout_s=30.0)

    assert play(scene()) == "HY-303"


def test_garbage_for_a_handshake_is_said_so(gateway: GatewayProcess) -> None:
    async def scene() -> str:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            writer.close()

        return await refusal_by(gateway, babble, connect_timeout_s=30.0)

    assert play(scene()) == "HY-303"


def test_a_gateway_without_a_session_is_said_so(gateway: GatewayProcess) -> None:
    async def scene() -> str:
        await asyncio.to_thread(gateway.fault, "mute", kind="managedAccounts", count=1)
        failure = await refused(gateway, connect_timeout_s=0.4)
        await asyncio.to_thread(gateway.fault, "clear")
        return failure.code

    assert play(scene()) == "HY-304"


def test_the_account_proves_the_mode(gateway: GatewayProcess) -> None:
    failure = play(refused(gateway, mode="live"))
    assert (failure.code, failure.exit_code) == ("HY-307", 2)
    assert "DUSIM001" in str(failure)


def test_an_account_that_is_not_served_is_refused(gateway: GatewayProcess) -> None:
    assert play(refused(gateway, account="DU0000009")).code == "HY-308"


def test_the_supervisor_waits_for_a_gateway_that_comes_later(tmp_path: Path) -> None:
    async def scene() -> None:
        with running_gateway(tmp_path / "first") as first:
            port, options = first.port, options_for(first)
            clock = clock_of(first)
        broker = IbBroker(options, clock)
        supervision = asyncio.ensure_future(broker.supervise())
        await until(lambda: "nothing listens" in broker.link.reason, "a named failure")
        with running_gateway(tmp_path / "second", port=port) as second:
            broker_clock = clock_of(second)
            clock.start, clock.anchor_s = broker_clock.start, broker_clock.anchor_s
            await until(lambda: broker.link.is_good, "the connection")
            await broker.close()
        await supervision

    play(scene())


def test_clocks_apart_stop_new_children_and_are_told(gateway: GatewayProcess) -> None:
    """The limit is wall time: at 60 times the speed two wall seconds are two market minutes."""

    async def scene() -> None:
        own = clock_of(gateway)
        apart = ScaledClock(own.start + timedelta(seconds=200), own.speed, own.anchor_s)
        async with broker_at(gateway, clock=apart) as here:
            assert not here.broker.link.is_good
            assert "skew" in here.broker.link.reason
            assert here.broker.link.skew_s == pytest.approx(-200 / 60, abs=0.3)

    play(scene())
