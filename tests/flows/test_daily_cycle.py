"""The daily cycle as a flow on the pool `research`: it plans what a session trades, and waits for people."""

import os
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from hydra.cluster import ClusterWalks, walked_there
from hydra.demo.processes import Part, Parts, free_port
from hydra.domain.champion import SEED_CHAMPION
from hydra.research.experiment import Spec
from hydra.sandbox.run import Limits
from hydra.usecases.improve.cycle import begin
from hydra.usecases.improve.experiments import rerun
from hydra.usecases.improve.workshop import Workshop
from hydra.workshop import open_workshop
from tests.flows.conftest import FlowDay, OpenFlowDay, png_of, until
from tests.improve.test_cycle import BORN, DAYS, REVERSED, SESSIONS, TURNED, evening, until_change
from tests.improve.worlds import SYMBOLS, World, edge_bars, settings_at
from tests.session.trading_day import ON
from tests.ui.test_browser import ARGUMENTS, CHROMIUM, FEW_FRAMES, PICTURES

pytestmark = [pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(240)]

CYCLE = "daily-cycle/daily-cycle"


def start_research(flow_day: FlowDay, **healing: object) -> Part:
    """A process worker of the pool `research`, with the day's clock and data directory."""
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool", "research"]
    mine = {f"HYDRA_HEALING_{key.upper()}": str(value) for key, value in healing.items()}
    environment = {**flow_day.day.environment(), **flow_day.server.environment, **mine}
    del environment["HYDRA_CONFIG"]
    environment |= {"HYDRA_DATA_DIR": str(flow_day.day.data_dir), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    return flow_day.parts.start("research", argv, environment, flow_day.here)


def test_the_cycle_plans_and_the_session_trades_its_plan(open_flow_day: OpenFlowDay) -> None:
    """Bars from the gateway's own history; one experiment, while a session by hand trades; then the book."""
    flow_day = open_flow_day(speed=240.0)
    day = flow_day.day
    fetched = day.start("bars", "fetch", "--json", env={"HYDRA_HEALING_SYMBOLS": "HE,LE"}).end()
    assert fetched.code == 0, fetched.stderr
    trading = day.begin("ZO=2")
    start_research(flow_day, symbols="HE,LE", budget=1)
    run = flow_day.server.api.start_run(CYCLE, {"session_on": ON})
    assert flow_day.end_of(run)[0] == "COMPLETED", flow_day.end_of(run)
    names = set(flow_day.task_runs(run))
    assert {"begin", "observe", "diagnose", "mutate", "update the book", "apply", "report"} <= names
    shown = flow_day.artifacts(run)
    assert {
        "drift",
        "diagnosis",
        "book-weights",
        "leaderboard",
        "reasons",
        "cycle-plot",
        "cycle-report",
    } <= shown.keys()
    assert png_of(shown["cycle-plot"]).startswith(b"\x89PNG")
    meanwhile = trading.end()
    assert (meanwhile.code, meanwhile.parents["ZO"]["cum_qty"]) == (0, 2), meanwhile.stderr
    (plan,) = day.of("BookPlanned")
    done = day.hydra("session", "run", "--on", ON, "--symbols", "HE,LE", "--json", execution__horizon_s=60)
    assert done.code == 0, done.stderr
    wanted = {one["symbol"]: float(one["forecast"]) for one in plan["forecasts"]}
    stopped = {one["symbol"] for one in plan["forecasts"] if one["stop"]}
    planned = {one["symbol"]: one for one in day.of("SessionPlanned") if one["symbol"] != "ZO"}
    assert planned.keys() == wanted.keys() - stopped
    assert planned, "at least one market trades"
    for symbol, one in planned.items():
        assert one["champion_id"] == plan["champion_id"] == SEED_CHAMPION
        assert one["target"] * wanted[symbol] >= 0
    day.judge()


def start_cluster(parts: Parts, here: Path) -> str:
    """The address of a Dask scheduler with one worker, processes of their own, both on the loopback."""
    address = f"tcp://127.0.0.1:{free_port()}"
    run = [sys.executable, "-m"]
    where = ["--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]
    parts.start("scheduler", [*run, "distributed.cli.dask_scheduler", *where], dict(os.environ), here)
    one = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(here)]
    parts.start("dask-worker", [*run, "distributed.cli.dask_worker", *one], dict(os.environ), here)
    return address


def test_a_change_of_champion_waits_in_a_suspended_run_until_a_person_approves_it(
    open_flow_day: OpenFlowDay,
) -> None:
    """Its two candidates run on a Dask worker; the same again here gives the numbers that are on record."""
    flow_day = open_flow_day(speed=240.0)
    world = World(flow_day.day.data_dir)
    flow_day.day.data_dir.mkdir()
    for seed, symbol in enumerate(SYMBOLS, start=1):
        world.bars(symbol, edge_bars(seed, DAYS, sharpe=3.0, flip_at=TURNED))
    evening(world, BORN, budget=0)
    at, _ = until_change(world, range(900, DAYS, 40), autonomy="supervised", budget=0)
    on = SESSIONS[at]
    api = flow_day.server.api
    address = start_cluster(flow_day.parts, flow_day.here)
    research = start_research(
        flow_day, symbols=",".join(SYMBOLS), budget=2, autonomy="supervised", dask_address=address
    )
    run = api.start_run(CYCLE, {"session_on": on.isoformat()})
    until(lambda: api.run_state(run)[0] == "PAUSED", "the run waits", lambda: False)
    assert champion_of(world, on) == SEED_CHAMPION, "the session trades the old book meanwhile"
    if os.environ.get("KEEP_PICTURES") == "1":
        answered_in_a_browser(flow_day, run)
    else:
        until(lambda: is_resumed(flow_day, run), "the answer is taken")
    assert flow_day.end_of(run)[0] == "COMPLETED", flow_day.end_of(run)
    assert champion_of(world, on) == REVERSED
    names = flow_day.task_runs(run).keys()
    assert {"experiment 1 of 2: other_family", "journal experiment 2"} <= names, names
    with open_workshop(settings_at(world.folder), world.clock) as shop:
        done = shop.journal.experiments()
        assert [one.ended for one in done] == ["FINISHED", "FINISHED"]
        assert [rerun(shop, one) for one in done] == list(done)
        walked_by_hand(shop, address, [one.spec for one in done])
    assert f"Dask cluster at {address}" in research.log.read_text()
    assert "anna" in flow_day.artifacts(run)["cycle-report"]


def walked_by_hand(shop: Workshop, address: str, specs: list[Spec]) -> None:
    """As `hydra run` asks the cluster, without Prefect: what comes back is what comes of it here."""
    cluster, inputs = ClusterWalks(address, Limits(wall_s=60), ()), begin(shop, SESSIONS[-1]).panel.inputs
    there, here = cluster.walk(specs, inputs), shop.sandbox.walk(specs, inputs)
    assert [(one.end, one.learnt) for one in there] == [(one.end, one.learnt) for one in here]
    assert all(
        np.array_equal(one.forecasts, two.forecasts, equal_nan=True)
        for one, two in zip(there, here, strict=True)
    )
    with pytest.raises(RuntimeError, match="a worker runs build"):
        walked_there(specs[0], replace(cluster.errand(inputs), build="another"))


def answered_in_a_browser(flow_day: FlowDay, run: str) -> None:
    """The same answer by the form that a person sees; the picture goes to docs/images."""
    door = flow_day.server.environment["PREFECT_API_URL"].removesuffix("/api")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.add_init_script(FEW_FRAMES)
        page.goto(door)
        page.locator("input").first.fill(flow_day.server.environment["PREFECT_API_AUTH_STRING"])
        page.get_by_role("button", name="Login").click()
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(f"{door}/v2/runs/flow-run/{run}")
        page.get_by_role("button", name="Open menu").first.click()
        page.get_by_role("menuitem", name="Resume").click()
        form = page.get_by_role("dialog").or_(page.get_by_role("alertdialog"))
        form.get_by_role("switch").click()
        form.locator("textarea").fill("anna")
        form.screenshot(path=PICTURES / "ui-approval.png")
        form.get_by_role("button", name="Resume").click()
        form.wait_for(state="hidden")
        chromium.close()


def is_resumed(flow_day: FlowDay, run: str) -> bool:
    """Answers the form; a busy server says 503 and may have taken the answer all the same."""
    try:
        answer = {"run_input": {"approve": True, "by": "anna"}}
        flow_day.server.api.ask_once("POST", f"/flow_runs/{run}/resume", answer)
    except HTTPError as error:
        if error.code != 503:
            raise
    return flow_day.server.api.run_state(run)[0] != "PAUSED"


def champion_of(world: World, on: date) -> str:
    """Whom the plan of that session is of; it is the pointer's, too."""
    with world.workshop() as shop:
        plan, pointer = shop.ledger.champions.plan(on), shop.ledger.champions.pointer()
        assert plan is not None
        assert pointer is not None
        assert plan.champion_id == pointer.champion_id
        return plan.champion_id
