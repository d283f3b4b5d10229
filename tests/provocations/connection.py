"""HY-3xx."""

import socket
from collections.abc import Mapping
from subprocess import CompletedProcess

from tests.provocations import Scene, provokes

SESSION = ("session", "run", "--on", "2026-11-23", "--targets", "ZO=1", "--json")
IMPATIENT = {"HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "0.3"}


def session(scene: Scene, port: int, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    return scene.hydra(*SESSION, "--port", port, env={**IMPATIENT, **(env or {})})


@provokes("HY-301")
def nothing_listens(scene: Scene) -> CompletedProcess[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return session(scene, port)


@provokes("HY-303")
def something_else_listens(scene: Scene) -> CompletedProcess[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        return session(scene, silent.getsockname()[1])


@provokes("HY-308")
def an_account_the_gateway_does_not_serve(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        return session(scene, gateway.port, {**gateway.env, "HYDRA_GATEWAY_ACCOUNT": "DU7654321"})
