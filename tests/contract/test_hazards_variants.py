"""Gateways differ: time formats, data entitlements, read-only mode, a gateway that lies about time.

Each runs a gateway with other settings on the test's own loop, over a real socket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hydra.broker import IbBroker
from hydra.clock import ScaledClock
from hydra.domain.contract import Contract
from hydra.domain.events import ChildSending
from hydra.domain.evidence import ErrorMeaning, OrderErrorReport
from hydra.domain.quantity import Side
from hydra.ports import NotSent, Refused, Sent, Unknown
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.server import GatewayServer
from hydra.simgateway.store import MemoryJournal
from tests.contract.broker_scene import Scene, options_at, play, until

START_PX = Decimal(80)
START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@asynccontextmanager
async def broker_and_server(
    settings: GatewaySettings, **changed: Any
) -> AsyncIterator[tuple[Scene, GatewayServer]]:
    loop = asyncio.get_running_loop()
    clock = ScaledClock(START, 60.0, datetime.now(UTC).timestamp())
    server = GatewayServer(settings, clock, MemoryJournal(), loop)
    await server.start("127.0.0.1", 0)
    broker = IbBroker(options_at(server.host, server.port, **changed), clock)
    await broker.connect()
    supervision = asyncio.ensure_future(broker.supervise())
    try:
        yield Scene(None, broker, clock), server
    finally:
        await broker.close()
        await supervision
        server.stop()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("shape", ["zone", "utc", "naive"])
def test_an_execution_time_means_the_same_in_every_shape(shape: str) -> None:
    """The dashed one is UTC, the bare one is the gateway's zone, whatever zone this machine has."""

    async def scene() -> None:
        settings = GatewaySettings(exec_time=shape, zone="US/Central")
        async with broker_and_server(settings, broker_zone="America/Chicago") as (here, _):
            child = await here.filled(await here.contract())
            (execution, *_rest) = here.executions(child.order_ref)
            assert abs((here.clock.now() - execution.executed_at).total_seconds()) < 300
            assert here.broker.link.is_good

    play(scene())


def test_a_wrong_broker_zone_stops_new_children_at_the_second_fill() -> None:
    """Reading the books again does not help: they are in the wrong hour as well."""

    async def scene() -> None:
        settings = GatewaySettings(exec_time="naive")
        async with broker_and_server(settings, broker_zone="Asia/Tokyo") as (here, _):
            contract = await here.contract()
            for _ in range(2):
                await here.good(since_s=here.broker.options.settle_s)
                await here.filled(contract)
            await here.whole()
            assert "broker_zone" in here.broker.link.reason
            _, answer = here.try_place(contract, Side.BUY, 1, (await here.quote(contract)).bid_px or START_PX)
            assert isinstance(answer, NotSent)

    play(scene())


def test_an_execution_that_cannot_be_read_stops_new_children_until_the_books_are_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gateway writes a time zone nobody knows: the library would drop the fill and only log it."""

    async def scene() -> None:
        async with broker_and_server(GatewaySettings()) as (here, server):
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.ask_px is not None
            monkeypatch.setattr(server.gateway.core, "time_text", lambda at: "20261123 10:00:00 Mars/Olympus")
            here.place(contract, Side.BUY, 1, quote.ask_px + 40 * contract.tick)
            await until(lambda: "execDetails" in here.broker.link.reason, "the alarm")
            _, answer = here.try_place(contract, Side.BUY, 1, quote.ask_px)
            assert isinstance(answer, NotSent)
            assert isinstance(await here.broker.snapshot(), Unknown), "an unreadable fill is not none"
            newcomer = IbBroker(options_at(server.host, server.port), here.clock)
            await newcomer.connect()
            assert "execDetails" in newcomer.link.reason, "it could not read the books while connecting"
            await newcomer.close()
            monkeypatch.undo()
            await here.good()
            assert len((await here.whole()).executions) >= 1

    play(scene())


def test_delayed_prices_are_not_traded_on() -> None:
    async def scene() -> None:
        async with broker_and_server(GatewaySettings(market_data="delayed")) as (here, _):
            contract = await here.broker.qualify("HE")
            assert isinstance(contract, Contract)
            await here.broker.watch(contract)
            await asyncio.sleep(0.2)
            quote = here.broker.quote(contract.con_id)
            assert quote is None or (quote.bid_px is None and quote.ask_px is None)

    play(scene())


def test_without_an_entitlement_watching_is_refused_by_code() -> None:
    async def scene() -> None:
        async with broker_and_server(GatewaySettings(market_data="none")) as (here, _):
            contract = await here.broker.qualify("HE")
            assert isinstance(contract, Contract)
            answer = await here.broker.watch(contract)
            assert isinstance(answer, Refused)
            assert answer.code in (354, 10168)

    play(scene())


def test_a_read_only_gateway_leaves_children_in_doubt_and_says_why() -> None:
    """321 answers a placement and a cancel alike, so it can prove neither."""

    async def scene() -> None:
        async with broker_and_server(GatewaySettings(is_read_only=True)) as (here, _):
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            child, answer = here.try_place(contract, Side.BUY, 1, quote.bid_px)
            assert isinstance(child, ChildSending)
            assert isinstance(answer, Sent)
            told = await until(
                lambda: [one for one in here.of(OrderErrorReport) if one.ib_order_id == child.ib_order_id],
                "321",
            )
            assert {(one.code, one.meaning) for one in told} == {(321, ErrorMeaning.DOUBT)}

    play(scene())


def test_every_protocol_version_tells_the_same_story() -> None:
    """Down to 157, the oldest the library speaks."""

    async def scene(version: int) -> tuple[object, ...]:
        async with broker_and_server(GatewaySettings(server_version=version)) as (here, _):
            contract = await here.contract()
            child = await here.filled(contract)
            resting = await here.resting(contract)
            books = await here.whole()
            (working,) = [one for one in books.working if one.order_ref == resting.order_ref]
            done = [one for one in books.executions if one.order_ref == child.order_ref]
            return contract, sum(one.qty for one in done), working.side, working.qty, working.con_id

    assert play(scene(178)) == play(scene(157)) == play(scene(163)) == play(scene(176))
