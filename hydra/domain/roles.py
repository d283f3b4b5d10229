"""Who does what on which client id: one process a role, one fixed id, and nobody but execution sends.

base: execution; base + 1 … + 3: the roles that only read; base + 4: the command line's readings; from
base + 10: the shards of execution, each an id and a process of its own, each with its instruments.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zlib import crc32


class Role(StrEnum):
    """What a worker is for; the name of its work queue, too."""

    EXECUTION = "execution"
    DATA = "data"
    FEED = "feed"
    DIAGNOSTICS = "diagnostics"


_OFFSETS: Final = {Role.EXECUTION: 0, Role.DATA: 1, Role.FEED: 2, Role.DIAGNOSTICS: 3}
_SHARD_OFFSET: Final = 9
READING_ID_OFFSET: Final = 4


def client_id_of(base: int, role: Role, shard: int = 0) -> int:
    """The client id of a role; `shard` counts from 1, 0 = execution is one process."""
    if role is Role.EXECUTION and shard > 0:
        return base + _SHARD_OFFSET + shard
    return base + _OFFSETS[role]


def sender_ids(base: int, shards: int) -> tuple[int, ...]:
    """Every client id that may send: one, or one a shard."""
    return tuple(client_id_of(base, Role.EXECUTION, one) for one in range(1, shards + 1)) or (base,)


def shard_of(symbol: str, shards: int) -> int:
    """The shard that alone works this symbol, 1 … `shards`; 0 where execution is not sharded."""
    return crc32(symbol.encode()) % shards + 1 if shards > 0 else 0


def worker_name(role: Role, shard: int = 0) -> str:
    """The worker as Prefect shows it; its runs are told apart by it."""
    return f"hydra-{role.value}-{shard}" if shard > 0 else f"hydra-{role.value}"


def shard_queue(shard: int) -> str:
    """The work queue of what one shard alone is to do."""
    return f"{Role.EXECUTION.value}-{shard}"


def queues_of(role: Role, shard: int = 0) -> tuple[str, ...]:
    """The work queues a role takes runs from; execution also takes what names no queue.

    A shard has a queue of its own besides: whichever takes a run from the queue `execution` hands the others
    their part there; what waits in `default` is done by the one that takes it.
    """
    if role is not Role.EXECUTION:
        return (role.value,)
    own = (shard_queue(shard),) if shard > 0 else ()
    return (*own, role.value, "default")


@dataclass(frozen=True, slots=True)
class Duty:
    """What one process does: its role, and which part of the instruments where execution is sharded."""

    role: Role = Role.EXECUTION
    shard: int = 0
    shards: int = 0

    @property
    def sends(self) -> bool:
        """Whether it may send orders and take evidence about them; every other role only reads."""
        return self.role is Role.EXECUTION

    def works(self, symbol: str) -> bool:
        """Whether this symbol is its own to trade and to watch over."""
        return self.shard == shard_of(symbol, self.shards)
