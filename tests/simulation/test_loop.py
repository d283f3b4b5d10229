"""The virtual loop: time jumps, timers of one instant keep their order, nobody waits for the real world."""

import asyncio
import time

import pytest

from hydra.simulation.loop import Stuck, VirtualLoop


def test_an_hour_passes_in_no_time() -> None:
    loop = VirtualLoop()
    begun_s = time.monotonic()
    loop.run_until_complete(asyncio.sleep(3600))
    assert loop.time() == pytest.approx(3600)
    assert time.monotonic() - begun_s < 1
    loop.end()


def test_timers_of_one_instant_run_in_the_order_they_were_set() -> None:
    loop, seen = VirtualLoop(), []
    for number in range(200):
        loop.call_at(5.0, seen.append, number)
        loop.call_at(1.0 + number / 300, lambda: None)
    loop.run_until_complete(asyncio.sleep(6))
    assert seen == list(range(200))
    loop.end()


def test_a_world_in_which_everybody_waits_is_named() -> None:
    loop = VirtualLoop()
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())
    loop.end()
