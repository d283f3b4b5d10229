"""The inside: prepares this process, locks it for good, runs the candidate's entry, tells its result.

Started by hydra.sandbox.run as a script; the order reaches it on stdin, the result leaves on a pipe of its
own. Trusted modules are imported (and warmed) before the lock; the candidate's code only after it.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from hydra.sandbox.landlock import forbid_all_but_reading
from hydra.sandbox.seccomp import refuse_the_rest_of_the_machine

# The first line of the result pipe, written before any code of the candidate's is loaded: no forgery.
LOCKED: Final = b"LOCKED\n"
_DETAIL_CHARS: Final = 400
_SYSTEM_TREES: Final = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
)
_CLONE_NEWUSER, _CLONE_NEWIPC, _CLONE_NEWNET = 0x1000_0000, 0x0800_0000, 0x4000_0000
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS = 1, 8
_CAPABILITY_VERSION_3: Final = 0x2008_0522
_CAP_DAC_READ_SEARCH: Final = 1 << 2
_UID_FIRST, _UID_COUNT = 60_000, 1_100  # below what systemd and subuid ranges give away


def main() -> None:
    """Reads the order, locks, runs; the process ends here without cleaning up after the candidate."""
    order = json.load(sys.stdin.buffer)
    sys.stdin.close()
    result_fd = int(order["result_fd"])
    try:
        prepare(order)
    except Exception as error:  # noqa: BLE001 - whatever kept it from being ready: no candidate runs
        _write(result_fd, _line(error).encode())
        os._exit(1)
    perform(order, result_fd, int(order["parent_pid"]))


def prepare(order: Mapping[str, Any]) -> None:
    """What is done once, in trusted hands: leave the namespaces, import and warm what candidates need."""
    _leave_namespaces()
    sys.path[:0] = [*order["code"], *order.get("imports", ())]
    for name in order["preload"]:
        _preload(name)


def perform(order: Mapping[str, Any], result_fd: int, parent: int) -> NoReturn:
    """Locks this process for good and runs one candidate in it; the process ends here."""
    try:
        _lock(order, parent)
    except Exception as error:  # noqa: BLE001 - whatever kept the lock from closing: no candidate runs
        _write(result_fd, _line(error).encode())
        os._exit(1)
    _write(result_fd, LOCKED)
    _write(result_fd, json.dumps(_answer(order), allow_nan=False).encode())
    os._exit(0)


def _answer(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the candidate made of it; its result must be JSON without NaN."""
    try:
        module, _, name = str(order["entry"]).partition(":")
        result = getattr(importlib.import_module(module), name)(order["argument"])
        json.dumps(result, allow_nan=False)
        return {"end": "FINISHED", "result": result}
    except MemoryError:
        return {"end": "OUT_OF_MEMORY", "detail": "it asked for more memory than its limit"}
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything, SystemExit too
        return {"end": "RAISED", "detail": _line(error)}


def _preload(name: str) -> None:
    """`module` imports it; `module:function` also calls the function, to compile or load what it needs."""
    module, _, function = name.partition(":")
    loaded = importlib.import_module(module)
    if function:
        getattr(loaded, function)()


def _lock(order: Mapping[str, Any], parent: int) -> None:
    trees = [Path(text) for text in (*_SYSTEM_TREES, *_python_trees(), *order["code"], *order["readable"])]
    _limit(order["limits"])
    _become_nobody()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() not in (parent, 0):
        raise ProcessLookupError("the parent is gone")
    os.umask(0o777)
    # seccomp last: it also refuses what the steps above needed. no_new_privs comes first of all for Landlock.
    if libc.prctl(38, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    forbid_all_but_reading(trees)
    refuse_the_rest_of_the_machine()


def _python_trees() -> set[str]:
    """The interpreter, its libraries and this package: not the project around it."""
    paths = sysconfig.get_paths()
    own = str(Path(__file__).parents[1])
    return {sys.base_prefix, sys.prefix, paths["stdlib"], paths["purelib"], paths["platlib"], own}


def _limit(limits: Mapping[str, int]) -> None:
    """Limits on this process; memory is counted on top of what trusted code has mapped already."""
    memory = _mapped_bytes() + int(limits["memory_bytes"])
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, int(limits["cpu_s"])),
        (resource.RLIMIT_NPROC, int(limits["threads"])),
        (resource.RLIMIT_NOFILE, int(limits["open_files"])),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _leave_namespaces() -> None:
    """A network with no interface, where the kernel gives one; seccomp refuses sockets in any case."""
    libc = ctypes.CDLL(None, use_errno=True)
    extra = 0 if os.geteuid() == 0 else _CLONE_NEWUSER
    libc.unshare(extra | _CLONE_NEWNET | _CLONE_NEWIPC)


def _become_nobody() -> None:
    """Root becomes a user of its own that may read any file (which ones, Landlock decides) and nothing else.

    Without the right to read, an interpreter or data below a folder only root may enter could not be used.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getuid() == 0:
        uid = _UID_FIRST + os.getpid() % _UID_COUNT
        if libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "keepcaps")
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        _keep(libc, _CAP_DAC_READ_SEARCH)
    else:
        _keep(libc, 0)


def _keep(libc: ctypes.CDLL, capabilities: int) -> None:
    head = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    if libc.capset(head, struct.pack("6I", capabilities, capabilities, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _write(result_fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(result_fd, left) :]


def _line(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    return " ".join(text.split())[:_DETAIL_CHARS]


if __name__ == "__main__":
    main()
