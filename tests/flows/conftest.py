"""One Prefect server for the whole test process, in a home of its own; a gateway and a worker per test."""

import base64
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import certifi
import pytest
import yaml

from hydra.cli.worker import QUERY_S
from hydra.demo.processes import Part, Parts, free_port
from hydra.demo.server_api import ServerApi
from hydra.demo.stack import default_prefect_file, prefect_environment, server_argv
from tests.flows.deployed_once import deployed_once
from tests.gateway_process import running_gateway
from tests.hydra_process import HydraProcess, preload_worker
from tests.session.trading_day import ON, TradingDay

T = TypeVar("T")
WAIT_S = 90.0
END_STATES = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
SESSION = "execution-session/execution-session"
UNLIMITED = "execution-session/two-at-once"


@dataclass
class Server:
    """The session's Prefect server; `environment` is what every client of it needs."""

    api: ServerApi
    environment: Mapping[str, str]
    pid: int

    def signal(self, number: signal.Signals) -> None:
        """To the server and whatever it has started."""
        os.killpg(self.pid, number)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    preload_worker()
    folder, port, parts = tmp_path_factory.mktemp("prefect"), free_port(), Parts()
    environment = prefect_environment(folder, port, "tests:secret-of-this-session")
    try:
        with deployed_once(tmp_path_factory, folder) as keep:
            part = parts.start("server", server_argv(port), environment, folder)
            api = ServerApi(environment["PREFECT_API_URL"], "tests:secret-of-this-session", part.log)
            until(api.is_healthy, "the server answers", lambda: not part.is_running)
            if keep is not None:
                _deploy(parts, environment, folder)
                keep()
        yield Server(api, environment | _one_authority(folder), part.pid)
    finally:
        parts.end()


def _one_authority(folder: Path) -> Mapping[str, str]:
    """Nothing here speaks TLS, but each of Prefect's clients reads the whole list of authorities: 13 ms."""
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----\n")
    file = folder / "authority.pem"
    file.write_text(first + end)
    return {"PREFECT_API_SSL_CERT_FILE": str(file)}


def _deploy(parts: Parts, environment: Mapping[str, str], folder: Path) -> None:
    """The project's own deployments, and one without a concurrency limit for two runs at once."""
    deployments = yaml.safe_load(default_prefect_file().read_text())
    unlimited = {**deployments["deployments"][0], "name": UNLIMITED.partition("/")[2], "schedules": []}
    del unlimited["concurrency_limit"]
    deployments["deployments"].append(unlimited)
    file = folder / "prefect.yaml"
    file.write_text(yaml.safe_dump(deployments))
    argv = [sys.executable, "-m", "hydra.cli", "deploy", "--prefect-file", str(file)]
    part = parts.start("deploy", argv, environment, folder)
    assert part.wait(WAIT_S) == 0, part.log.read_text()


class Worker(Part):
    """`hydra worker start` as a process; its log goes to one file."""

    def _started(self) -> Any:
        return HydraProcess(self._argv, self._folder, self._env, self.log, self.log)


@dataclass
class FlowDay:
    """A trading day whose sessions are flow runs of a worker process."""

    day: TradingDay
    server: Server
    here: Path
    parts: Parts = field(default_factory=Parts)

    def start_worker(
        self, role: str = "execution", *, imports_itself: bool = False, **settings: object
    ) -> Part:
        """`imports_itself`: begins with an empty interpreter, as a person's does."""
        chosen = {**self.day.settings, **{key.replace("__", "."): one for key, one in settings.items()}}
        argv = [f"--set={key}={value}" for key, value in chosen.items()]
        argv += ["worker", "start", "--approver", "test", "--role", role]
        environment = {**self.day.environment(), **self.server.environment}
        mine = {key: value for key, value in environment.items() if key != "HYDRA_CONFIG"}
        mine["HYDRA_DATA_DIR"] = str(self.day.data_dir)
        mine["PREFECT_WORKER_QUERY_SECONDS"] = QUERY_S
        name = f"worker-{len(self.parts.all)}"
        if imports_itself:
            return self.parts.start(name, [sys.executable, "-m", "hydra.cli", *argv], mine, self.here)
        worker = Worker(name, argv, mine, self.here)
        self.parts.all.append(worker)
        return worker

    def start_run(
        self, targets: Mapping[str, int], deployment: str = SESSION, queue: str = "", **parameters: Any
    ) -> str:
        asked = {"session_on": ON, "symbols": list(targets), "targets": dict(targets), **parameters}
        return self.server.api.start_run(deployment, asked, queue)

    def end_of(self, run_id: str) -> tuple[str, str]:
        """The run's final state and message."""
        state = until(lambda: self._final(run_id), f"run {run_id} ends", self._worker_died)
        assert isinstance(state, tuple)
        return state

    def _final(self, run_id: str) -> tuple[str, str] | None:
        state = self.server.api.run_state(run_id)
        return state if state[0] in END_STATES else None

    def _worker_died(self) -> bool:
        return not any(part.is_running for part in self.parts.all)

    def task_runs(self, run_id: str) -> dict[str, str]:
        """Name of every task run → its state's type."""
        asked = {"flow_runs": {"id": {"any_": [run_id]}}}
        found = self.server.api.ask("POST", "/task_runs/filter", asked)
        return {one["name"]: one["state_type"] for one in found}

    def artifacts(self, run_id: str) -> dict[str, Any]:
        """Key of every artifact of the run → its newest content."""
        asked = {"artifacts": {"flow_run_id": {"any_": [run_id]}}, "sort": "UPDATED_DESC"}
        found = self.server.api.ask("POST", "/artifacts/filter", asked)
        return {one["key"]: _content(one) for one in reversed(found)}


def _content(artifact: Mapping[str, Any]) -> Any:
    data = artifact["data"]
    return json.loads(data) if artifact["type"] == "table" and isinstance(data, str) else data


def png_of(markdown: str) -> bytes:
    """The picture inside a Markdown artifact."""
    return base64.b64decode(markdown.partition("base64,")[2].rstrip(")\n"))


def until(condition: Callable[[], T], what: str, is_hopeless: Callable[[], bool] = lambda: False) -> T:
    """Looks twenty times a second at first, then every .7 s: each look is work for the server."""
    deadline, pause_s = time.monotonic() + WAIT_S, 0.05
    while not (met := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        assert not is_hopeless(), f"cannot happen any more: {what}"
        time.sleep(pause_s)
        pause_s = min(0.7, pause_s * 1.15)
    return met


OpenFlowDay = Callable[..., FlowDay]


@pytest.fixture
def open_flow_day(tmp_path: Path, server: Server) -> Iterator[OpenFlowDay]:
    """Opens a trading day with a gateway of its own; options go to the gateway."""
    with ExitStack() as stack:

        def opened(**options: Any) -> FlowDay:
            options.setdefault("speed", 120.0)
            gateway = stack.enter_context(running_gateway(tmp_path / "gateway", **options))
            flow_day = FlowDay(TradingDay(gateway, tmp_path, options["speed"]), server, tmp_path)
            stack.callback(flow_day.parts.end)
            return flow_day

        yield opened
