"""HY-51x: the kill switch."""

import asyncio
import socket
import subprocess
import sys
from subprocess import CompletedProcess

from ib_async import IB

from tests.gateway_client import resting
from tests.provocations import Scene, provokes

BECAUSE = ("--by", "anna", "--reason", "a test")


def kill(scene: Scene, port: int, *more: str) -> CompletedProcess[str]:
    return scene.hydra("kill", *more, *BECAUSE, "--port", port)


@provokes("HY-510")
def a_latch_that_cannot_be_written(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        (scene.here / "data" / "kill.latch").mkdir(parents=True)
        return kill(scene, gateway.port, "--all")


@provokes("HY-511")
def an_id_that_another_program_keeps(scene: Scene) -> CompletedProcess[str]:
    """It has the lock of the client id, and nobody can tell which process it is."""
    locks = scene.here / "data" / "locks"
    locks.mkdir(parents=True)
    holding = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", holding, str(locks / "client-1.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with socket.create_server(("127.0.0.1", 0)) as never_asked:
                return kill(scene, never_asked.getsockname()[1], "--symbol", "ZO")
        finally:
            holder.kill()


@provokes("HY-512")
def an_order_with_our_reference_under_another_client_id(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:

        async def while_it_works() -> CompletedProcess[str]:
            ib = IB()
            await ib.connectAsync("127.0.0.1", gateway.port, 99)
            try:
                await resting(ib, ref="H-20261123-ZO-1-C01")
                return await asyncio.to_thread(kill, scene, gateway.port, "--all", "--within", "1")
            finally:
                ib.disconnect()

        return asyncio.run(while_it_works())


@provokes("HY-513")
def a_flatten_without_a_ledger(scene: Scene) -> CompletedProcess[str]:
    with scene.gateway() as gateway:
        return kill(scene, gateway.port, "--all", "--flatten")
