"""A worker whose `ib` loop stands still: its watchdog ends it, and whoever comes next finds everything."""

import os
import signal

import pytest

from tests.session.conftest import OpenDay
from tests.session.test_waiting_worker import NOBODY
from tests.session.trading_day import OATS, RESTING

pytestmark = pytest.mark.process

CHILD = "H-20261123-ZO-1-C01"
# One child rests at the mid for a minute of wall time.
PATIENT = {**RESTING, "execution.ladder_s": "[6000.0, 60.0, 600.0]", "execution.horizon_s": "7200.0"}
HALT = ("trading", "set", "HALTED", "--scope", "OJ", "--by", "anna", "--reason", "a test")


def test_a_loop_that_hangs_with_a_child_working_ends_the_worker_and_the_next_one_recovers(
    open_day: OpenDay,
) -> None:
    """The file of alerts becomes a pipe that nobody reads, as a file on a dead network drive would hang."""
    day = open_day(speed=60.0)
    day.settings = dict(PATIENT)
    day.gateway.fault("halt", symbol="ZO", on="accept", order_ref=CHILD)
    first = day.begin(f"ZO={OATS}")
    day.until(lambda: day.sent() and day.of("ChildAcknowledged"), "a child works")
    os.kill(first.pid, signal.SIGKILL)
    first.killed()

    worker = day.start("worker", "start", env=NOBODY, worker__stall_s=1.0)
    log = worker.process.stderr_path
    day.until(lambda: log.exists() and "hydra.connection.reconciled" in log.read_text(), "it has recovered")
    alerts, aside = day.data_dir / "alerts.jsonl", day.data_dir / "alerts.aside"
    alerts.rename(aside)
    os.mkfifo(alerts)
    assert day.hydra(*HALT).code == 0  # an alert for the worker to tell
    done = worker.end()
    assert (done.code, done.line[:6]) == (3, "HY-607"), done.stderr
    assert "usecases/alerts.py" in done.stderr  # where it stood
    assert day.of("ChildCancelled") == []

    alerts.unlink()
    aside.rename(alerts)
    day.gateway.fault("resume", symbol="ZO")
    again = day.session(f"ZO={OATS}", execution__ladder_s="[1.0, 1.0, 1200.0]")
    assert again.code == 0, again.stderr
    assert again.parents["ZO"]["cum_qty"] == day.position("ZO") > 0
    assert len({*day.sent()}) == len(day.sent())
    day.judge()
