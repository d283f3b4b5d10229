"""Alerts through Prefect: every event arrives once, also after the server was away; people are notified."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from hydra.clock import SystemClock
from hydra.domain.alerts import Alert, Weight, connection_alert
from hydra.eventlog import event as log
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger
from hydra.usecases.alerts import FileSink, deliver
from hydra.worker.deploy.run import deploy
from hydra.worker.prefect_events import SINK, event_of, tell_prefect
from tests.flows.conftest import Server, until

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(120)]

AWAY_S = 4.0


class Gate:
    """A way to the server that can be shut: then connections are refused, as by a server that is down."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listening: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def shut(self) -> None:
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pass, args=(source, sink), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    except OSError:
        pass
    finally:
        source.close()
        sink.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    clock = SystemClock()
    opened = open_ledger(tmp_path / "ledger.sqlite3", now=clock.now, wall_s=clock.wall_s)
    yield opened
    opened.close()


def _events(server: Server, name: str) -> list[dict[str, Any]]:
    asked = {"filter": {"event": {"name": [name]}}, "limit": 50}
    found: list[dict[str, Any]] = server.api.ask("POST", "/events/filter", asked)["events"]
    return found


def _settings(server: Server, url: str) -> dict[Any, Any]:
    return {
        PREFECT_API_URL: url,
        PREFECT_API_AUTH_STRING: server.environment["PREFECT_API_AUTH_STRING"],
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: True,
        PREFECT_CLIENT_MAX_RETRIES: 0,
    }


def _alert(no: int) -> Alert:
    return Alert("hydra.trial.happened", Weight.WARNING, f"hydra.trial.{no}", {"no": str(no)})


def test_nothing_is_lost_or_doubled_while_the_server_is_away_and_the_file_has_it_at_once(
    server: Server, ledger: SqlLedger, tmp_path: Path
) -> None:
    gate = Gate(int(server.environment["PREFECT_API_URL"].rsplit(":", 1)[1].partition("/")[0]))
    file = FileSink(tmp_path / "alerts.jsonl")
    took: list[float] = []

    async def scene() -> None:
        telling = asyncio.ensure_future(tell_prefect(ledger.outbox, SystemClock(), log))
        began_s, no = time.monotonic(), 0
        while time.monotonic() < began_s + AWAY_S:
            at_s = time.monotonic()
            ledger.outbox.add([_alert(no)])
            deliver(ledger.outbox, [file], log)
            took.append(time.monotonic() - at_s)
            no += 1
            await asyncio.sleep(0.1)
        gate.open()
        deadline_s = time.monotonic() + 30
        while ledger.outbox.untold(SINK, 1):
            assert time.monotonic() < deadline_s, "never told"
            await asyncio.sleep(0.05)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    with temporary_settings(_settings(server, f"http://127.0.0.1:{gate.port}/api")):
        asyncio.run(scene())
        # the same batch again, as after a crash between the receipt and the note of it
        from hydra.worker.prefect_events import post

        ledger.outbox.add([_alert(len(took))])
        again = ledger.outbox.untold("nobody", 100)
        post(again)
    gate.shut()
    count = len(took) + 1
    until(lambda: len(_events(server, "hydra.trial.happened")) >= count, "all events are there")
    found = _events(server, "hydra.trial.happened")
    assert sorted(int(one["payload"]["number"]) for one in found) == list(range(1, count + 1))
    assert {one["resource"]["hydra.weight"] for one in found} == {"WARNING"}
    written = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [one["number"] for one in written] == list(range(1, count))
    assert max(took) < 5.0


def test_an_event_has_the_alerts_name_its_instant_and_an_id_of_its_own(ledger: SqlLedger) -> None:
    ledger.outbox.add([connection_alert(False, 1, "no heartbeat"), connection_alert(True, 1, "")])
    lost, restored = ledger.outbox.untold(SINK, 10)
    assert event_of(lost).event == "hydra.connection.lost"
    assert event_of(lost).resource.id == "hydra.client.1"
    assert datetime.fromisoformat(str(event_of(lost).occurred)) == lost.at
    assert event_of(lost).id == event_of(lost).id != event_of(restored).id


def test_a_reconnect_starts_the_reconciliation(server: Server, ledger: SqlLedger) -> None:
    from hydra.worker.prefect_events import post

    ledger.outbox.add([connection_alert(True, 901, "")])
    with temporary_settings(_settings(server, server.environment["PREFECT_API_URL"])):
        post(ledger.outbox.untold(SINK, 10))
    asked = {
        "deployments": {"name": {"any_": ["reconciliation"]}},
        "flow_runs": {"state": {"name": {"any_": ["Scheduled"]}}},
    }

    def started() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = server.api.ask("POST", "/flow_runs/filter", asked)
        return [one for one in rows if not one["auto_scheduled"]]

    runs = until(started, "a run of the reconciliation")
    for run in runs:
        server.api.ask("DELETE", f"/flow_runs/{run['id']}", None)


@contextmanager
def _listener() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """An alert service of our own."""
    heard: list[dict[str, Any]] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield service.server_port, heard
    service.shutdown()
    service.server_close()


ALERTS = """name: trial-alerts
pull: []
automations:
  - name: trial-alerts
    trigger:
      type: event
      posture: Reactive
      match: {prefect.resource.id: hydra.trading.*, hydra.weight: ERROR}
      threshold: 1
      within: 0
    actions:
      - type: send-notification
        block_document: hydra-alert-service/trial
        subject: "HYDRA: {{ event.event }}"
        body: "{{ event.resource.id }}: {{ event.payload.facts }}"
"""


def test_an_automation_waits_for_its_block_and_then_notifies_a_person(
    server: Server, ledger: SqlLedger, tmp_path: Path
) -> None:
    from hydra.worker.prefect_events import post

    file = tmp_path / "prefect.yaml"
    file.write_text(ALERTS)
    with (
        temporary_settings(_settings(server, server.environment["PREFECT_API_URL"])),
        _listener() as (port, heard),
    ):
        (waits,) = asyncio.run(deploy(file, is_diff=False)).changes
        assert (waits.verb, waits.details) == (
            "wait",
            ("make the block hydra-alert-service/trial and deploy again",),
        )
        _make_block(server, f"json://127.0.0.1:{port}/")
        (made,) = asyncio.run(deploy(file, is_diff=False)).changes
        assert made.verb == "create"
        stopped = Alert("hydra.trial.stopped", Weight.ERROR, "hydra.trading.ALL", {"by": "anna"})
        ledger.outbox.add([replace(stopped, weight=Weight.WARNING, facts={}), stopped])
        post(ledger.outbox.untold(SINK, 10))
        told = until(lambda: heard, "the service hears of it")[0]
        file.write_text("name: trial-alerts\npull: []\n")
        (gone,) = asyncio.run(deploy(file, is_diff=False)).changes
    assert told["title"] == "HYDRA: hydra.trial.stopped"
    assert told["message"].startswith("hydra.trading.ALL: {'by': 'anna'}")
    assert gone.verb == "remove"


def _make_block(server: Server, url: str) -> None:
    """As the UI does it with the type that `hydra deploy` registered."""
    ask = server.api.ask
    kind = ask("GET", "/block_types/slug/hydra-alert-service", None)
    schemas = ask(
        "POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    )
    made = {
        "name": "trial",
        "block_type_id": kind["id"],
        "block_schema_id": schemas[0]["id"],
        "data": {"url": url},
    }
    ask("POST", "/block_documents/", made)
