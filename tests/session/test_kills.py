"""SIGKILL and SIGSTOP of the session's process at moments the gateway chooses; then the same session again.

The pid is known before the process has connected, so the fault hook is armed in time.
"""

import os
import signal
import time

import pytest

from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, TradingDay

pytestmark = pytest.mark.process

TARGETS = f"HE=-5,ZO={OATS}"
MOMENTS = (
    ("place_order", 1),
    ("accept", 2),
    ("fill", 1),
    ("cancel_order", 1),
    ("cancelled", 1),
    ("req_executions", 2),
)


@pytest.mark.parametrize(("moment", "nth"), MOMENTS, ids=lambda value: str(value))
def test_killed_at_any_moment_the_same_session_ends_at_its_targets(
    day: TradingDay, moment: str, nth: int
) -> None:
    day.settings = dict(RESTING)
    first = day.begin(TARGETS)
    day.gateway.fault("kill", pid=first.pid, on=moment, nth=nth)
    first.killed()
    sent_before = day.sent()
    done = day.session(TARGETS)
    assert done.code == 0, done.stderr
    assert day.sent()[: len(sent_before)] == sent_before
    day.assert_reached(done, "HE", -5)
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_killed_again_while_it_recovers_it_still_ends_at_its_targets(day: TradingDay) -> None:
    """The second time while it reads the broker's books."""
    day.settings = dict(RESTING)
    for moment, nth in (("place_order", 1), ("req_executions", 2)):
        running = day.begin(TARGETS)
        day.gateway.fault("kill", pid=running.pid, on=moment, nth=nth)
        running.killed()
    done = day.session(TARGETS)
    assert done.code == 0, done.stderr
    day.assert_reached(done, "HE", -5)
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_gateway_and_session_killed_at_once_both_come_back_to_equal_books(open_day: OpenDay) -> None:
    """SIGKILL to both at the instant an order is on the gateway's disk and nobody was told."""
    day = open_day()
    day.settings = dict(RESTING)
    first = day.begin(TARGETS)
    day.gateway.fault("kill", pid=first.pid, on="accept")
    day.gateway.fault("kill", pid=day.gateway.pid, on="accept")
    first.killed()
    day.restart_gateway()
    done = day.session(TARGETS)
    assert done.code == 0, done.stderr
    day.assert_reached(done, "HE", -5)
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_stalled_and_woken_it_sends_nothing_stale(day: TradingDay) -> None:
    """SIGSTOP while the first child works, for longer than that child lives."""
    day.settings = dict(RESTING)
    running = day.begin(f"ZO={OATS}")
    day.gateway.fault("kill", pid=running.pid, signal="STOP", on="place_order")
    day.until_fired("kill")
    _sleep(1.5)
    os.kill(running.pid, signal.SIGCONT)
    done = running.end()
    assert done.code == 0, done.stderr
    day.assert_reached(done, "ZO", OATS)
    day.judge()
    for sending, frame in zip(day.of("ChildSending"), day.frames(), strict=True):
        assert frame["at"] < sending["good_till"].replace("Z", "+00:00")


def test_a_stalled_holder_is_refused_for_ten_seconds_and_then_ended(open_day: OpenDay) -> None:
    """Its successor takes over only once the holder cannot wake up and send any more."""
    day = open_day(speed=60)
    day.settings = {**RESTING, "execution.ladder_s": "[900.0, 1.0, 500.0]", "execution.horizon_s": 1401}
    stalled = day.begin(f"ZO={OATS}")
    day.gateway.fault("kill", pid=stalled.pid, signal="STOP", on="ack")
    day.until_fired("kill")
    stopped_s = time.monotonic()
    early = day.session(f"ZO={OATS}")
    assert early.code == 3
    assert early.line.startswith("HY-509")
    _sleep(stopped_s + 10.5 - time.monotonic())
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    assert stalled.end().code == -signal.SIGKILL
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def _sleep(seconds: float) -> None:
    """Wall time that must really pass: a stalled process is told from a busy one by nothing else."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)
