"""The processes of docker-compose.yml by hand, profile `sim`, on a real PostgreSQL: no engine is needed.

Commands, variables and secrets come from the file; places, ports and the market's pace are this machine's.
It takes a minute, so it is no part of `make test`: make by-hand.
"""

import os
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
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
SHARDS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.shards.yml").read_text())[
    "services"
]
READERS = ("worker-data-sim", "worker-feed-sim", "worker-diagnostics-sim")
SERVER_S = 90.0


@dataclass
class Machine:
    """One folder in place of the containers' file systems, one port for each that they listen on."""

    folder: Path
    parts: Parts
    ports: dict[str, int]
    services: dict[str, dict[str, Any]] = field(default_factory=lambda: SERVICES)

    def start(self, name: str, *more: str) -> Part:
        """The service's own command and variables, through the image's entry point."""
        service = self.services[name]
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
    listening = ("4200", "4002", "8080", "8081", "8082", "8083", "8084", "8085")
    made = Machine(tmp_path, Parts(), {port: free_port() for port in listening})
    try:
        yield made
    finally:
        made.parts.end()


def test_a_session_on_postgresql_with_a_worker_for_each_role(machine: Machine) -> None:
    """Every service whose command is ours: the other images are not on this machine."""
    api, server = _begun(machine)
    workers = [machine.start("worker-execution-sim"), *map(machine.start, READERS), machine.start("research")]
    asked = {"symbols": ["HE"], "targets": {"HE": 2}, "horizon_minutes": 5}
    runs = [
        api.start_run("execution-session/livestock", asked),
        api.start_run("market-data/market-data", {"symbols": ["HE"], "days": 20}),
    ]
    died = lambda: not all(one.is_running for one in (server, *workers))  # noqa: E731
    for run in runs:
        state = until(lambda run=run: _ended(api, run), "the run ends", died)
        assert state[0] == "COMPLETED", state
    # research takes the cycle; two series of bars are no history to decide by, and it says so
    asked_cycle = api.start_run("daily-cycle/daily-cycle", {})
    cycle = until(lambda: _ended(api, asked_cycle), "the cycle ends", died)
    assert cycle[0] in ("COMPLETED", "FAILED"), cycle

    for port in ("8080", "8081", "8082", "8083", "8084"):
        until(lambda port=port: _is_healthy(machine.ports[port]), f"{port} is healthy", died)
    held, kinds = _ledger(machine)
    books = read_books(machine.folder / "var" / "gateway")
    assert {row["con_id"]: int(row["qty"]) for row in books["positions"] if row["qty"]} == held
    assert {"SessionPlanned", "ParentOpened", "ChildSending", "PaperSessionCounted"} <= kinds
    assert not list((machine.folder / "var").rglob("ledger.sqlite3"))


def test_two_shards_as_the_second_file_starts_them(machine: Machine) -> None:
    """One run of two symbols: each shard on its own client id, one ledger on PostgreSQL."""
    machine.services = merged()
    api, server = _begun(machine)
    workers = [machine.start("worker-execution-sim"), machine.start("worker-execution-2-sim")]
    died = lambda: not all(one.is_running for one in (server, *workers))  # noqa: E731
    asked = {"symbols": ["ZO", "HE"], "targets": {"ZO": 2, "HE": 2}, "horizon_minutes": 5}
    whole = api.start_run("execution-session/execution-session", asked)
    assert until(lambda: _ended(api, whole), "the run ends", died)[0] == "COMPLETED"
    until(lambda: set(_lots(machine).values()) == {2} and len(_lots(machine)) == 2, "both have traded", died)
    books = read_books(machine.folder / "var" / "gateway")
    assert {(one["symbol"], one["client_id"]) for one in books["orders"]} == {("ZO", 11), ("HE", 12)}
    until(lambda: _ledger(machine)[0] == _lots(machine), "both books agree", died)


def merged() -> dict[str, dict[str, Any]]:
    """The services of both files, as compose merges them."""
    found = dict(SERVICES)
    for name, said in SHARDS.items():
        base = SERVICES[said["extends"]["service"] if "extends" in said else name]
        environment = {**base["environment"], **said["environment"]}
        found[name] = {**base, **said, "environment": environment}
    return found


def _begun(machine: Machine) -> tuple[ServerApi, Part]:
    """Server, simulated gateway and deployments."""
    server = machine.start("server")
    machine.start("gateway-sim", "--speed", "60").first_line(SERVER_S)
    api = ServerApi(f"http://127.0.0.1:{machine.ports['4200']}/api", "hydra:secret", server.log)
    until(api.is_healthy, "the server answers", lambda: not server.is_running)
    deploy = machine.start("deploy")
    assert deploy.wait(SERVER_S) == 0, deploy.log.read_text()
    return api, server


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _lots(machine: Machine) -> dict[int, int]:
    books = read_books(machine.folder / "var" / "gateway")
    return {row["con_id"]: int(row["qty"]) for row in books["positions"] if row["qty"]}


def _ledger(machine: Machine) -> tuple[dict[int, int], set[str]]:
    """Positions by our own books, and the kinds of everything recorded."""
    url = (machine.folder / "secrets" / "ledger_url").read_text().strip()
    clock, folder = SystemClock(), machine.folder / "var" / "data"
    ledger = open_ledger(url, now=clock.now, wall_s=clock.wall_s, folder=folder, read_only=True)
    try:
        return dict(ledger.positions()), {str(event["kind"]) for event in ledger.export()}
    finally:
        ledger.close()


def _ended(api: ServerApi, run_id: str) -> tuple[str, str] | None:
    state = api.run_state(run_id)
    return state if state[0] in END_STATES else None
