"""Every cause of a bare timeout against real sockets and a real gateway: named as itself, with its fix."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hydra.broker.options import BrokerOptions
from hydra.clock import ScaledClock, SystemClock
from hydra.config import load_settings
from hydra.diagnosis.finding import Finding, Status
from hydra.diagnosis.gateway import port_findings, session_findings, socket_finding
from hydra.diagnosis.listeners import listeners
from hydra.diagnosis.machine import machine_findings
from hydra.diagnosis.server import server_findings
from hydra.persistence.seat import take_seat
from tests.contract.broker_scene import clock_of, options_for
from tests.gateway_client import client
from tests.gateway_process import GatewayProcess, running_gateway

pytestmark = pytest.mark.process


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    for one in findings:
        assert one.what
        assert bool(one.fix) is (one.status in (Status.WARN, Status.FAIL)), one
        assert "\n" not in one.what + one.fix
    return {one.check: one for one in findings}


def options_of(gateway: GatewayProcess, **changed: object) -> BrokerOptions:
    facts: dict[str, object] = {"client_id": 1, "reads_books_first": False, **changed}
    return replace(options_for(gateway), **facts)  # type: ignore[arg-type]


def session(gateway: GatewayProcess, locks: Path, **changed: object) -> dict[str, Finding]:
    looking = session_findings(options_of(gateway, **changed), clock_of(gateway), locks)
    return by_check(asyncio.run(looking))


@contextmanager
def answering(words: bytes | None) -> Iterator[int]:
    """A server that accepts and says this, or hangs up; None says nothing and keeps the line."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                kept.append(line)
                if words is not None:
                    line.recv(100)
                    line.sendall(words)
                    line.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for line in kept:
        line.close()


# --- the socket -----------------------------------------------------------------------------------------


def test_a_healthy_gateway_has_nothing_that_fails(gateway: GatewayProcess, tmp_path: Path) -> None:
    assert socket_finding(options_of(gateway), ()).status is Status.OK
    assert {one.status for one in session(gateway, tmp_path).values()} == {Status.OK}


