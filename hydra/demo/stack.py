"""One stack in one folder: Prefect server, simulated gateway and worker, wired together and nothing else."""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hydra.config import Settings, load_settings
from hydra.demo.processes import POLL_WALL_S, Part, Parts, free_port
from hydra.demo.server_api import ServerApi

POOL: Final = "ib"
START_WALL_S_MAX: Final = 90.0
RESEARCH_ARGV: Final = (
    *(sys.executable, "-m", "prefect", "worker", "start"),
    *("--pool", "research", "--type", "process", "--name", "hydra-research"),
)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person may choose about the stack; `on_stop` is the worker's setting of that name."""

    seed: int
    speed: float
    bars: Path | None
    symbol: str | None
    prefect_file: Path
    with_all_roles: bool = False
    on_stop: str = "rest"


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack; `environment` is what its worker sees."""

    folder: Path
    ui_url: str
    auth: str
    api: ServerApi
    environment: Mapping[str, str]
    settings: Settings
    parts: Parts
    worker: Part

    @property
    def gateway_dir(self) -> Path:
        return self.folder / "gateway"


def start_stack(parts: Parts, folder: Path, wish: Wish, tell: Tell) -> Stack:
    """Start everything and wait until a run can be started; HY-605 names the part that failed."""
    port, auth = free_port(), f"hydra:{secrets.token_urlsafe(24)}"
    environment = prefect_environment(folder, port, auth)
    tell("Prefect server, gateway and worker are starting")
    server = parts.start("server", server_argv(port), environment, folder)
    gateway = parts.start("gateway", _gateway_argv(folder, wish), environment, folder)
    environment |= _gateway_environment(json.loads(gateway.first_line(START_WALL_S_MAX)))
    environment |= {"HYDRA_WORKER_ON_STOP": wish.on_stop}
    worker = parts.start("worker", _worker_argv("execution"), environment, folder, needs_others=True)
    if wish.with_all_roles:
        parts.start("data worker", _worker_argv("data"), environment, folder, needs_others=True)
        parts.start("research worker", RESEARCH_ARGV, environment, folder, needs_others=True)
    api = ServerApi(environment["PREFECT_API_URL"], auth, server.log)
    _wait(api.is_healthy, server)
    tell("Prefect server is up; the worker connects to the gateway")
    _wait(lambda: worker.is_running and api.has_worker(POOL), worker)
    tell("the worker is connected; deploying the flows")
    _deploy(parts, environment, folder, wish.prefect_file.absolute())
    settings = load_settings(
        environ={key: value for key, value in environment.items() if key.startswith("HYDRA_")}
    )
    return Stack(folder, f"http://127.0.0.1:{port}", auth, api, environment, settings, parts, worker)


def prefect_environment(folder: Path, port: int, auth: str) -> dict[str, str]:
    """A child's environment: ours without a person's own settings, then the stack's."""
    config = folder / "hydra.toml"
    config.write_text("# the demo's own: nothing of yours is read\n")
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("HYDRA_", "PREFECT_"))
    }
    url = f"http://127.0.0.1:{port}"
    return inherited | {
        "HYDRA_CONFIG": str(config),
        "HYDRA_DATA_DIR": str(folder / "data"),
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": url,
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_CLI_PROMPT": "false",
        "PYTHONUNBUFFERED": "1",
    }


def server_argv(port: int) -> list[str]:
    """The command of a Prefect server on SQLite, for this machine only."""
    module = "hydra.worker.prefect_server"
    return [sys.executable, "-m", module, "server", "start", "--host", "127.0.0.1", "--port", str(port)]


def keep_secret(folder: Path, auth: str) -> Path:
    """The server's auth string in a file that only its owner may read, from its first byte on."""
    file = folder / "auth"
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as kept:
        kept.write(f"{auth}\n")
    return file


def default_prefect_file() -> Path:
    """The deployments beside the flows: the checkout's prefect.yaml, which may not be there."""
    import hydra

    return Path(hydra.__file__).resolve().parent.parent / "prefect.yaml"


def _gateway_argv(folder: Path, wish: Wish) -> list[str]:
    argv = [sys.executable, "-m", "hydra.cli", "gateway", "run", "--json", "--port", "0"]
    argv += ["--seed", str(wish.seed), "--speed", str(wish.speed), "--state-dir", str(folder / "gateway")]
    if wish.bars is not None:
        argv += ["--bars", str(wish.bars.absolute()), "--symbol", wish.symbol or ""]
    return argv


def _worker_argv(role: str) -> list[str]:
    return [sys.executable, "-m", "hydra.cli", "worker", "start", "--role", role, "--approver", "demo"]


def _gateway_environment(ready: Mapping[str, object]) -> dict[str, str]:
    """Where the gateway listens and the clock it shares with the worker."""
    clock = {key: str(value) for key, value in ready.items() if key.startswith("HYDRA_CLOCK_")}
    return {"HYDRA_GATEWAY_HOST": str(ready["host"]), "HYDRA_GATEWAY_PORT": str(ready["port"]), **clock}


def _deploy(parts: Parts, environment: Mapping[str, str], folder: Path, file: Path) -> None:
    """`hydra deploy`, as a person would."""
    argv = [sys.executable, "-m", "hydra.cli", "deploy", "--prefect-file", str(file)]
    part = parts.start("deploy", argv, environment, folder)
    if part.wait(START_WALL_S_MAX) != 0:
        raise part.failure("")


def _wait(is_ready: Callable[[], bool], part: Part) -> None:
    until = time.monotonic() + START_WALL_S_MAX
    while not is_ready():
        if not part.is_running:
            raise part.failure("")
        if time.monotonic() > until:
            raise part.failure(f"not ready after {START_WALL_S_MAX:.0f} s")
        time.sleep(POLL_WALL_S)
