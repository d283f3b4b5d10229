"""The flows beside the session, on the real server, worker and gateway: data, roll, gate, stop, holidays."""

from collections.abc import Iterator

import pytest

from hydra.persistence.bars import ParquetBarStore
from tests.flows.conftest import FlowDay, OpenFlowDay, Server, until
from tests.session.trading_day import AT_ONCE, RESTING

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(300)]

# Oats of December have three weeks left on this day: the traded expiry is theirs, or March's.
NEAR = {"instruments.ZO.front_days_min": 10}
FAR = {"instruments.ZO.front_days_min": 40}
THANKSGIVING = "2026-11-26"


@pytest.fixture
def pool(server: Server) -> Iterator[None]:
    """An emergency stop pauses the pool that every other test needs."""
    yield
    server.api.ask("PATCH", "/work_pools/ib", {"is_paused": False})


def _keys(settings: dict[str, object]) -> dict[str, object]:
    return {key.replace(".", "__"): value for key, value in settings.items()}


def _positions(day: FlowDay) -> dict[int, int]:
    rows = day.day.gateway.books()["positions"]
    return {int(one["con_id"]): int(one["qty"]) for one in rows if one["qty"]}


def test_a_held_expiry_is_rolled_also_by_a_worker_killed_in_it(open_flow_day: OpenFlowDay) -> None:
    """The gateway kills the worker right after it has acknowledged the entry's child."""
    flow_day = open_flow_day()
    assert flow_day.day.session("ZO=2", **_keys(NEAR)).code == 0
    (near,) = _positions(flow_day)
    worker = flow_day.start_worker(**_keys({**AT_ONCE, **FAR}))
    rolled = "contract-roll/contract-roll"
    run_id = flow_day.server.api.start_run(rolled, {})
    flow_day.day.gateway.fault("kill", pid=worker.pid, on="ack", nth=2)
    until(lambda: not worker.is_running, "the worker is killed")

    flow_day.start_worker(**_keys({**AT_ONCE, **FAR}))
    state, message = flow_day.end_of(flow_day.server.api.start_run(rolled, {}))
    assert (state, message) == ("COMPLETED", "ZO: 2 lot(s) rolled")
    assert flow_day.server.api.run_state(run_id)[0] == "CRASHED"
    ((far, lots),) = _positions(flow_day).items()
    assert (far != near, lots) == (True, 2)
    flow_day.day.judge()

    sent = flow_day.day.sent()
    state, message = flow_day.end_of(flow_day.server.api.start_run(rolled, {}))
    assert (state, message) == ("COMPLETED", "nothing is held in an expiry too near its end")
    assert flow_day.day.sent() == sent


def test_data_gate_and_emergency_stop(open_flow_day: OpenFlowDay, pool: None) -> None:
    flow_day = open_flow_day()
    api = flow_day.server.api
    assert flow_day.day.session("ZO=2").code == 0
    execution = flow_day.start_worker(**_keys(dict(RESTING)))
    asked = {"symbols": ["ZO", "ZR"], "days": 30}
    state, message = flow_day.end_of(api.start_run("market-data/market-data", asked))
    assert (state, message.partition(" ")[2]) == ("COMPLETED", "bar(s) added in 2 series"), message
    store = ParquetBarStore(flow_day.day.data_dir / "bars")
    assert [name.partition("-")[0] for name in store.series()] == ["ZO", "ZR"]
    assert len(store.bars(store.series()[0])) >= 20
    assert '"hydra.queue.taken"' in execution.log.read_text()  # with one worker, it does this, too
    data = flow_day.start_worker("data", logging__format="json")
    until(lambda: '"hydra.queue.given_back"' in execution.log.read_text(), "a data worker is online")
    again = flow_day.end_of(api.start_run("market-data/market-data", asked))
    assert again == ("COMPLETED", "0 bar(s) added in 2 series")
    assert '"hydra.run.started"' in data.log.read_text()

    state, message = flow_day.end_of(api.start_run("paper-gate/paper-gate", {"by": "anna"}))
    assert state == "FAILED"
    assert "TOO_FEW_SESSIONS" in message
    (judged,) = flow_day.day.of("PaperGateJudged")
    assert (judged["by"], judged["account"]) == ("anna", "DUSIM001")

    session = flow_day.start_run({"HE": 9})
    until(lambda: [one for one in flow_day.day.sent() if "-HE-" in one], "a child of HE is sent")
    stop = {"by": "anna", "reason": "test of the stop", "flatten": True}
    state, message = flow_day.end_of(api.start_run("emergency-stop/emergency-stop", stop))
    assert (state, message.partition(",")[0]) == ("COMPLETED", "halted"), message
    assert api.ask("GET", "/work_pools/ib", None)["is_paused"] is True
    assert flow_day.end_of(session)[0] in ("COMPLETED", "FAILED")
    assert _positions(flow_day) == {}
    states = [(one["scope"], one["state"], one["by"]) for one in flow_day.day.of("TradingStateChanged")]
    assert states == [("ALL", "HALTED", "anna"), ("ALL", "REDUCING", "anna"), ("ALL", "HALTED", "anna")]
    flow_day.day.judge()


def test_on_a_day_the_gateway_lists_as_closed_the_session_ends_completed_and_says_so(
    open_flow_day: OpenFlowDay,
) -> None:
    flow_day = open_flow_day(start=f"{THANKSGIVING}T15:00:00+00:00")
    flow_day.start_worker()
    run_id = flow_day.server.api.start_run("execution-session/grains", {})
    told = f"no session: the gateway lists {THANKSGIVING} as closed for ZO, ZR"
    assert flow_day.end_of(run_id) == ("COMPLETED", told)
    assert flow_day.day.of("SessionPlanned") == []
