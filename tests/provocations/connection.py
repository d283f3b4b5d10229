"""HY-3xx."""

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from subprocess import CompletedProcess

from tests.provocations import RunningGateway, Scene, provokes
from tests.provocations.relay import relayed

SESSION = ("session", "run", "--on", "2026-11-23", "--targets", "ZO=1", "--json")
IMPATIENT = {"HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "0.3"}
CLIENT_ID = 1


def session(scene: Scene, port: int, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    return scene.hydra(*SESSION, "--port", port, env={**IMPATIENT, **(env or {})})


@contextmanager
def client_of(gateway: RunningGateway) -> Iterator[None]:
    """Somebody else has the client id of sessions, for the length of a block."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
        link.sendall(b"API\0" + _framed("v157..178"))
        told = link.recv(4096)
        link.sendall(_framed(f"71\0002\0{CLIENT_ID}\0\0"))
        while b"DUSIM001" not in told:
            told += link.recv(4096)
        yield


def _framed(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


@provokes("HY-301")
def nothing_listens(scene: Scene) -> CompletedProcess[str]:
    with socket.socket() as bound:  # held, so that nobody else listens there meanwhile
        bound.bind(("127.0.0.1", 0))
        return session(scene, bound.getsockname()[1])


@provokes("HY-302")
def a_machine_that_takes_no_connection(scene: Scene) -> CompletedProcess[str]:
    """Its queue is full, so that it drops what knocks: what a firewall does, too."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(full.getsockname())
        return session(scene, full.getsockname()[1])


@provokes("HY-303")
def something_else_listens(scene: Scene) -> CompletedProcess[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        return session(scene, silent.getsockname()[1])


@provokes("HY-304")
def a_gateway_that_is_not_logged_in(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        gateway.fault("mute", kind="managedAccounts")
        return session(scene, gateway.port, gateway.env)


@provokes("HY-305")
def a_client_id_somebody_else_uses(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway, client_of(gateway):
        return session(scene, gateway.port, {**gateway.env, "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "20"})


@provokes("HY-306")
def a_gateway_that_keeps_its_books_to_itself(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        gateway.fault("mute", kind="positionEnd")
        return session(scene, gateway.port, {**gateway.env, "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "1.0"})


@provokes("HY-307")
def a_gateway_that_trades_real_money(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway, relayed(gateway.port, b"DUSIM001", b"U7654321") as port:
        return session(scene, port, {**gateway.env, "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "20"})


@provokes("HY-308")
def an_account_the_gateway_does_not_serve(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        env = {**gateway.env, "HYDRA_GATEWAY_ACCOUNT": "DU7654321", "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "20"}
        return session(scene, gateway.port, env)


@provokes("HY-309")
def a_gateway_that_serves_two_accounts(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway, relayed(gateway.port, b"DUSIM001", b"DU1,DU02") as port:
        return session(scene, port, {**gateway.env, "HYDRA_GATEWAY_CONNECT_TIMEOUT_S": "20"})


@provokes("HY-311")
def an_order_id_of_a_broker_that_was_closed(scene: Scene) -> CompletedProcess[str]:
    """Below the command line: a sender asks for ids only in the instant in which its link is good."""
    with scene.gateway() as gateway:
        return scene.python(
            "import asyncio, sys\n"
            "from hydra.bootstrap import clock_of, connected_broker\n"
            "from hydra.cli.failure import report\n"
            "from hydra.config import load\n"
            "from hydra.risk.last_hop import LastHop\n"
            "async def order_id():\n"
            "    settings = load().settings\n"
            "    broker, _ = await connected_broker(settings, clock_of(settings), LastHop())\n"
            "    await broker.close()\n"
            "    broker.next_order_id()\n"
            "try:\n    asyncio.run(order_id())\n"
            "except Exception as error:\n    sys.exit(report(error, sys.stderr))\n",
            env=gateway.env,
        )
