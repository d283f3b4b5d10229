"""What SIGKILL and SIGSTOP do, between callbacks and between two lines of one callback."""

import asyncio
from collections.abc import Callable

from hydra.simulation.loop import VirtualLoop
from hydra.simulation.process import SimProcess


def test_a_killed_process_runs_no_line_more_not_even_its_finally() -> None:
    loop, lines = VirtualLoop(), []
    process = SimProcess("victim", 1, loop)

    async def main() -> None:
        try:
            while True:
                lines.append(loop.time())
                await asyncio.sleep(1)
        finally:
            lines.append("finally")

    process.run(main)
    loop.call_later(2.5, process.die)
    loop.run_until_complete(asyncio.sleep(10))
    loop.end()
    assert lines == [0.0, 1.0, 2.0]


def test_a_process_killed_in_the_middle_of_a_line_is_left_there() -> None:
    loop, lines = VirtualLoop(), []
    process = SimProcess("victim", 1, loop)

    def synchronous() -> None:
        lines.append("before")
        process.die()
        lines.append("after")

    async def main() -> None:
        await asyncio.sleep(1)
        try:
            synchronous()
        finally:
            lines.append("finally")

    process.run(main)
    loop.run_until_complete(asyncio.sleep(5))
    loop.end()
    assert lines == ["before"]


def test_others_go_on_when_one_was_killed_in_the_middle_of_its_task() -> None:
    """asyncio refuses to run a task while it believes that another one is running."""
    loop, lines = VirtualLoop(), []
    victim, other = SimProcess("victim", 1, loop), SimProcess("other", 2, loop)

    async def dies() -> None:
        await asyncio.sleep(1)
        victim.die()

    async def lives() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            lines.append(loop.time())

    victim.run(dies)
    task = other.run(lives)
    loop.run_until_complete(task)
    loop.end()
    assert lines == [1.0, 2.0, 3.0]


def test_a_stopped_process_goes_on_in_the_middle_of_its_line() -> None:
    loop, lines = VirtualLoop(), []
    process = SimProcess("sleeper", 1, loop)

    async def main() -> str:
        await asyncio.sleep(1)
        lines.append(loop.time())
        process.stop()
        lines.append(loop.time())
        await asyncio.sleep(1)
        return "done"

    task = process.run(main)
    loop.call_later(7.0, process.resume)
    assert loop.run_until_complete(task) == "done"
    loop.end()
    assert lines == [1.0, 7.0]


def test_a_stopped_process_sees_in_order_what_came_meanwhile() -> None:
    loop, seen = VirtualLoop(), []
    process = SimProcess("sleeper", 1, loop)

    def arrives(number: int) -> Callable[[], None]:
        return lambda: seen.append((number, loop.time()))

    async def main() -> None:
        await asyncio.sleep(20)

    task = process.run(main)
    loop.call_later(1.0, process.stop)
    for number in range(3):
        loop.call_later(2.0 + number, process.enter, arrives(number))
    loop.call_later(9.0, process.resume)
    loop.run_until_complete(task)
    loop.end()
    assert seen == [(0, 9.0), (1, 9.0), (2, 9.0)]


def test_a_process_killed_while_stopped_never_wakes() -> None:
    loop, lines = VirtualLoop(), []
    process = SimProcess("sleeper", 1, loop)

    async def main() -> None:
        await asyncio.sleep(1)
        process.stop()
        lines.append("woke")

    process.run(main)
    loop.call_later(3.0, process.die)
    loop.call_later(4.0, process.resume)
    loop.run_until_complete(asyncio.sleep(10))
    loop.end()
    assert lines == []


def test_a_timer_that_ran_out_during_a_stop_can_be_called_off_by_the_line_that_goes_on() -> None:
    """The kernel fires nothing into a stopped process: its loop looks at the clock after that line."""
    loop, lines = VirtualLoop(), []
    process = SimProcess("stopped", 1, loop)

    async def main() -> None:
        timer = loop.call_later(2, lines.append, "timer")
        await asyncio.sleep(1)
        process.stop()
        timer.cancel()
        loop.call_later(1, lines.append, "later")
        await asyncio.sleep(2)
        lines.append("end")

    process.run(main)
    loop.call_later(5, process.resume)
    loop.run_until_complete(asyncio.sleep(10))
    loop.end()
    assert lines == ["later", "end"]
