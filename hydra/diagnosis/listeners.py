"""Which process of this machine listens where, read from /proc: no other program is needed."""

import ipaddress
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"
_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket; `pid` is None where it belongs to another user."""

    address: str
    port: int
    pid: int | None
    command: str

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return not ipaddress.ip_address(self.address).is_loopback

    def __str__(self) -> str:
        who = f"{self.command} (pid {self.pid})" if self.pid is not None else "a process of another user"
        return f"{self.address}:{self.port} {who}"


def listeners() -> list[Listener]:
    """Every listening TCP socket, by port; empty on a system without /proc."""
    found = dict(_listening())
    owners = _owners(set(found)) if found else {}
    listed = [
        Listener(address, port, *owners.get(inode, (None, ""))) for inode, (address, port) in found.items()
    ]
    return sorted(listed, key=lambda one: (one.port, one.address))


def on_ports(found: Iterable[Listener], ports: Iterable[int]) -> list[Listener]:
    wanted = set(ports)
    return [one for one in found if one.port in wanted]


def _listening() -> Iterator[tuple[str, tuple[str, int]]]:
    for table in _TABLES:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].partition(":")
                yield fields[9], (_address(address), int(port, 16))


def _address(text: str) -> str:
    """The kernel prints addresses in words of the machine's byte order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _owners(inodes: set[str]) -> dict[str, tuple[int, str]]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    owners: dict[str, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            for link in (folder / "fd").iterdir():
                inode = wanted.get(os.readlink(link))
                if inode is not None:
                    owners[inode] = (int(folder.name), _command(folder))
        except OSError:
            continue  # another user's process, or one that has just ended
    return owners


def _command(folder: Path) -> str:
    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return words[:80] or (folder / "comm").read_text().strip()
