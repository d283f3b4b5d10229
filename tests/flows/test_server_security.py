"""The server as `make up` starts it: without the auth string nothing is read, started or listened to."""

import asyncio
import base64
import http.client
import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import prefect.server.api
import pytest
import websockets

from hydra.demo.stack import keep_secret
from tests.flows.conftest import Server

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(120)]

# The shell of the UI, the API's description, and a word that says only whether the server lives.
PUBLIC = {"/api/health", "/docs", "/openapi.json", "/ui-settings", "/"}
CLOSED = {"/api/ready", "/redoc"}
EVIL = "http://evil.example"
SOCKETS = {
    "events.py": {"/events/in", "/events/out"},
    "logs.py": {"/logs/out"},
    "task_runs.py": {"/task_runs/subscriptions/scheduled"},
    "workers.py": {"/work_pools/{work_pool_name}/workers/connect"},
}


def _ask(
    server: Server, method: str, path: str, headers: Mapping[str, str] | None = None, body: str = "{}"
) -> tuple[int, dict[str, str]]:
    """Status and headers of one bare request; a redirect is not followed."""
    at = urlsplit(server.environment["PREFECT_API_URL"])
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=20)
    sent = {"Content-Type": "application/json", **(headers or {})}
    connection.request(method, path, body if method not in ("GET", "HEAD", "OPTIONS") else None, sent)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def _credentials(server: Server) -> dict[str, str]:
    token = base64.b64encode(server.environment["PREFECT_API_AUTH_STRING"].encode()).decode()
    return {"Authorization": f"Basic {token}"}


def _routes(server: Server) -> list[tuple[str, str]]:
    url = server.environment["PREFECT_API_URL"].removesuffix("/api")
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=20) as answer:
        paths = json.load(answer)["paths"]
    filled = {path: re.sub(r"\{[^}]*\}", "00000000-0000-0000-0000-000000000000", path) for path in paths}
    return [(method.upper(), f"/api{filled[path]}") for path, methods in paths.items() for method in methods]


def test_every_route_asks_for_the_auth_string_but_the_written_few(server: Server) -> None:
    """A change without a CSRF token is refused before anybody asks who it is: 403, else 401."""
    routes = _routes(server)
    assert len(routes) > 150
    answered = {(method, path): _ask(server, method, path)[0] for method, path in routes}
    assert answered.pop(("GET", "/api/ready")) == 404
    allowed = {one: status for one, status in answered.items() if status not in (401, 403)}
    assert {path for _, path in allowed} <= PUBLIC, allowed
    assert {_ask(server, "GET", path)[0] for path in PUBLIC} == {200}
    assert {_ask(server, "GET", path)[0] for path in CLOSED} == {404}
    reading = {status for (method, _), status in answered.items() if method == "GET" and status != 200}
    assert reading == {401}


@pytest.mark.parametrize("path", ["/api/flows/filter", "/api/deployments/filter", "/api/admin/database/drop"])
def test_a_page_from_elsewhere_can_ask_and_start_nothing(server: Server, path: str) -> None:
    origin, host = {"Origin": EVIL}, {"Host": "evil.example"}
    preflight = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    assert _ask(server, "OPTIONS", path, preflight)[0] == 400
    for headers in (origin, host, {**origin, **host}):
        assert _ask(server, "POST", path, headers)[0] in (401, 403)
    # Even where a browser had the auth string to send along: no token, nothing done.
    assert _ask(server, "POST", path, {**origin, **_credentials(server)})[0] == 403
    status, headers_back = _ask(server, "GET", "/api/version", {**origin, **_credentials(server)})
    assert status == 200
    assert "access-control-allow-origin" not in headers_back


def test_a_foreign_host_reads_nothing_and_gets_no_token(server: Server) -> None:
    """DNS rebinding: the page's own origin then is the server, but the auth string is another origin's."""
    for path in ("/api/csrf-token?client=x", "/api/version", "/api/admin/settings"):
        assert _ask(server, "GET", path, {"Host": "evil.example", "Origin": EVIL})[0] == 401


def test_the_uis_own_origin_is_let_in(server: Server) -> None:
    own = server.environment["PREFECT_API_URL"].removesuffix("/api")
    status, headers = _ask(server, "GET", "/api/version", {"Origin": own, **_credentials(server)})
    assert (status, headers["access-control-allow-origin"]) == (200, own)


def test_the_websockets_are_those_we_know() -> None:
    folder = Path(prefect.server.api.__file__).parent
    found: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        text = file.read_text()
        prefix = re.search(r'PrefectRouter\(\s*prefix="([^"]*)"', text)
        for path in re.findall(r'\.websocket\(\s*"([^"]*)"', text):
            found.setdefault(file.name, set()).add((prefix[1] if prefix else "") + path)
    assert found == SOCKETS


@pytest.mark.parametrize("path", sorted(path for paths in SOCKETS.values() for path in paths))
@pytest.mark.parametrize("first", [None, {"type": "auth"}, {"type": "auth", "token": "hydra:guessed"}])
def test_a_websocket_without_the_auth_string_is_closed(
    server: Server, path: str, first: dict[str, Any] | None
) -> None:
    assert asyncio.run(_knock(server, path, first)) in ("InvalidStatus", "ConnectionClosedError")


def test_with_the_auth_string_it_is_let_in(server: Server) -> None:
    right = {"type": "auth", "token": server.environment["PREFECT_API_AUTH_STRING"]}
    assert asyncio.run(_knock(server, "/events/out", right)) == "let in"


async def _knock(server: Server, path: str, first: dict[str, Any] | None) -> str:
    """What comes of a connection that begins with this message; None: without Prefect's subprotocol."""
    url = server.environment["PREFECT_API_URL"].replace("http://", "ws://") + path.format(work_pool_name="ib")
    subprotocols = [websockets.Subprotocol("prefect")] if first is not None else None
    try:
        async with websockets.connect(url, subprotocols=subprotocols, origin=None) as socket:
            await socket.send(json.dumps(first or {"type": "subscribe", "keys": ["x"]}))
            await asyncio.wait_for(socket.recv(), 10)
    except (websockets.InvalidStatus, websockets.ConnectionClosed) as refused:
        return type(refused).__name__
    return "let in"


def test_the_auth_string_is_kept_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    file = keep_secret(tmp_path, "hydra:secret")
    assert file.read_text() == "hydra:secret\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_running_stacks_server_listens_on_loopback_only(server: Server) -> None:
    port = urlsplit(server.environment["PREFECT_API_URL"]).port
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {one.partition(":")[0] for one in listening if int(one.partition(":")[2], 16) == port}
    assert "0100007F" in addresses
    assert "00000000" not in addresses
