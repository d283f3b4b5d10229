"""The Prefect server: reached or not, and whether a stranger may start flows. Asked by plain HTTP."""

import json
import urllib.error
import urllib.request
from typing import Final

from hydra.diagnosis.finding import Finding, fail, ok, skip, warn

DEFAULT_URL: Final = "http://127.0.0.1:4200/api"
ANSWER_WALL_S: Final = 2.0
# No proxy of the environment stands between this and the server.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
EVIL_ORIGIN: Final = "http://elsewhere.invalid"


def server_findings(url: str | None, timeout_s: float = ANSWER_WALL_S) -> list[Finding]:
    """`url`: PREFECT_API_URL; without it a server at Prefect's default address is looked at all the same."""
    address = (url or DEFAULT_URL).rstrip("/")
    if not address.startswith(("http://", "https://")):
        what = f"PREFECT_API_URL = {address} is no http address"
        return [fail("prefect", what, f"set it to {DEFAULT_URL}")]
    health = _status(f"{address}/health", timeout_s)
    if health is None and url is None:
        return [skip("prefect", "PREFECT_API_URL is not set and no server is at its default address")]
    if health is None:
        fix = "start it (`make up`, or `prefect server start`), or correct PREFECT_API_URL"
        return [fail("prefect", f"{address} does not answer", fix)]
    if health != 200:
        return [fail("prefect", f"{address}/health answers {health}", "look at the server's log")]
    return [ok("prefect", f"{address} answers"), _lock_finding(address, timeout_s)]


def _lock_finding(address: str, timeout_s: float) -> Finding:
    """Asked as any web page of another site could: without credentials, with a foreign origin."""
    answered = _status(f"{address}/flows/count", timeout_s, body={})
    if answered in (401, 403):
        return ok("prefect_auth", "a stranger is refused")
    fix = (
        "set PREFECT_SERVER_API_AUTH_STRING, PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED=true and "
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS to the UI's own, or start the server with `make up`"
    )
    if answered == 200:
        return fail("prefect_auth", "whoever reaches it can start flows, and so can any web page", fix)
    return warn("prefect_auth", f"a stranger's question is answered with {answered}", fix)


def _status(url: str, timeout_s: float, body: object = None) -> int | None:
    """The HTTP status, None where nothing answers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Origin": EVIL_ORIGIN, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with _DIRECT.open(request, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return int(refused.code)
    except (OSError, ValueError):
        return None
