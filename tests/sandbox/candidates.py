"""Candidates that end in every way a candidate can end."""

import ctypes
import os
import sys
import threading
from typing import Any


def add(given: dict[str, Any]) -> Any:
    return {
        "sum": sum(given["values"]),
        "secrets": sorted(set(os.environ) & {"HYDRA_CANARY", "HOME", "PATH"}),
    }


def mean_of_file(given: dict[str, Any]) -> Any:
    import numpy as np

    return float(np.loadtxt(given["path"]).mean())


def complain(given: object) -> Any:
    raise ValueError("the spread is negative")


def leave(given: object) -> Any:
    sys.exit("enough")


def not_a_number(given: object) -> Any:
    return {"sharpe": float("nan")}


def segfault(given: object) -> Any:
    ctypes.string_at(0)


def eat_memory(given: object) -> Any:
    return len(bytes(1 << 40))


def eat_memory_slowly(given: object) -> Any:
    held = []
    while True:
        held.append(bytearray(1 << 22))


def start_threads(given: dict[str, Any]) -> Any:
    barrier = threading.Event()
    threads = [threading.Thread(target=barrier.wait) for _ in range(given["threads"])]
    started = 0
    try:
        for thread in threads:
            thread.start()
            started += 1
    except RuntimeError:
        pass
    barrier.set()
    return started


def forge(given: dict[str, Any]) -> Any:
    """Writes to every open descriptor what the sandbox itself might say, and leaves."""
    for fd in range(3, 20):
        try:
            os.write(fd, given["text"].encode())
        except OSError:
            pass
    os._exit(0)


def burn(given: object) -> Any:
    while True:
        pass
