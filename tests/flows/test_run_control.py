"""What people do to running sessions in Prefect: real server, real worker, real children at the gateway."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.conftest import UNLIMITED, FlowDay, OpenFlowDay, until

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]

LOTS = 2
# One child at the mid for ten seconds of wall time, another a tick further, then across the spread.
PATIENT = {
    "execution__ladder_s": "[600.0, 300.0, 900.0]",
    "execution__horizon_s": 7200.0,
    "execution__twap_above_adv_fraction": "1.0",
}
SUSPENDED = {
    "type": "PAUSED",
    "name": "Suspended",
    "state_details": {"pause_timeout": "2030-01-01T00:00:00Z", "pause_reschedule": True},
}


def _set_state(flow_day: FlowDay, run_id: str, state: dict[str, Any]) -> None:
    """As the UI's buttons do it."""
    asked = {"state": state, "force": True}
    flow_day.server.api.ask("POST", f"/flow_runs/{run_id}/set_state", asked)


def _first(symbol: str) -> str:
    return f"H-20261123-{symbol}-1-C01"


def _symbols(flow_day: FlowDay) -> set[str]:
    """The symbols of which something was sent."""
    return {ref.split("-")[2] for ref in flow_day.day.sent()}


def _refs(flow_day: FlowDay, kind: str) -> set[str]:
    return {str(one["order_ref"]) for one in flow_day.day.of(kind)}


def _ended(flow_day: FlowDay) -> int:
    """How many runs have ended in the worker."""
    return flow_day.parts.all[-1].log.read_text().count('"hydra.run.ended"')


BUTTONS: dict[str, Callable[[FlowDay, str], None]] = {
    "ZO": lambda flow_day, run_id: _set_state(flow_day, run_id, {"type": "CANCELLING"}),
    "HE": lambda flow_day, run_id: _set_state(flow_day, run_id, SUSPENDED),
    "LE": lambda flow_day, run_id: flow_day.server.api.ask("DELETE", f"/flow_runs/{run_id}", None),
    "GF": lambda flow_day, run_id: _set_state(flow_day, run_id, {"type": "FAILED", "message": "by hand"}),
}


def test_cancel_pause_delete_and_change_state_on_running_sessions(open_flow_day: OpenFlowDay) -> None:
    """Four sessions whose first child rests in a halted market; each is stopped by another button."""
    flow_day = open_flow_day(speed=60.0)
    for symbol in BUTTONS:
        flow_day.day.gateway.fault("halt", symbol=symbol, on="accept", order_ref=_first(symbol))
    flow_day.start_worker(**PATIENT, logging__repeat_s=0)
    api = flow_day.server.api
    runs = {symbol: flow_day.start_run({symbol: LOTS}, UNLIMITED) for symbol in BUTTONS}
    pressed_s: dict[str, float] = {}
    while len(pressed_s) < len(runs):
        for symbol in set(until(lambda: _symbols(flow_day) - set(pressed_s), "a child is sent")):
            BUTTONS[symbol](flow_day, runs[symbol])
            pressed_s[symbol] = time.monotonic()
    until(lambda: _ended(flow_day) == len(runs), "all four are stopped here")
    assert time.monotonic() - max(pressed_s.values()) < 5.0

    # Cancel takes the working child back and proves it; the others let theirs rest to its good_till.
    state, message = flow_day.end_of(runs["ZO"])
    assert time.monotonic() - max(pressed_s.values()) < 5.0
    assert (state, message) == ("CANCELLED", "Cancelled: 1 working child(ren) cancelled and proven gone.")
    resting = {_first(symbol) for symbol in ("HE", "LE", "GF")}
    until(lambda: resting <= _refs(flow_day, "ChildExpired"), "their ends are booked while no flow runs")
    assert _refs(flow_day, "ChildCancelled") == {_first("ZO")}
    assert sorted(flow_day.day.sent()) == sorted(map(_first, runs))
    assert api.run_state(runs["HE"])[0] == "PAUSED"
    assert api.run_state(runs["GF"]) == ("FAILED", "by hand")

    # Retry, resume, and a new run each finish what is missing.
    for symbol in BUTTONS:
        flow_day.day.gateway.fault("resume", symbol=symbol)
    _set_state(flow_day, runs["ZO"], {"type": "SCHEDULED", "name": "AwaitingRetry"})
    api.ask("POST", f"/flow_runs/{runs['HE']}/resume", {})
    again = [flow_day.start_run({symbol: LOTS}, UNLIMITED) for symbol in ("LE", "GF")]
    until(lambda: api.run_state(runs["ZO"])[0] not in ("CANCELLED", "SCHEDULED"), "the retry begins")
    assert [flow_day.end_of(run)[0] for run in (runs["ZO"], runs["HE"], *again)] == ["COMPLETED"] * 4
    assert {symbol: flow_day.day.position(symbol) for symbol in runs} == dict.fromkeys(runs, LOTS)
    flow_day.day.judge()
