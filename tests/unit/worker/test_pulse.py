"""The watchdog: real threads, a pulse that is moved by hand."""

import threading
import time

import pytest

from hydra.worker.pulse import TICK_S, Pulse, Watchdog

STALL_S = 3 * TICK_S


class Ends:
    """Stands for the end of the process."""

    def __init__(self) -> None:
        self.after_s: list[float] = []
        self.came = threading.Event()

    def __call__(self, still_s: float) -> None:
        self.after_s.append(still_s)
        self.came.set()


@pytest.mark.parametrize("has_work", [True, False])
def test_a_loop_that_stands_still_ends_the_process_only_with_work_open(has_work: bool) -> None:
    ends = Ends()
    watchdog = Watchdog(Pulse(beats=1, has_work=has_work), STALL_S, ends)
    watchdog.start()
    assert ends.came.wait(3 * STALL_S) is has_work
    watchdog.stop()
    assert ends.after_s == ([STALL_S] if has_work else [])


def test_a_loop_that_beats_is_left_alone() -> None:
    ends, pulse = Ends(), Pulse(has_work=True)
    watchdog = Watchdog(pulse, STALL_S, ends)
    watchdog.start()
    until = time.monotonic() + 3 * STALL_S
    while time.monotonic() < until:
        pulse.beats += 1
        time.sleep(0.05)
    watchdog.stop()
    assert not ends.came.is_set()
