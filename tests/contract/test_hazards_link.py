"""What the client library would get wrong about the link: provoked here, nothing hangs and nothing lies.

Each test's name is in the table of docs/ib_hazards.md.
"""

import asyncio
import gc
import time

import pytest

from hydra.broker import IbBroker
from hydra.broker.decoder import RawIB
from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.evidence import BrokerSnapshot
from hydra.domain.quantity import Side
from hydra.ports import NotSent, Sent, Unknown
from tests.contract.broker_scene import (
    broker_at,
    clock_of,
    options_for,
    play,
    until,
)
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.process


async def connection_refusal(gateway: GatewayProcess, **changed: object) -> tuple[str, float]:
    """The code of a failed connect, and how long it took."""
    broker = IbBroker(options_for(gateway, **changed), clock_of(gateway))
    begun = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        await broker.connect()
    await broker.close()
    return refused.value.code, time.monotonic() - begun


# --- connecting ---


def test_a_connect_without_its_books_is_no_connect(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        await asyncio.to_thread(gateway.fault, "mute", kind="positionEnd", count=1)
        code, _ = await connection_refusal(gateway, connect_timeout_s=0.5)
        assert code == "HY-306"
        await asyncio.to_thread(gateway.fault, "clear")

    play(scene())


def test_a_client_id_in_use_is_named_at_once(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            code, seconds = await connection_refusal(gateway, client_id=here.broker.client_id)
            assert code == "HY-305"
            assert seconds < 1.5, "not after the whole timeout"
            assert here.broker.link.is_good, "the holder is not disturbed"

    play(scene())


def test_a_ghost_of_our_own_connection_is_waited_for_under_the_same_id(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            await here.fault("zombie_326", seconds=1.0, client_id=here.broker.client_id)
            await until(lambda: not here.broker.link.is_good, "the loss")
            await here.good()
            assert (await here.whole()).client_id == here.broker.client_id

    play(scene())


def test_twenty_drops_leave_one_connection_and_no_growth(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, backoff_s=(0.01,)) as here:
            contract = await here.contract()
            for number in range(2, 22):
                await here.fault("drop", client_id=here.broker.client_id)
                await until(lambda n=number: here.broker.link.connection_no >= n, f"connection {number}")
                await here.good()
            await here.quote(contract)
            gc.collect()
            alive = [one for one in gc.get_objects() if type(one) is RawIB]
            assert len(alive) <= 2
            connection = here.broker._supervisor.connection
            assert connection is not None
            wrapper = connection.ib.wrapper
            for grown in (
                wrapper.trades,
                wrapper.fills,
                wrapper.tickers,
                wrapper.reqId2Ticker,
                wrapper.permId2Trade,
            ):
                assert len(grown) == 0

    play(scene())


def test_no_trade_object_is_ever_built(gateway: GatewayProcess) -> None:
    """Nothing to print, nothing to believe: the library's own order state stays empty."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            for _ in range(5):
                await here.filled(contract)
            connection = here.broker._supervisor.connection
            assert connection is not None
            assert connection.ib.trades() == []
            assert connection.ib.fills() == []

    play(scene())


# --- a link that looks alive ---


def test_a_frozen_gateway_is_noticed_by_its_silence(gateway: GatewayProcess) -> None:
    """The socket stays open and takes bytes; only the heartbeat tells."""

    async def scene() -> None:
        async with broker_at(gateway, heartbeat_misses_max=50) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            await here.fault("freeze")
            sent, answer = here.try_place(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            assert isinstance(answer, Sent), "nobody can know yet: it counts as sent"
            await until(lambda: not here.broker.link.is_good, "the silence")
            assert "heartbeat" in here.broker.link.reason
            _, refused = here.try_place(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            assert isinstance(refused, NotSent)
            await here.fault("thaw")
            await here.good()
            assert await here.working(sent.order_ref) is not None

    play(scene())


def test_a_half_open_connection_is_given_up_and_made_anew(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, heartbeat_misses_max=1) as here:
            await here.fault("half_open", client_id=here.broker.client_id)
            await until(lambda: not here.broker.link.is_good, "the silence")
            await here.fault("reset", client_id=here.broker.client_id)
            await until(lambda: here.broker.link.connection_no >= 2, "a new connection")
            await here.good()

    play(scene())


@pytest.mark.parametrize("restored", ["1101", "1102"])
def test_while_the_gateway_lost_ib_nothing_is_sent_and_after_it_the_books_are_read(
    gateway: GatewayProcess, restored: str
) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            await here.fault("1100")
            await until(lambda: not here.broker.link.is_good, "1100")
            assert here.broker.link.connection_no == 1, "the socket stays"
            _, refused = here.try_place(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            assert isinstance(refused, NotSent)
            begun = time.monotonic()
            assert isinstance(await here.broker.snapshot(), Unknown)
            assert time.monotonic() - begun < 1, "not asked at all"
            await here.fault(restored)
            await here.good()
            assert here.broker.link.connection_no == 1
            last = await here.quote(contract)
            await until(
                lambda: here.broker.quote(contract.con_id).changed_at > last.changed_at,  # type: ignore[union-attr]
                "a fresh quote",
            )

    play(scene())


def test_books_begun_before_a_break_do_not_make_the_link_good(gateway: GatewayProcess) -> None:
    """The break comes while a snapshot runs, and the one after it gets no answer."""

    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=1.0) as here:
            await here.fault(
                "delay", kind="openOrderEnd", seconds=0.5, count=1, client_id=here.broker.client_id
            )
            asked = asyncio.ensure_future(here.broker.snapshot())
            await asyncio.sleep(0.05)
            await here.fault("mute", kind="positionEnd", client_id=here.broker.client_id)
            await here.fault("1102")
            books = await asked
            assert isinstance(books, BrokerSnapshot)
            assert not books.link_was_good
            assert not here.broker.link.is_good
            await here.fault("clear")
            await here.good()

    play(scene())


def test_a_broken_farm_of_ours_stops_new_children(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            await here.fault("farm", code=2103, farm="usfuture")
            await until(lambda: not here.broker.link.is_good, "2103")
            await here.fault("farm", code=2104, farm="usfuture")
            await here.good()

    play(scene())


def test_what_was_watched_is_watched_again_after_a_drop(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            await here.quote(contract)
            await here.fault("drop", client_id=here.broker.client_id)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            before = here.broker.quote(contract.con_id)
            assert before is not None
            await until(
                lambda: here.broker.quote(contract.con_id).changed_at > before.changed_at,  # type: ignore[union-attr]
                "a quote on the new connection",
            )

    play(scene())


def test_an_order_does_not_wait_behind_data_requests(gateway: GatewayProcess) -> None:
    """Ninety requests at once are paced below the client's throttle; the child leaves at once."""

    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=20.0) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            asked = [asyncio.ensure_future(here.broker.qualify("HE")) for _ in range(45)]
            await asyncio.sleep(0.1)
            child = here.place(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            begun = time.monotonic()
            await until(lambda: here.acknowledged(child.order_ref), "the acknowledgement")
            assert time.monotonic() - begun < 1.0
            answers = await asyncio.gather(*asked)
            assert all(isinstance(answer, Contract) for answer in answers)

    play(scene())


def test_a_child_is_not_queued_behind_a_reached_throttle(gateway: GatewayProcess) -> None:
    """A message in the library's own queue would be sent later, or silently thrown away by a drop."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            connection = here.broker._supervisor.connection
            assert connection is not None
            for _ in range(44):
                connection.client.reqMarketDataType(1)
            child, answer = here.try_place(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            assert isinstance(answer, NotSent)
            assert "throttle" in answer.reason or "queue" in answer.reason
            assert here.broker.last_hop.charged(child.parent) == 0
            await asyncio.sleep(0.1)
            assert here.frames(child.order_ref) == []

    play(scene())


def test_byte_by_byte_and_in_clumps_the_evidence_is_the_same(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            await here.fault("split_bytes")
            contract = await here.contract()
            split = await here.filled(contract)
            await here.fault("clear")
            await here.fault("coalesce", seconds=0.1)
            clumped = await here.filled(contract)
            assert here.executions(split.order_ref)[0].qty == here.executions(clumped.order_ref)[0].qty == 1
            await here.good()

    play(scene())
