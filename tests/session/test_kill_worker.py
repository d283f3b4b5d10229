"""`hydra kill` against a real worker: its Prefect server is dead, it hangs, and its ledger is dead, too."""

import json
import os
import signal

import pytest

from tests.session.conftest import OpenDay
from tests.session.test_waiting_worker import NOBODY
from tests.session.test_watchdog import CHILD, PATIENT
from tests.session.trading_day import OATS

pytestmark = pytest.mark.process


@pytest.mark.parametrize("dead", ["server", "server, ledger"])
def test_a_hung_worker_is_ended_and_its_orders_are_proven_gone(open_day: OpenDay, dead: str) -> None:
    day = open_day(speed=60.0)
    day.settings = dict(PATIENT)
    day.gateway.fault("halt", symbol="ZO", on="accept", order_ref=CHILD)
    first = day.begin(f"ZO={OATS}")
    day.until(lambda: day.sent() and day.of("ChildAcknowledged"), "a child works")
    os.kill(first.pid, signal.SIGKILL)
    first.killed()
    worker = day.start("worker", "start", env=NOBODY)
    log = worker.process.stderr_path
    day.until(lambda: log.exists() and "hydra.connection.reconciled" in log.read_text(), "it has recovered")
    os.kill(worker.pid, signal.SIGSTOP)
    if "ledger" in dead:
        for file in day.data_dir.glob("ledger.sqlite3*"):
            file.write_bytes(b"no database at all" * 1000)

    done = day.hydra("kill", "--all", "--by", "anna", "--reason", "a test", "--json")
    assert done.code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["is_proven"], [one["order_ref"] for one in found["orders"]]) == (True, [CHILD])
    assert bool(found["ledger"]) is ("ledger" in dead)
    assert found["after_s"]["latched"] <= 1
    assert found["after_s"]["cancelled"] <= 2
    assert found["after_s"]["proven"] <= 10
    assert worker.end().code == -signal.SIGKILL
    assert {one["status"] for one in day.gateway.books()["orders"]} == {"Cancelled"}
