"""A process of the simulated world: everything that runs in its context, and its death by SIGKILL.

A killed process runs not one line more: its callbacks are dropped, its tasks stay suspended and referenced
until the world ends, its sockets are closed from outside, its handles are let go without commit.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

_PROCESS: contextvars.ContextVar["SimProcess | None"] = contextvars.ContextVar("process", default=None)


def running() -> "SimProcess | None":
    """The process whose code runs now; None outside of all of them (the world, the gateway)."""
    return _PROCESS.get()


def owner_of(context: contextvars.Context | None) -> "SimProcess | None":
    """The process that a callback's context belongs to."""
    return context.get(_PROCESS) if context is not None else None


class SimProcess:
    """One process by name; `run` starts its main coroutine in a context of its own."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.is_dead = False
        self.main: asyncio.Task[Any] | None = None
        self.on_death: list[Callable[[], None]] = []
        self._loop = loop
        self._context = contextvars.copy_context()
        self._context.run(_PROCESS.set, self)

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        self.main = self._loop.create_task(self._context.run(main), context=self._context)
        return self.main

    def enter(self, act: Callable[[], None]) -> None:
        """Run something as this process, unless it is dead."""
        if not self.is_dead:
            self._context.copy().run(act)

    def die(self) -> None:
        """SIGKILL: from now on nothing of it runs; what it held is let go by others."""
        if self.is_dead:
            return
        self.is_dead = True
        for let_go in self.on_death:
            let_go()

    def __repr__(self) -> str:
        return f"<{self.name}{' dead' if self.is_dead else ''}>"
