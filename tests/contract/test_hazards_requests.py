"""What the client library would get wrong about requests: provoked here, none hangs and none lies.

Each test's name is in the table of docs/ib_hazards.md.
"""

import asyncio
import time

import pytest

from hydra.domain.contract import Contract
from hydra.domain.evidence import BrokerSnapshot
from hydra.ports import Refused, Unknown
from tests.contract.broker_scene import (
    broker_at,
    play,
    until,
)
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.process


# --- requests ---


def test_a_request_refused_with_a_warning_code_ends(gateway: GatewayProcess) -> None:
    """321 is only a warning to the library, whose request would wait for ever."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            begun = time.monotonic()
            answer = await here.broker.daily_bars(contract, -1)
            assert time.monotonic() - begun < 1
            assert isinstance(answer, Refused)
            assert answer.code == 321

    play(scene())


def test_closing_ends_what_is_in_flight(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=30.0) as here:
            await here.fault("mute", kind="positionEnd", client_id=here.broker.client_id)
            asked = asyncio.ensure_future(here.broker.snapshot())
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            await here.broker.close()
            assert isinstance(await asked, Unknown)
            assert time.monotonic() - begun < 2

    play(scene())


def test_a_drop_ends_what_is_in_flight(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=30.0) as here:
            await here.fault("mute", kind="positionEnd", client_id=here.broker.client_id)
            asked = asyncio.ensure_future(here.broker.snapshot())
            await asyncio.sleep(0.05)
            await here.fault("drop", client_id=here.broker.client_id)
            assert isinstance(await asyncio.wait_for(asked, 3), Unknown)

    play(scene())


def test_many_snapshots_at_once_are_all_answered(gateway: GatewayProcess) -> None:
    """Three of the requests have no id on the wire: a second call would orphan the first."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            answers = await asyncio.gather(*(here.broker.snapshot() for _ in range(8)))
            assert all(isinstance(answer, BrokerSnapshot) for answer in answers)
            begun = [answer.begun_wall_s for answer in answers if isinstance(answer, BrokerSnapshot)]
            ended = [answer.ended_wall_s for answer in answers if isinstance(answer, BrokerSnapshot)]
            assert all(end <= start for end, start in zip(ended, begun[1:], strict=False))

    play(scene())


@pytest.mark.parametrize("kind", ["positionEnd", "openOrderEnd", "execDetailsEnd"])
def test_a_missing_end_marker_makes_the_whole_answer_unknown(gateway: GatewayProcess, kind: str) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=0.4) as here:
            await here.fault("mute", kind=kind, client_id=here.broker.client_id, count=1)
            answer = await here.broker.snapshot()
            assert isinstance(answer, Unknown), "silence is not an empty book"
            assert "no answer" in answer.reason

    play(scene())


def test_a_late_end_marker_is_not_taken_for_the_next_ones(gateway: GatewayProcess) -> None:
    """The first request's answer comes while the second waits: it must not end the second."""

    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=1.0) as here:
            await here.fault(
                "delay", kind="openOrderEnd", seconds=1.3, count=1, client_id=here.broker.client_id
            )
            assert isinstance(await here.broker.snapshot(), Unknown)
            before = here.clock.wall_s()
            books = await here.whole()
            assert books.begun_wall_s >= before

    play(scene())


def test_a_key_that_stays_silent_costs_the_connection(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=0.3) as here:
            await here.fault("mute", kind="openOrderEnd", count=3, client_id=here.broker.client_id)
            for _ in range(3):
                assert isinstance(await here.broker.snapshot(), Unknown)
            await until(lambda: here.broker.link.connection_no >= 2, "a new connection")
            await here.good()
            await here.whole()

    play(scene())


def test_completed_orders_that_never_come_do_not_spoil_the_rest(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=0.4) as here:
            await here.fault("mute_completed")
            assert (await here.whole()).completed is None
            begun = time.monotonic()
            assert (await here.whole()).completed is None
            assert time.monotonic() - begun < 0.3, "asked once per connection, not waited for again"
            await here.fault("clear")

    play(scene())


def test_history_that_does_not_come_is_unknown_and_a_refusal_is_named(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, history_timeout_s=0.4) as here:
            contract = await here.contract()
            await here.fault("mute", kind="historicalData", count=1, client_id=here.broker.client_id)
            assert isinstance(await here.broker.daily_bars(contract, 20), Unknown)
            refused = await here.broker.daily_bars(strange(contract), 20)
            assert isinstance(refused, Refused)
            bars = await here.broker.daily_bars(contract, 20)
            assert not isinstance(bars, Refused | Unknown)
            assert len(bars) == 20

    play(scene())


def strange(contract: Contract) -> Contract:
    from dataclasses import replace

    return replace(contract, con_id=999_999)
