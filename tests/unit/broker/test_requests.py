"""A request ends with rows, a refusal or Unknown; it never hangs and never takes another's answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from hydra.broker.requests import Requests
from hydra.ports import Refused, Unknown

T = TypeVar("T")


def play(scene: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scene)


async def at_once() -> None:
    """The pace of a client that sends nothing else."""


def nothing() -> None:
    """A send whose answer the test gives itself."""


async def later(requests: Requests, *answers: tuple[str, object, object]) -> None:
    await asyncio.sleep(0)
    for act, key, row in answers:
        getattr(requests, act)(key, *([row] if act != "end" else []))


def test_rows_come_until_the_end_marker() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        asked = asyncio.ensure_future(requests.ask(7, nothing, 1.0))
        await later(requests, ("add", 7, "a"), ("add", 8, "x"), ("add", 7, "b"), ("end", 7, None))
        assert await asked == ["a", "b"]

    play(scene())


def test_an_empty_answer_is_not_a_missing_one() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        asked = asyncio.ensure_future(requests.ask(7, nothing, 1.0))
        await later(requests, ("end", 7, None))
        assert await asked == []
        assert isinstance(await requests.ask(8, nothing, 0.01), Unknown)

    play(scene())


def test_a_refusal_ends_the_request_it_names() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        asked = asyncio.ensure_future(requests.ask(7, nothing, 1.0))
        await later(requests, ("refuse", 7, Refused(162, "no data")))
        assert await asked == Refused(162, "no data")

    play(scene())


def test_closing_ends_everything_and_what_comes_after() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        asked = [
            asyncio.ensure_future(requests.ask(7, nothing, 9.0)),
            asyncio.ensure_future(requests.ask_fixed("positions", nothing, 9.0)),
        ]
        await asyncio.sleep(0)
        requests.close("dropped")
        assert await asyncio.gather(*asked) == [Unknown("dropped")] * 2
        assert await requests.ask(9, nothing, 9.0) == Unknown("dropped")

    play(scene())


def test_a_dead_socket_at_send_is_unknown() -> None:
    def refuse() -> None:
        raise ConnectionError("Not connected")

    async def scene() -> None:
        assert await Requests(at_once).ask(7, refuse, 1.0) == Unknown("Not connected")

    play(scene())


def test_one_request_of_a_kind_at_a_time() -> None:
    """The second is sent only after the first has its end marker."""

    async def scene() -> None:
        requests, sent = Requests(at_once), []
        first = asyncio.ensure_future(requests.ask_fixed("positions", lambda: sent.append(1), 1.0))
        second = asyncio.ensure_future(requests.ask_fixed("positions", lambda: sent.append(2), 1.0))
        await asyncio.sleep(0.01)
        assert sent == [1]
        await later(requests, ("add", "positions", "a"), ("end", "positions", None))
        assert await first == ["a"]
        await asyncio.sleep(0.01)
        assert sent == [1, 2]
        await later(requests, ("add", "positions", "b"), ("end", "positions", None))
        assert await second == ["b"]

    play(scene())


def test_an_answer_owed_to_an_abandoned_request_is_not_taken_for_ours() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        assert isinstance(await requests.ask_fixed("openOrders", nothing, 0.01), Unknown)
        assert requests.owes("openOrders")
        asked = asyncio.ensure_future(requests.ask_fixed("openOrders", nothing, 1.0))
        await later(requests, ("add", "openOrders", "stale"), ("end", "openOrders", None))
        assert not asked.done()
        await later(requests, ("add", "openOrders", "fresh"), ("end", "openOrders", None))
        assert await asked == ["fresh"]
        assert not requests.owes("openOrders")

    play(scene())


def test_a_late_answer_between_two_requests_clears_the_debt() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        assert isinstance(await requests.ask_fixed("openOrders", nothing, 0.01), Unknown)
        requests.end("openOrders")
        asked = asyncio.ensure_future(requests.ask_fixed("openOrders", nothing, 1.0))
        await later(requests, ("add", "openOrders", "fresh"), ("end", "openOrders", None))
        assert await asked == ["fresh"]

    play(scene())


def test_a_kind_that_stays_silent_is_hopeless_until_forgiven() -> None:
    async def scene() -> None:
        requests = Requests(at_once, timeouts_max=2)
        await requests.ask_fixed("completedOrders", nothing, 0.01, is_required=False)
        assert not requests.hopeless
        for _ in range(2):
            await requests.ask_fixed("openOrders", nothing, 0.01)
        assert "openOrders" in requests.hopeless
        requests.forgive()
        assert not requests.hopeless

    play(scene())


def test_the_time_is_the_time_whoever_asked() -> None:
    async def scene() -> None:
        requests = Requests(at_once)
        await requests.ask_fixed("currentTime", nothing, 0.01, takes_late_answers=True)
        asked = asyncio.ensure_future(
            requests.ask_fixed("currentTime", nothing, 1.0, takes_late_answers=True)
        )
        await later(requests, ("end", "currentTime", None))
        assert await asked == []

    play(scene())


@pytest.mark.parametrize("req_id", [7, 8])
def test_an_id_stays_a_requests_after_its_end(req_id: int) -> None:
    """A late error for it is not an order's."""

    async def scene() -> None:
        requests = Requests(at_once)
        await requests.ask(7, nothing, 0.01)
        requests.claim(8)
        assert requests.is_request(req_id)
        assert not requests.is_request(9)

    play(scene())
