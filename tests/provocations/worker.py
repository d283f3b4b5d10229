"""HY-6xx."""

import sqlite3
import subprocess
import sys
from subprocess import CompletedProcess

from hydra.persistence.seat import this_holder
from tests.provocations import Scene, provokes

# A server that is healthy and busy: enough for a worker to open its desk and poll in vain.
_BUSY_SERVER = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Busy(BaseHTTPRequestHandler):
    def _answer(self):
        is_health = self.path.endswith("/health")
        self.send_response(200 if is_health else 503)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"true" if is_health else b"{}")
    do_GET = do_POST = do_PATCH = _answer
    def log_message(self, *_): pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
print(server.server_port, flush=True)
server.serve_forever()
"""

# Another process takes the lease over, as soon as there is one.
_THIEF = """
import sqlite3, sys, time
for _ in range(300):
    try:
        with sqlite3.connect(sys.argv[1], timeout=5) as db:
            if db.execute("UPDATE leases SET epoch = epoch + 1, holder = 'elsewhere'").rowcount:
                break
    except sqlite3.OperationalError:
        pass
    time.sleep(0.1)
"""


@provokes("HY-601")
def a_task_outside_a_worker(scene: Scene) -> CompletedProcess[str]:
    return scene.python(
        "import sys\n"
        "from hydra.cli.failure import report\n"
        "from hydra.worker.engine import engine\n"
        "try:\n    engine()\n"
        "except Exception as error:\n    sys.exit(report(error, sys.stderr))\n"
    )


@provokes("HY-602")
def a_worker_without_a_server(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("worker", "start")


@provokes("HY-603")
def a_role_that_is_none(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("worker", "start", "--role", "exekution")


@provokes("HY-604")
def a_lease_that_was_taken(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway, running(_BUSY_SERVER) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        (scene.here / "data").mkdir()
        with running(_THIEF, str(scene.here / "data" / "ledger.sqlite3")):
            return scene.hydra(
                "worker", "start", env={**gateway.env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
            )


@provokes("HY-605")
def a_prefect_that_does_not_start(scene: Scene) -> CompletedProcess[str]:
    scene.file("prefect.py", "raise SystemExit('broken installation')\n")
    return scene.hydra("demo", env={"PYTHONPATH": str(scene.here)})


@provokes("HY-606")
def a_place_without_deployments(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("demo", "--prefect-file", "nowhere.yaml")


@provokes("HY-607")
def a_loop_that_stands_still(scene: Scene) -> CompletedProcess[str]:
    return scene.python(
        "import time\n"
        "from hydra.worker.pulse import Pulse, Watchdog, end_process\n"
        "Watchdog(Pulse(beats=1, has_work=True), 0.5, end_process(1)).start()\n"
        "time.sleep(60)\n"
    )


@provokes("HY-608")
def a_shard_that_is_not_named(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--set", "worker.shards=2", "worker", "start")


@provokes("HY-609")
def a_task_that_sends_in_a_worker_that_reads(scene: Scene) -> CompletedProcess[str]:
    return scene.python(
        "import sys\n"
        "from zoneinfo import ZoneInfo\n"
        "from hydra.cli.failure import report\n"
        "from hydra.domain.roles import Duty, Role\n"
        "from hydra.usecases.reader import Reader\n"
        "from hydra.worker.bench import Bench\n"
        "try:\n    Bench(Reader(None, None, Duty(Role.DATA), ZoneInfo('UTC'))).desk\n"
        "except Exception as error:\n    sys.exit(report(error, sys.stderr))\n"
    )


@provokes("HY-610")
def another_build_that_sends(scene: Scene) -> CompletedProcess[str]:
    """The other process is this test's own: it lives, and its lease names other code."""
    with scene.gateway() as gateway:
        scene.hydra("session", "reconcile", env=gateway.env)
        with sqlite3.connect(scene.here / "data" / "ledger.sqlite3") as ledger:
            ledger.execute(
                "INSERT INTO leases (client_id, epoch, holder, build_id, renewed_wall_s, released)"
                " VALUES (12, 1, ?, '0.0.1+other', 0, 0)",
                (this_holder(),),
            )
        return scene.hydra("session", "reconcile", env=gateway.env)


class running:
    """A Python process for the length of a block."""

    def __init__(self, code: str, *args: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
