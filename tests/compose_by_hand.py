"""The processes of docker-compose.yml by hand, profile `sim`, on a real PostgreSQL: no engine is needed.

Commands, variables and secrets come from the file; places, ports and the market's pace are this machine's.
It takes a minute, so it is no part of `make test`: make compose-by-hand.
"""

import os
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra.clock import SystemClock
from hydra.demo.processes import Part, Parts, free_port
from hydra.demo.server_api import ServerApi
from hydra.persistence.open import open_ledger
from hydra.simgateway.books import read_books
from tests.contract.ledger_stores import PostgresServer
from tests.contract.ledger_stores import postgres_server as postgres_server
from tests.flows.conftest import END_STATES, until

pytestmark = [pytest.mark.postgres, pytest.mark.prefect, pytest.mark.process, pytest.mark.timeout(240)]

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SERVER_S = 90.0


@dataclass
class Machine:
    """One folder in place of the containers' file systems, one port for each that they listen on."""

    folder: Path
    parts: Parts
    ports: dict[str, int]

    def start(self, name: str, *more: str) -> Part:
        """The service's own command and variables, through the image's entry point."""
        service = SERVICES[name]
        given = (
            {key: self._here(str(value)) for key, value in service["environment"].items()}
            if service.get("environment")
            else {}
        )
        command = [self._here(str(part)) for part in (*service["command"], *more)]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HYDRA_", "PREFECT_"))}
        path = f"{Path(sys.executable).parent}:{kept['PATH']}"
        argv = ["sh", str(ROOT / "docker" / "entrypoint.sh"), *command]
        return self.parts.start(name, argv, {**kept, "PATH": path, **given}, self.folder)

    def _here(self, text: str) -> str:
        places = {
            "http://server:4200": f"http://127.0.0.1:{self.ports['4200']}",
            "http://127.0.0.1:4200": f"http://127.0.0.1:{self.ports['4200']}",
            "/run/secrets": f"{self.folder}/secrets",
            "/home/hydra": f"{self.folder}/home",
            "/var/lib/hydra": f"{self.folder}/var",
            "/opt/hydra": str(ROOT),
            "0.0.0.0": "127.0.0.1",
        }
        for there, here in places.items():
            text = text.replace(there, here)
        return str(self.ports.get(text, text))


@pytest.fixture
def machine(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Machine]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / "var").mkdir()
    ledger, prefect = postgres_server.new_database(), postgres_server.new_database()
    (secrets / "prefect_auth").write_text("hydra:secret\n")
    (secrets / "ledger_url").write_text(f"{ledger}\n")
    (secrets / "prefect_database_url").write_text(
        f"{prefect.replace('postgresql://', 'postgresql+asyncpg://')}\n"
    )
    made = Machine(tmp_path, Parts(), {port: free_port() for port in ("4200", "4002", "8081", "8082")})
    try:
        yield made
    finally:
        made.parts.end()


def test_a_session_on_postgresql_with_a_worker_for_each_role(machine: Machine) -> None:
    server = machine.start("server")
    machine.start("gateway-sim", "--speed", "60").first_line(SERVER_S)
    execution = machine.start("worker-execution-sim")
    api = ServerApi(f"http://127.0.0.1:{machine.ports['4200']}/api", "hydra:secret", server.log)
    until(api.is_healthy, "the server answers", lambda: not server.is_running)
    deploy = machine.start("deploy")
    assert deploy.wait(SERVER_S) == 0, deploy.log.read_text()

    data = machine.start("worker-data-sim")
    asked = {"symbols": ["HE"], "targets": {"HE": 2}, "horizon_minutes": 5}
    run_id = api.start_run("execution-session/livestock", asked)
    died = lambda: not (execution.is_running and data.is_running)  # noqa: E731
    bars = api.start_run("market-data/market-data", {"symbols": ["HE"], "days": 20})
    for run in (run_id, bars):
        state = until(lambda run=run: _ended(api, run), "the run ends", died)
        assert state[0] == "COMPLETED", state

    for port in ("8081", "8082"):
        with urllib.request.urlopen(f"http://127.0.0.1:{machine.ports[port]}/health", timeout=5) as answer:
            assert answer.status == 200
    url = (machine.folder / "secrets" / "ledger_url").read_text().strip()
    clock = SystemClock()
    folder = machine.folder / "var" / "data"
    ledger = open_ledger(url, now=clock.now, wall_s=clock.wall_s, folder=folder, read_only=True)
    try:
        held = dict(ledger.positions())
        kinds = {event["kind"] for event in ledger.export()}
    finally:
        ledger.close()
    books = read_books(machine.folder / "var" / "gateway")
    assert {row["con_id"]: int(row["qty"]) for row in books["positions"] if row["qty"]} == held
    assert {"SessionPlanned", "ParentOpened", "ChildSending", "PaperSessionCounted"} <= kinds
    assert not list((machine.folder / "var").rglob("ledger.sqlite3"))


def _ended(api: ServerApi, run_id: str) -> tuple[str, str] | None:
    state = api.run_state(run_id)
    return state if state[0] in END_STATES else None