def test_a_wrong_port_is_told_from_the_right_one(gateway: GatewayProcess) -> None:
    """Host and container side, live and paper, TWS and gateway are mistaken for one another."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    found = socket_finding(options_of(gateway, port=free), (free, gateway.port))
    assert found.status is Status.FAIL
    assert f"answers on port {gateway.port}" in found.what
    assert f"gateway.port = {gateway.port}" in found.fix
    alone = socket_finding(options_of(gateway, port=free), ())
    assert "nothing listens" in alone.what
    assert "start the gateway" in alone.fix


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (None, "does not answer the handshake", "enable ActiveX and Socket Clients"),
        (b"", "hangs up", "forward"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "another program answers: HTTP/1.1 400", "gateway.port"),
    ],
    ids=["silent", "closing", "foreign"],
)
def test_what_listens_but_is_no_open_api_is_named(
    gateway: GatewayProcess, words: bytes | None, what: str, fix: str
) -> None:
    with answering(words) as port:
        found = socket_finding(options_of(gateway, port=port), ())
    assert found.status is Status.FAIL
    assert what in found.what
    assert fix in found.fix


def test_the_internal_port_of_jts_ini_is_known_as_such(gateway: GatewayProcess) -> None:
    if any(one.port == 4000 for one in listeners()):
        pytest.skip("something listens on port 4000 of this machine")
    found = socket_finding(options_of(gateway, port=4000), ())
    assert "LocalServerPort" in found.fix


def test_who_has_a_port_and_who_can_reach_it(gateway: GatewayProcess) -> None:
    closed = by_check(port_findings(options_of(gateway), listeners()))
    assert f"(pid {gateway.pid})" in closed["ports"].what
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        found = by_check(port_findings(options_of(gateway, port=port), listeners()))
    assert found["bindings"].status is Status.FAIL
    assert f"0.0.0.0:{port}" in found["bindings"].what
    assert f"pid {os.getpid()}" in found["bindings"].what


# --- the session ----------------------------------------------------------------------------------------


def test_a_client_id_in_use_is_told_from_our_own_worker(gateway: GatewayProcess, tmp_path: Path) -> None:
    async def clash() -> list[Finding]:
        async with client(gateway, client_id=1):
            return await session_findings(options_of(gateway), clock_of(gateway), tmp_path)

    found = by_check(asyncio.run(clash()))
    assert found["client_id"].status is Status.FAIL
    assert "326" in found["client_id"].what
    seat = take_seat(tmp_path, 1)
    assert not isinstance(seat, str)
    try:
        held = session(gateway, tmp_path)["client_id"]
    finally:
        seat.close()
    assert held.status is Status.OK
    assert f"/{os.getpid()}/" in held.what


def test_every_shards_id_is_asked_and_a_diagnostics_worker_does_not_hinder(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    async def scene(stranger: int) -> list[Finding]:
        async with client(gateway, client_id=4), client(gateway, client_id=stranger):
            return await session_findings(options_of(gateway), clock_of(gateway), tmp_path, (11, 12))

    found = by_check(asyncio.run(scene(12)))
    assert found["session"].status is Status.OK  # the diagnostics id is taken: asked under the next
    assert (found["client_id"].status, "client id 12" in found["client_id"].what) == (Status.FAIL, True)
    found = by_check(asyncio.run(scene(77)))
    assert found["client_id"].what == "client id 11 is free; client id 12 is free"


def test_a_read_only_api_is_found_without_placing_anything(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "gateway", extra=["--read-only"]) as gateway:
        found = session(gateway, tmp_path)["permission"]
        assert {frame["kind"] for frame in gateway.books()["frames"]} == {"cancelOrder"}
    assert found.status is Status.FAIL
    assert "Read-Only" in found.fix


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"account": "DU7654321"}, "does not serve account DU7654321"), ({"mode": "live"}, "no live account")],
    ids=["account", "mode"],
)
def test_an_account_that_is_not_the_configured_one(
    gateway: GatewayProcess, tmp_path: Path, changed: dict[str, object], what: str
) -> None:
    found = session(gateway, tmp_path, **changed)["account"]
    assert found.status is Status.FAIL
    assert what in found.what


def test_clocks_apart_are_measured_in_seconds(gateway: GatewayProcess, tmp_path: Path) -> None:
    clock = clock_of(gateway)
    late = ScaledClock(clock.start - timedelta(minutes=30), clock.speed, clock.anchor_s)
    findings = asyncio.run(session_findings(options_of(gateway), late, tmp_path))
    found = by_check(findings)["clock"]
    assert found.status is Status.FAIL
    assert "+30." in found.what or "+29." in found.what


@pytest.mark.parametrize(
    ("fault", "options", "status", "what"),
    [
        ("farm", {"code": 2103, "farm": "usfuture"}, Status.WARN, "usfuture"),
        ("1100", {"for_s": 3}, Status.FAIL, "no connection to IB"),
    ],
    ids=["farm", "1100"],
)
def test_farms_and_the_way_to_ib(
    tmp_path: Path, fault: str, options: dict[str, object], status: Status, what: str
) -> None:
    with running_gateway(tmp_path / "gateway", speed=60) as gateway:
        gateway.fault(fault, on="cancel_order", **options)
        found = session(gateway, tmp_path)["farms"]
    assert found.status is status
    assert what in found.what


# --- the server, the ledger, the command ----------------------------------------------------------------


@contextmanager
def prefect(status: int) -> Iterator[str]:
    """A server that is healthy and answers everything else with this status."""

    class Answer(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(200 if self.path.endswith("/health") else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "expected"), [(200, Status.FAIL), (401, Status.OK), (403, Status.OK), (500, Status.WARN)]
)
def test_a_server_that_a_stranger_may_command_fails(status: int, expected: Status) -> None:
    with prefect(status) as url:
        found = by_check(server_findings(url))
    assert found["prefect"].status is Status.OK
    assert found["prefect_auth"].status is expected


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "127.0.0.1:4200", "file:///etc/passwd"])
def test_a_server_that_is_named_and_not_there_fails(url: str) -> None:
    assert by_check(server_findings(url))["prefect"].status is Status.FAIL


def test_a_ledger_that_cannot_be_read_fails(tmp_path: Path) -> None:
    settings = load_settings(None, {"data_dir": str(tmp_path)})
    clock = SystemClock()
    assert by_check(machine_findings(settings, clock))["ledger"].status is Status.OK
    (tmp_path / "ledger.sqlite3").write_bytes(b"not a database at all " * 100)
    assert by_check(machine_findings(settings, clock))["ledger"].status is Status.FAIL


def test_the_command_exits_by_what_it_found(gateway: GatewayProcess, tmp_path: Path) -> None:
    values = json.loads((gateway.state_dir / "clock.json").read_text())
    env = {**os.environ, **{name: str(value) for name, value in values.items()}}
    env |= {"HYDRA_DATA_DIR": str(tmp_path / "data")}

    def doctor(port: int, url: str) -> tuple[int, dict[str, Finding]]:
        done = subprocess.run(
            [sys.executable, "-m", "hydra.cli", "doctor", "--json", "--port", str(port)],
            env={**env, "PREFECT_API_URL": url},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        told = json.loads(done.stdout)
        findings = [Finding(**{**one, "status": Status(one["status"])}) for one in told["findings"]]
        assert told["failed"] == sum(one.status is Status.FAIL for one in findings)
        return done.returncode, by_check(findings)

    with prefect(401) as url:
        code, found = doctor(gateway.port, url)
        assert (code, [one for one in found.values() if one.status is Status.FAIL]) == (0, [])
        code, found = doctor(1, url)
    assert code == 1
    assert found["socket"].status is Status.FAIL
    assert found["account"].status is Status.SKIP
