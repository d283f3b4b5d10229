"""Twelve ways out, each as a candidate would try it: returns what it got hold of, or raises.

Standard library only: the same functions run unsandboxed, to prove that each of them works there.
"""

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

Found = dict[str, Any]
_PTRACE_SEIZE = 0x4206


def read_the_ledger(given: Found) -> Found:
    return {"got": Path(given["ledger"]).read_text()}


def read_the_environment(given: Found) -> Found:
    own = os.environ.get("HYDRA_CANARY")
    if own is not None:
        return {"got": own}
    blob = Path(f"/proc/{os.getppid()}/environ").read_bytes()
    return {"got": dict(pair.split("=", 1) for pair in blob.decode().split("\0") if pair)["HYDRA_CANARY"]}


def connect(given: Found) -> Found:
    """By TCP, by UDP, and without the C library's socket: whichever works first."""
    problems = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_INET, kind) as one:
                one.connect(("127.0.0.1", given["port"]))
                one.send(b"buy")
                return {"got": "sent"}
        except OSError as error:
            problems.append(error)
    raise PermissionError(str(problems))


def bomb_with_forks(given: Found) -> Found:
    """Doubles until the wanted number is alive; each child waits for the pipe to close, then ends."""
    read, write = os.pipe()
    children: list[int] = []
    try:
        for _ in range(given["processes"]):
            child = os.fork()
            if child == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
            children.append(child)
        return {"got": len(children)}
    finally:
        os.close(write)
        for child in children:
            os.waitpid(child, 0)


def fill_the_disk(given: Found) -> Found:
    """In many files, as a limit on one file's size would not stop it; in every place people may write."""
    problems = []
    for place in (given["folder"], "/tmp", "/var/tmp", "/dev/shm", os.getcwd()):
        made = []
        try:
            for number in range(given["files"]):
                path = Path(place) / f"filling-{os.getpid()}-{number}"
                made.append(path)
                path.write_bytes(bytes(1 << 20))
            return {"got": sum(path.stat().st_size for path in made)}
        except OSError as error:
            problems.append(error)
        finally:
            for path in made:
                path.unlink(missing_ok=True)
    raise PermissionError(str(problems))


def trace_the_parent(given: Found) -> Found:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(_PTRACE_SEIZE, given["victim"], None, None) != 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")
    return {"got": "attached"}


def write_outside(given: Found) -> Found:
    """Into the data it was given, over the ledger, and by way of metadata."""
    problems = []
    for act in (
        lambda: Path(given["ledger"]).write_text("gone"),
        lambda: (Path(given["data"]) / "planted").write_text("x"),
        lambda: os.truncate(Path(given["data"]) / "bars.csv", 0),
        lambda: os.chmod(Path(given["data"]) / "bars.csv", 0o777),
        lambda: os.unlink(Path(given["data"]) / "bars.csv"),
    ):
        try:
            act()
            return {"got": "written"}
        except OSError as error:
            problems.append(error)
    raise PermissionError(str(problems))


def follow_a_symlink(given: Found) -> Found:
    """A link planted in its data, or else one it makes itself, to what lies outside."""
    planted = Path(given["data"]) / "innocent.csv"
    try:
        return {"got": planted.read_text()}
    except OSError:
        own = Path(given["folder"]) / f"link-{os.getpid()}"
        own.symlink_to(given["ledger"])
        return {"got": own.read_text()}


def signal_the_parent(given: Found) -> Found:
    os.kill(given["victim"], signal.SIGUSR1)
    return {"got": "signalled"}


def return_too_much(given: Found) -> Found:
    return {"got": "x" * given["bytes"]}


def hang(given: Found) -> Found:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(given["alive"]).write_text("alive") if given.get("alive") else None
    while True:
        pass


def flood_stdout(given: Found) -> Found:
    block = b"x" * (1 << 16)
    for _ in range(given["bytes"] >> 16):
        os.write(1, block)
    return {"got": given["bytes"]}


if __name__ == "__main__":  # unsandboxed: the same function in an ordinary child process
    import json

    order = json.loads(sys.argv[2])
    found = globals()[sys.argv[1]](order)
    os.write(order["result_fd"], json.dumps(found).encode())
