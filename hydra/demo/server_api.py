"""Prefect's REST API as far as the demo needs it; importing Prefect itself would cost a hundred megabytes."""

import base64
import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from hydra.domain.errors import Unavailable

ANSWER_WALL_S_MAX = 15.0
BUSY_PAUSES_WALL_S = (0.5, 1.0, 2.0, 4.0, 8.0)


class ServerApi:
    """A server on this machine, its auth string, and where its log is."""

    def __init__(self, url: str, auth: str, log: object) -> None:
        self.url = url
        self._log = log
        self._client = uuid.uuid4().hex
        self._token = ""
        self._basic = base64.b64encode(auth.encode()).decode()

    def is_healthy(self) -> bool:
        try:
            return bool(self.ask_once("GET", "/health", None))
        except (urllib.error.URLError, OSError):
            return False

    def has_worker(self, pool: str) -> bool:
        """Whether a worker has reported to the pool, which it makes itself when there is none."""
        try:
            return bool(self.ask("POST", f"/work_pools/{pool}/workers/filter", {}))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise self._refused(f"a look at pool {pool}", error) from error

    def start_run(self, deployment: str, parameters: dict[str, Any], queue: str = "") -> str:
        """The id of a new flow run of `flow/deployment`; `queue`: another than the deployment's."""
        asked: dict[str, Any] = {
            "parameters": parameters,
            "state": {"type": "SCHEDULED"},
            "idempotency_key": uuid.uuid4().hex,  # the repeated question makes no second run
        }
        if queue:
            asked["work_queue_name"] = queue
        try:
            found = self.ask("GET", f"/deployments/name/{deployment}", None)
            made = self.ask("POST", f"/deployments/{found['id']}/create_flow_run", asked)
        except (urllib.error.URLError, OSError) as error:
            raise self._refused(f"a run of {deployment}", error) from error
        return str(made["id"])

    def run_state(self, run_id: str) -> tuple[str, str]:
        """Type and message of the run's state; a server too busy to answer counts as still running."""
        try:
            state = self.ask_once("GET", f"/flow_runs/{run_id}", None)["state"] or {}
        except (urllib.error.URLError, OSError):
            return "RUNNING", "the server does not answer"
        return str(state.get("type", "PENDING")), str(state.get("message") or "")

    def ask(self, method: str, path: str, body: Any) -> Any:
        """As `ask_once`; SQLite under a busy server answers 503 for seconds at a time (measured)."""
        for pause_s in BUSY_PAUSES_WALL_S:
            try:
                return self.ask_once(method, path, body)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(pause_s)
        return self.ask_once(method, path, body)

    def ask_once(self, method: str, path: str, body: Any) -> Any:
        """One question, its JSON answer, None where there is none; raises what urllib raises."""
        headers = {"Authorization": f"Basic {self._basic}", "Content-Type": "application/json"}
        if method != "GET":
            self._token = self._token or str(
                self.ask("GET", f"/csrf-token?client={self._client}", None)["token"]
            )
            headers |= {"Prefect-Csrf-Token": self._token, "Prefect-Csrf-Client": self._client}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=ANSWER_WALL_S_MAX) as answer:
            told = answer.read()
        return json.loads(told) if told else None

    def _refused(self, what: str, error: Exception) -> Unavailable:
        detail = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else ""
        return Unavailable("HY-602", url=self.url, problem=f"{what}: {error} {detail} (its log: {self._log})")
