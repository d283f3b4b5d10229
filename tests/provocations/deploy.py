"""HY-62x: what `hydra deploy` refuses."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes
from tests.provocations.worker import running

FILE = """name: hydra
pull: []
work_pools:
  - name: ib
    type: ib-gateway
deployments:
  - name: books
    entrypoint: flows.reconciliation.reconciliation
    description: Books.
    tags: [hydra]
    work_pool: {name: ib}
"""

# A server that has one work pool of another type, and refuses every change.
_SERVER = """
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POOL = {"name": "ib", "type": TYPE, "description": None, "concurrency_limit": None, "base_job_template": {}}

class Refusing(BaseHTTPRequestHandler):
    def _answer(self):
        asked = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(asked)
        path = self.path.removeprefix("/api")
        if path == "/work_pools/filter":
            code, told = 200, [POOL]
        elif path.endswith("/filter"):
            code, told = 200, []
        elif path.startswith("/variables"):
            code, told = 404, {}
        elif path.startswith("/csrf-token"):
            code, told = 422, {"detail": "CSRF protection is disabled."}
        else:
            code, told = 422, {"detail": "not today"}
        body = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = do_PATCH = do_DELETE = _answer
    def log_message(self, *_): pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
print(server.server_port, flush=True)
server.serve_forever()
"""


def _deploy(scene: Scene, text: str, url: str = "") -> CompletedProcess[str]:
    file = scene.file("prefect.yaml", text)
    return scene.hydra("deploy", "--prefect-file", file, env={"PREFECT_API_URL": url} if url else None)


@provokes("HY-620")
def a_misspelt_key(scene: Scene) -> CompletedProcess[str]:
    return _deploy(scene, FILE.replace("tags:", "tagz:"))


@provokes("HY-621")
def a_value_that_cannot_be(scene: Scene) -> CompletedProcess[str]:
    return _deploy(scene, FILE.replace("type: ib-gateway", "type: ib-gatewy"))


@provokes("HY-622")
def a_flow_that_is_not_there(scene: Scene) -> CompletedProcess[str]:
    return _deploy(scene, FILE.replace("reconciliation.reconciliation", "reconciliation.nothing"))


@provokes("HY-623")
def a_pool_of_another_type(scene: Scene) -> CompletedProcess[str]:
    return _against(scene, "process")


@provokes("HY-624")
def a_server_that_refuses(scene: Scene) -> CompletedProcess[str]:
    return _against(scene, "ib-gateway")


def _against(scene: Scene, kind: str) -> CompletedProcess[str]:
    with running(_SERVER.replace("TYPE", repr(kind))) as server:
        assert server.stdout is not None
        return _deploy(scene, FILE, f"http://127.0.0.1:{server.stdout.readline().strip()}/api")
