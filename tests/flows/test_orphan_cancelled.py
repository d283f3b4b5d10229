"""A run that somebody cancels while its worker is dead: the successor takes its children back and says so."""

import os
import signal

import pytest

from tests.flows.conftest import UNLIMITED, until
from tests.flows.conftest import OpenFlowDay as Open
from tests.flows.test_worker_life import CHILD, RESTING, TARGETS

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]


def test_a_run_cancelled_after_its_worker_died_is_cancelled_by_the_successor(open_flow_day: Open) -> None:
    flow_day = open_flow_day(speed=60.0)
    flow_day.day.gateway.fault("halt", symbol="ZO", on="accept", order_ref=CHILD)
    first = flow_day.start_worker(**RESTING)
    run_id = flow_day.start_run(TARGETS, UNLIMITED)
    until(flow_day.day.sent, "a child is sent")
    os.killpg(first.pid, signal.SIGKILL)
    asked = {"state": {"type": "CANCELLING"}, "force": True}
    flow_day.server.api.ask("POST", f"/flow_runs/{run_id}/set_state", asked)
    flow_day.start_worker(**RESTING)
    state, message = flow_day.end_of(run_id)
    assert (state, message) == ("CANCELLED", "Cancelled: 1 working child(ren) cancelled and proven gone.")
    assert [one["order_ref"] for one in flow_day.day.of("ChildCancelled")] == [CHILD]
    flow_day.day.judge()
