"""What one worker process is: its name and queues in Prefect, how it opens its connection, how it ends."""

from dataclasses import dataclass
from typing import Literal

from hydra.worker.ib_thread import DeskOpener


@dataclass(frozen=True, slots=True)
class Post:
    """Made by the composition root from the settings; `client_id` is told when the watchdog ends it."""

    name: str
    queues: tuple[str, ...]
    client_id: int
    open: DeskOpener
    on_stop: Literal["rest", "cancel"] = "rest"
    stall_s: float = 5.0
