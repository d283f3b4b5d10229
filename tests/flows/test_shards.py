"""Two shard workers on one server: one press starts a session, both work their part, one stop ends both."""

import os
import signal
from collections.abc import Iterable
from typing import Any

import pytest

from hydra.demo.processes import Part
from tests.flows.conftest import SESSION, FlowDay, OpenFlowDay, until
from tests.flows.test_run_control import SUSPENDED

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]

TARGETS = {"ZO": 2, "HE": 2}  # ZO is the first shard's, HE the second's
OTHERS = {"GF": 2, "LE": 2}  # the same
# One child rests at the mid for more than a minute of wall time.
RESTING = {
    "execution__ladder_s": "[6000.0, 60.0, 600.0]",
    "execution__horizon_s": 7200.0,
    "execution__twap_above_adv_fraction": "1.0",
}


def _parts(flow_day: FlowDay, whole: str) -> list[dict[str, Any]]:
    """The runs that were made of this one for other shards."""
    asked = {"sort": "START_TIME_DESC", "limit": 50}
    rows = flow_day.server.api.ask("POST", "/flow_runs/filter", asked)
    return [one for one in rows if one["labels"].get("hydra.part-of") == whole]


def _first(symbol: str) -> str:
    return f"H-20261123-{symbol}-1-C01"


def _ended(worker: Part) -> int:
    """How many runs have ended in this worker."""
    return worker.log.read_text().count('"hydra.run.ended"')


def _halting(flow_day: FlowDay) -> None:
    for symbol in (*TARGETS, *OTHERS):
        flow_day.day.gateway.fault("halt", symbol=symbol, on="accept", order_ref=_first(symbol))


def _working(flow_day: FlowDay, symbols: Iterable[str]) -> bool:
    wanted = {*map(_first, symbols)}
    if not wanted <= {*flow_day.day.sent()}:
        return False
    return wanted <= {one["order_ref"] for one in flow_day.day.of("ChildAcknowledged")}


def test_one_run_is_worked_by_both_shards_and_one_stop_ends_both(open_flow_day: OpenFlowDay) -> None:
    flow_day = open_flow_day(speed=60.0)
    api = flow_day.server.api
    held = flow_day.day.session("ZR=1", worker__shards=2, worker__shard=2)  # the second shard's
    assert (held.code, flow_day.day.position("ZR")) == (0, 1), held.stderr
    sent = len(flow_day.day.sent())
    _halting(flow_day)
    workers = [
        flow_day.start_worker(**RESTING, worker__shards=2, worker__shard=shard, logging__repeat_s=0)
        for shard in (1, 2)
    ]

    # one run, cancelled: both children are taken back, each by whoever sent it
    run_id = flow_day.start_run(TARGETS, SESSION)
    until(lambda: _working(flow_day, TARGETS), "both children work")
    (part,) = _parts(flow_day, run_id)
    assert {api.run_state(one)[0] for one in (run_id, part["id"])} == {"RUNNING"}  # one place, two runs
    assert {one["client_id"] for one in flow_day.day.frames()[sent:]} == {11, 12}
    api.ask("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING"}, "force": True})
    for one in (run_id, part["id"]):
        assert flow_day.end_of(one) == (
            "CANCELLED",
            "Cancelled: 1 working child(ren) cancelled and proven gone.",
        )

    # paused while both work: neither places anything more, both children rest
    paused = flow_day.start_run(OTHERS, SESSION)
    until(lambda: _working(flow_day, OTHERS), "both shards work again")
    (part,) = _parts(flow_day, paused)
    asked = {"state": SUSPENDED, "force": True}
    api.ask("POST", f"/flow_runs/{paused}/set_state", asked)
    until(lambda: api.run_state(part["id"])[0] == "PAUSED", "its part is paused, too")
    until(lambda: all(_ended(one) == 2 for one in workers), "both shards have ended it")
    cancelled = {one["order_ref"] for one in flow_day.day.of("ChildCancelled")}
    assert cancelled.isdisjoint(map(_first, OTHERS))

    # the first shard takes the emergency stop: what rests with the other hears of it by the ledger alone, and
    # what the other holds is closed, too
    asked = {"by": "anna", "reason": "a test", "flatten": True}
    stop = api.start_run("emergency-stop/emergency-stop", asked, queue="execution-1")
    state, message = flow_day.end_of(stop)
    try:
        assert state == "COMPLETED", message
        assert "2 order(s) cancelled and proven gone" in message
    finally:
        api.ask("PATCH", "/work_pools/ib", {"is_paused": False})
    orders = flow_day.day.gateway.books()["orders"]
    assert {one["status"] for one in orders if one["symbol"] != "ZR"} == {"Cancelled"}
    assert (flow_day.day.position("ZR"), orders[-1]["client_id"], orders[-1]["side"]) == (0, 11, "SELL")
    for one in workers:
        os.killpg(one.pid, signal.SIGTERM)
        assert one.wait(20.0) == 0
    flow_day.day.judge()
