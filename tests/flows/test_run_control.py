"""What people do to running sessions in Prefect: real server, real worker, real children at the gateway."""

import time
from typing import Any

import pytest

from tests.flows.conftest import UNLIMITED, FlowDay, OpenFlowDay, until

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]

LOTS = 2
# One child at the mid for six seconds, another a tick further, then across the spread.
PATIENT = {"execution__ladder_s": "[360.0, 180.0, 900.0]", "execution__twap_above_adv_fraction": "1.0"}
SUSPENDED = {
    "type": "PAUSED",
    "name": "Suspended",
    "state_details": {"pause_timeout": "2030-01-01T00:00:00Z", "pause_reschedule": True},
}
ENDS = ("ChildFilled", "ChildExpired", "ChildLapsed")


def _set_state(flow_day: FlowDay, run_id: str, state: dict[str, Any]) -> None:
    """As the UI's buttons do it."""
    asked = {"state": state, "force": True}
    flow_day.server.api.ask_patiently("POST", f"/flow_runs/{run_id}/set_state", asked)


def _sent(flow_day: FlowDay, symbol: str) -> list[str]:
    return [ref for ref in flow_day.day.sent() if f"-{symbol}-" in ref]


def _has(flow_day: FlowDay, order_ref: str, *kinds: str) -> bool:
    return any(one["order_ref"] == order_ref for kind in kinds for one in flow_day.day.of(kind))


def _ended(flow_day: FlowDay) -> int:
    """How many runs have ended in the worker."""
    return flow_day.parts.all[-1].log.read_text().count('"hydra.run.ended"')


def test_cancel_pause_delete_and_change_state_on_running_sessions(open_flow_day: OpenFlowDay) -> None:
    """Four sessions with a child each at the gateway; each is stopped by another button, then finished."""
    flow_day = open_flow_day(speed=60.0)
    flow_day.start_worker(**PATIENT)
    api = flow_day.server.api
    runs = {symbol: flow_day.start_run({symbol: LOTS}, UNLIMITED) for symbol in ("ZO", "HE", "LE", "GF")}
    for symbol in runs:
        until(lambda symbol=symbol: _sent(flow_day, symbol), f"a child of {symbol} is sent")
    children = {symbol: _sent(flow_day, symbol) for symbol in runs}
    _set_state(flow_day, runs["HE"], SUSPENDED)
    api.ask_patiently("DELETE", f"/flow_runs/{runs['LE']}", None)
    _set_state(flow_day, runs["GF"], {"type": "FAILED", "message": "by hand"})
    _set_state(flow_day, runs["ZO"], {"type": "CANCELLING"})
    begun_s = time.monotonic()
    until(lambda: _ended(flow_day) == len(runs), "all four are stopped here")
    assert time.monotonic() - begun_s < 5.0

    # Cancel takes the working child back and proves it; the others let theirs rest to its good_till.
    state, message = flow_day.end_of(runs["ZO"])
    assert time.monotonic() - begun_s < 5.0
    assert (state, message) in (
        ("CANCELLED", "Cancelled: 1 working child(ren) cancelled and proven gone."),
        ("CANCELLED", "Cancelled: no child was working."),
    )
    assert {one["order_ref"] for one in flow_day.day.of("ChildCancelRequested")} <= set(children["ZO"])
    for symbol in ("HE", "LE", "GF"):
        for ref in children[symbol]:
            until(
                lambda ref=ref: _has(flow_day, ref, *ENDS), f"the end of {ref} is booked without a flow run"
            )
    assert {symbol: _sent(flow_day, symbol) for symbol in runs} == children
    assert api.run_state(runs["HE"])[0] == "PAUSED"
    assert api.run_state(runs["GF"]) == ("FAILED", "by hand")

    # Retry, resume, and a new run each finish what is missing.
    _set_state(flow_day, runs["ZO"], {"type": "SCHEDULED", "name": "AwaitingRetry"})
    api.ask_patiently("POST", f"/flow_runs/{runs['HE']}/resume", {})
    again = [flow_day.start_run({symbol: LOTS}, UNLIMITED) for symbol in ("LE", "GF")]
    until(lambda: api.run_state(runs["ZO"])[0] not in ("CANCELLED", "SCHEDULED"), "the retry begins")
    assert [flow_day.end_of(run)[0] for run in (runs["ZO"], runs["HE"], *again)] == ["COMPLETED"] * 4
    assert {symbol: flow_day.day.position(symbol) for symbol in runs} == dict.fromkeys(runs, LOTS)
    flow_day.day.judge()
