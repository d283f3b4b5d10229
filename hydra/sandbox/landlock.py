"""What a candidate may read, as a Landlock ruleset: the given trees, and nothing may be written anywhere."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
# Every file right by the interface version that brought it: all are handled, so all but reading is refused.
_FILE_RIGHTS: Final = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_TCP_RIGHTS: Final = 0b11  # bind, connect: from version 4
_SCOPES: Final = 0b11  # abstract unix sockets, signals: from version 6


def landlock_version() -> int:
    """The kernel's Landlock interface version; 0 where it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return int(max(0, libc.syscall(_CREATE, None, 0, _VERSION_FLAG)))


def forbid_all_but_reading(trees: Iterable[Path]) -> None:
    """From now on this process reads what lies beneath `trees`, and touches nothing else.

    Paths that do not exist are left out. OSError where the kernel refuses.
    """
    version = landlock_version()
    if version == 0:
        raise OSError(0, "Landlock")
    libc = ctypes.CDLL(None, use_errno=True)
    rights = sum(bits for since, bits in _FILE_RIGHTS.items() if version >= since)
    attributes = [rights]
    if version >= 4:
        attributes.append(_TCP_RIGHTS)
    if version >= 6:
        attributes.append(_SCOPES)
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    ruleset = libc.syscall(_CREATE, packed, len(packed), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock ruleset")
    try:
        for path in trees:
            _allow(libc, ruleset, path)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock restriction")
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        granted = READ_FILE | READ_DIR if path.is_dir() else READ_FILE
        rule = struct.pack("=Qi", granted, opened)
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), f"Landlock rule for {path}")
    finally:
        os.close(opened)
