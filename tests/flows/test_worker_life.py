"""A worker among others of its kind, its end and its successor: real processes, signals, server."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from hydra.demo.processes import Part
from tests.flows.conftest import UNLIMITED, FlowDay, Server, until
from tests.flows.conftest import OpenFlowDay as Open
from tests.gateway_process import running_gateway
from tests.session.trading_day import TradingDay

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]

TARGETS = {"ZO": 2}
CHILD = "H-20261123-ZO-1-C01"
# One child rests at the mid for more than a minute of wall time, in a market that halts once it is there.
RESTING = {
    "execution__ladder_s": "[6000.0, 60.0, 600.0]",
    "execution__horizon_s": 7200.0,
    "execution__twap_above_adv_fraction": "1.0",
}
STALE_S = 10.5
CRASH_S_MAX = 90.0
# The issue of Prefect that this guards against shows at any length; a longer one is measured by hand.
FREEZE_S = float(os.environ.get("FREEZE_S", "3"))
LAG_S_MAX = 0.5


def _halting(flow_day: FlowDay) -> None:
    flow_day.day.gateway.fault("halt", symbol="ZO", on="accept", order_ref=CHILD)


def _line(part: Part) -> str:
    """The one coded line of a process that could not run."""
    assert part.wait(60.0) == 3, part.log.read_text()
    coded = [line for line in part.log.read_text().splitlines() if line.startswith("HY-")]
    assert len(coded) == 1, part.log.read_text()
    return coded[0]


@dataclass
class Doomed:
    """A session whose worker was killed, in a place of its own, while other tests run."""

    flow_day: FlowDay
    run_id: str
    killed_at: float


@pytest.fixture(scope="module")
def doomed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    """On a queue that no other worker polls: only heartbeats that stop can tell the server of its end."""
    here = tmp_path_factory.mktemp("doomed")
    with running_gateway(here / "gateway", speed=60.0) as gateway:
        flow_day = FlowDay(TradingDay(gateway, here, 60.0), server, here)
        _halting(flow_day)
        worker = flow_day.start_worker(**RESTING, worker__shards=1, worker__shard=1)
        run_id = flow_day.start_run(TARGETS, UNLIMITED, queue="execution-1")
        until(flow_day.day.sent, "a child is sent")
        until(lambda: _has_event(server, run_id, "prefect.flow-run.heartbeat"), "a heartbeat is known")
        os.killpg(worker.pid, signal.SIGKILL)
        try:
            yield Doomed(flow_day, run_id, time.time())
        finally:
            flow_day.parts.end()


def _has_event(server: Server, run_id: str, name: str) -> bool:
    asked = {"filter": {"event": {"name": [name]}, "resource": {"id": [f"prefect.flow-run.{run_id}"]}}}
    return bool(server.api.ask("POST", "/events/filter", asked)["events"])


def test_a_second_worker_and_a_session_beside_it_are_refused_and_a_stopped_worker_is_succeeded(
    doomed: Doomed, open_flow_day: Open
) -> None:
    """The successor finds the stopped one's child, recovers it, and takes it back when it is told to end."""
    flow_day = open_flow_day(speed=60.0)
    _halting(flow_day)
    first = flow_day.start_worker(**RESTING)
    run_id = flow_day.start_run(TARGETS, UNLIMITED)
    until(flow_day.day.sent, "a child is sent")
    until(lambda: flow_day.day.of("ChildAcknowledged"), "it works")

    second = flow_day.start_worker(**RESTING)
    beside = flow_day.day.begin("ZO=2", **{**RESTING, "logging.format": "human"})
    assert "HY-509 client id 1 is held by another process" in _line(second)
    assert beside.end().line.startswith("HY-509 client id 1 is held by another process")

    os.killpg(first.pid, signal.SIGSTOP)
    time.sleep(STALE_S)
    successor = flow_day.start_worker(**RESTING, worker__on_stop="cancel")
    until(lambda: "hydra.run.orphaned" in successor.log.read_text(), "the successor has told the orphan")
    assert flow_day.server.api.run_state(run_id)[0] == "CRASHED"
    assert not first.is_running  # whoever holds a lock and does not renew is ended
    assert flow_day.day.sent() == [CHILD]

    os.killpg(successor.pid, signal.SIGTERM)
    assert successor.wait(20.0) == 0
    assert [one["order_ref"] for one in flow_day.day.of("ChildCancelled")] == [CHILD]
    flow_day.day.gateway.fault("resume", symbol="ZO")
    done = flow_day.day.session("ZO=2")
    assert done.code == 0
    assert flow_day.day.position("ZO") == TARGETS["ZO"]
    flow_day.day.judge()


def test_a_server_that_stands_still_never_stalls_the_ib_loop(open_flow_day: Open) -> None:
    """SIGSTOP of the server when a run begins, in its middle, and at its end.

    A loop that waited for the server would stand as long as that does. On a machine that does ten other
    things every thread waits for its turn: the bound of half a second is asked of a quieter one only.
    """
    flow_day = open_flow_day(speed=60.0)
    worker = flow_day.start_worker(execution__participation_rate=0.9, logging__repeat_s=0)
    run_id = flow_day.start_run({"ZO": 5}, UNLIMITED, horizon_minutes=12)
    for moment in ('"hydra.run.started"', '"hydra.child.sent"', '"hydra.parent.closed"'):
        until(lambda text=moment: text in worker.log.read_text(), moment)
        flow_day.server.signal(signal.SIGSTOP)
        time.sleep(FREEZE_S)
        flow_day.server.signal(signal.SIGCONT)
    assert flow_day.end_of(run_id)[0] == "COMPLETED"
    is_quiet = os.getloadavg()[0] < 2 * (os.cpu_count() or 1)
    os.killpg(worker.pid, signal.SIGTERM)
    assert worker.wait(20.0) == 0
    lines = worker.log.read_text().splitlines()
    stopped = [json.loads(line) for line in lines if '"hydra.worker.stopped"' in line]
    assert 0 < stopped[0]["worst_lag_s"] < (LAG_S_MAX if is_quiet else FREEZE_S / 2)
    assert flow_day.day.position("ZO") == 5
    flow_day.day.judge()


def test_a_killed_worker_is_told_by_its_heartbeats_books_are_compared_and_an_alert_is_raised(
    doomed: Doomed,
) -> None:
    api, flow_day = doomed.flow_day.server.api, doomed.flow_day
    until(lambda: api.run_state(doomed.run_id)[0] == "CRASHED", "the run is told Crashed")
    crashed = api.ask("GET", f"/flow_runs/{doomed.run_id}", None)["state"]
    told_at = datetime.fromisoformat(crashed["timestamp"]).timestamp()
    assert told_at - doomed.killed_at < CRASH_S_MAX
    asked = {
        "flows": {"name": {"any_": ["reconciliation"]}},
        "flow_runs": {"expected_start_time": {"after_": crashed["timestamp"]}},
    }
    until(lambda: api.ask("POST", "/flow_runs/filter", asked), "a reconciliation was started for it")
    successor = flow_day.start_worker(**RESTING, worker__shards=1, worker__shard=1)
    until(lambda: _alerts(flow_day.day.data_dir) >= {"hydra.worker.died"}, "a person is told")
    os.killpg(successor.pid, signal.SIGTERM)
    assert successor.wait(20.0) == 0


def _alerts(data_dir: Path) -> set[str]:
    path = data_dir / "alerts.jsonl"
    return {json.loads(line)["name"] for line in path.read_text().splitlines()} if path.exists() else set()
