"""Sessions as flow runs: real server, real worker process, real gateway, and real SIGKILL."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hydra.demo.server_api import ServerApi
from tests.flows.conftest import UNLIMITED, OpenFlowDay, png_of, until
from tests.session.trading_day import ON, RESTING

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.process,
    pytest.mark.timeout(300),
]

HORIZON = 12
HEAVY = {"pandas", "matplotlib", "scipy", "numba", "lightgbm", "tornado"}  # the last is Dask's
PATIENT = {"execution__ladder_s": "[120.0, 60.0, 1100.0]"}  # there is time to start another worker
# What a slice lost, later ones may make good: no cap by participation.
CATCHING_UP = {"execution__participation_rate": 0.9}


def test_a_session_is_worked_slice_by_slice_shown_and_harmless_to_run_again(
    open_flow_day: OpenFlowDay,
) -> None:
    flow_day = open_flow_day()
    worker = flow_day.start_worker(imports_itself=True, **CATCHING_UP)
    run_id = flow_day.start_run({"ZO": 5, "HE": -2}, horizon_minutes=HORIZON)
    state, message = flow_day.end_of(run_id)
    assert (state, message) == ("COMPLETED", "7 of 7 lots filled in 2 order(s); 0 symbol(s) denied")
    assert {symbol: flow_day.day.position(symbol) for symbol in ("ZO", "HE")} == {"ZO": 5, "HE": -2}
    flow_day.day.judge()

    tasks = flow_day.task_runs(run_id)
    expected = ["reconcile before", "qualify ZO", "snapshot account", "size", "risk check", "plan"]
    expected += [f"ZO slice {no} of 5" for no in range(1, 5)] + ["journal", "reconcile after", "report"]
    assert tasks == {**tasks, **dict.fromkeys(expected, "COMPLETED")}
    artifacts = flow_day.artifacts(run_id)
    assert {row["symbol"]: row["filled"] for row in artifacts["session-orders"]} == {"ZO": 5, "HE": 2}
    assert sum(row["lots"] for row in artifacts["session-fills"]) == 7
    assert all(row["predicted_bps"] != "–" != row["actual_bps"] for row in artifacts["session-fills"])
    assert png_of(artifacts["session-plot"]).startswith(b"\x89PNG")
    assert "Both books agree" in artifacts["reconciliation"]
    assert _loaded(worker.pid).isdisjoint(HEAVY)

    sent = flow_day.day.sent()
    again = flow_day.start_run({"ZO": 5, "HE": -2})
    assert flow_day.end_of(again)[0] == "COMPLETED"
    other = flow_day.start_run({"ZO": 9})
    assert flow_day.end_of(other)[0] == "FAILED"
    assert flow_day.day.sent() == sent
    assert flow_day.day.position("ZO") == 5


def test_sigkill_of_the_worker_in_a_slice_and_a_rerun_reach_the_target_exactly(
    open_flow_day: OpenFlowDay,
) -> None:
    """The gateway itself sends the SIGKILL, right after it has acknowledged a child."""
    flow_day = open_flow_day(speed=60.0)  # a restart on a busy machine must not outlast the session
    targets = {"ZO": 3, "HE": -3}
    worker = flow_day.start_worker(**PATIENT)
    run_id = flow_day.start_run(targets)
    flow_day.day.gateway.fault("kill", pid=worker.pid, on="ack", nth=2)
    until(lambda: not worker.is_running, "the worker is killed")
    assert flow_day.server.api.run_state(run_id)[0] == "RUNNING"

    flow_day.start_worker(**PATIENT)
    again = flow_day.start_run(targets)
    assert flow_day.end_of(again)[0] == "COMPLETED"
    assert flow_day.server.api.run_state(run_id)[0] == "CRASHED"
    assert {symbol: flow_day.day.position(symbol) for symbol in targets} == targets
    flow_day.day.judge()


def test_a_dropped_connection_is_survived_inside_the_run(open_flow_day: OpenFlowDay) -> None:
    flow_day = open_flow_day()
    flow_day.start_worker(**CATCHING_UP)
    run_id = flow_day.start_run({"ZO": 5}, horizon_minutes=HORIZON)
    flow_day.day.gateway.fault("drop", on="ack", nth=2)
    assert flow_day.end_of(run_id)[0] == "COMPLETED"
    assert flow_day.day.position("ZO") == 5
    flow_day.day.judge()


def test_a_session_that_ends_in_doubt_fails_with_its_reason_and_a_rerun_settles_it(
    open_flow_day: OpenFlowDay,
) -> None:
    """The gateway reads and answers nothing more, right after it has acknowledged a child."""
    flow_day = open_flow_day()
    flow_day.start_worker(**CATCHING_UP)
    flow_day.day.gateway.fault("freeze", on="ack", nth=1)
    state, message = flow_day.end_of(flow_day.start_run({"ZO": 1}, horizon_minutes=5))
    assert state == "FAILED"
    assert message.startswith("20261123-ZO-1 ended in doubt: run it again; HY-501 "), message

    flow_day.day.gateway.fault("thaw")
    state, message = flow_day.end_of(flow_day.start_run({"ZO": 1}))
    assert state == "COMPLETED", message
    flow_day.day.judge()


def test_two_schedules_of_one_session_firing_at_once_do_no_harm(open_flow_day: OpenFlowDay) -> None:
    """Two slugs of one deployment name the same second, as after a rename that left the old one active."""
    flow_day = open_flow_day()
    flow_day.start_worker(**CATCHING_UP)
    api, targets = flow_day.server.api, {"ZO": 5, "HE": 2}
    deployment = api.ask("GET", f"/deployments/name/{UNLIMITED}", None)["id"]
    path = f"/deployments/{deployment}/schedules"
    due = datetime.now(UTC) + timedelta(seconds=6)
    rule = {"interval": 15, "anchor_date": due.isoformat(), "timezone": "America/Chicago"}
    asked = {"session_on": ON, "symbols": [*targets], "targets": targets, "horizon_minutes": HORIZON}
    one = {"schedule": rule, "active": True, "parameters": asked}
    made = api.ask("POST", path, [{"slug": slug, **one} for slug in ("morning", "dawn")])
    # a deployment that was changed is scheduled within seconds, any other within the minute
    api.ask("PATCH", f"/deployments/{deployment}", {"description": "with two schedules"})
    try:
        runs = until(lambda: _fired(api, deployment), "both schedules fire")
    finally:
        for schedule in made:
            api.ask("DELETE", f"{path}/{schedule['id']}", None)
    assert [flow_day.end_of(run)[0] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert {symbol: flow_day.day.position(symbol) for symbol in targets} == targets
    flow_day.day.judge()


def _fired(api: ServerApi, deployment: str) -> list[str]:
    """The runs that the server's scheduler made for the first moment, once both have begun."""
    asked = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
    rows = api.ask("POST", "/flow_runs/filter", asked)
    first = [one for one in rows if one["auto_scheduled"]][:2]
    has_begun = [one for one in first if one["start_time"]]
    assert len({one["expected_start_time"] for one in has_begun}) <= 1
    return [one["id"] for one in has_begun] if len(has_begun) == 2 else []


def test_sigterm_ends_the_worker_where_it_stands_and_releases_the_lease(open_flow_day: OpenFlowDay) -> None:
    flow_day = open_flow_day()
    worker = flow_day.start_worker(**{key.replace(".", "__"): one for key, one in RESTING.items()})
    run_id = flow_day.start_run({"ZO": 2})
    until(flow_day.day.sent, "a child is sent")
    os.killpg(worker.pid, signal.SIGTERM)
    assert worker.wait(15.0) == 0
    assert flow_day.server.api.run_state(run_id)[0] == "CRASHED"
    rerun = flow_day.day.session("ZO=2", **RESTING)
    assert rerun.code == 0
    flow_day.day.judge()


def _loaded(pid: int) -> set[str]:
    """The packages whose native code the process has mapped."""
    return {
        part
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        for part in line.partition("/site-packages/")[2].split("/")[:1]
    }
