"""A process of the simulated world: everything that runs in its context, its death, and its sleep.

A killed process runs not one line more, wherever it was: its callbacks are dropped, its tasks and whatever
it was in the middle of stay suspended and referenced for ever (collecting them would run their `finally`
blocks), its sockets are closed from outside, its handles are let go without commit. A stopped one (SIGSTOP)
finds on waking all that came meanwhile. Both may happen between two lines of synchronous code: callbacks
run in a greenlet apart from the loop's, which can be left there; the next callback then gets a new one.
"""

import asyncio
import contextvars
import ctypes
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from greenlet import getcurrent, greenlet

from hydra.domain.roles import Duty

EXECUTION: Final = Duty()
_PROCESS: contextvars.ContextVar["SimProcess | None"] = contextvars.ContextVar("process", default=None)

# What is suspended for ever. The extra reference keeps it from being collected even when the interpreter
# ends; a process that runs many worlds is replaced now and then, so that it does not grow without end.
GRAVEYARD: list[object] = []
ctypes.pythonapi.Py_IncRef(ctypes.py_object(GRAVEYARD))


def running() -> "SimProcess | None":
    """The process whose code runs now; None outside of all of them (the world, the gateway)."""
    return _PROCESS.get()


def owner_of(context: contextvars.Context | None) -> "SimProcess | None":
    """The process that a callback's context belongs to."""
    return context.get(_PROCESS) if context is not None else None


@dataclass(frozen=True, slots=True)
class _Late:
    """What came for a process while it was stopped."""

    context: contextvars.Context
    callback: Callable[..., Any]
    args: Sequence[Any]
    is_cancelled: Callable[[], bool]

    def run(self) -> None:
        if not self.is_cancelled():
            self.callback(*self.args)


class SimProcess:
    """One process by name and duty; `run` starts its main coroutine in a context of its own."""

    def __init__(self, name: str, pid: int, loop: asyncio.AbstractEventLoop, duty: Duty = EXECUTION) -> None:
        self.name = name
        self.pid = pid
        self.duty = duty
        self.is_dead = False
        self.is_stopped = False
        self.main: asyncio.Task[Any] | None = None
        self._loop = loop
        self._context = contextvars.Context()
        self._context.run(_PROCESS.set, self)
        self._backlog: list[_Late] = []
        self._parked: tuple[greenlet, asyncio.Task[Any] | None] | None = None
        self._idle: greenlet | None = None

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        self.main = self._loop.create_task(self._context.run(main), context=self._context)
        return self.main

    def enter(self, act: Callable[[], None]) -> None:
        """Something reaches this process from outside, such as bytes on a socket."""
        self.carry(self._context.copy(), act, ())

    def carry(
        self,
        context: contextvars.Context,
        callback: Callable[..., Any],
        args: Sequence[Any],
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run one callback of this process; later if it is stopped, never if it is dead.

        `is_cancelled` is asked again before it runs late: a timer that ran out meanwhile may be called off by
        the line at which the process goes on.
        """
        if self.is_dead:
            return
        if self.is_stopped:
            self._backlog.append(_Late(context, callback, args, is_cancelled))
            return
        body, self._idle = self._idle, None
        if body is None:
            body = greenlet(self._serve)
        body.parent = getcurrent()
        body.gr_context = context
        problem = body.switch(callback, args)
        if problem:
            raise problem

    def _serve(self, callback: Callable[..., Any], args: Sequence[Any]) -> BaseException | None:
        """One callback after the other, in one greenlet for as long as none of them is left in its middle.

        Making a greenlet costs twenty times as much as switching to one.
        """
        here = getcurrent()
        while True:
            problem = None
            try:
                callback(*args)
            except BaseException as raised:  # noqa: BLE001 - the loop's to handle, as any callback's
                problem = raised
            if self._idle is not None:  # this one was left, another has served meanwhile
                return problem
            self._idle = here
            assert here.parent is not None
            callback, args = here.parent.switch(problem)

    # --- what is done to it ---

    def die(self) -> None:
        """SIGKILL: from now on nothing of it runs. Does not return when it is this process that runs."""
        self.is_dead = True
        GRAVEYARD.append((self, self._backlog, self._parked))
        if running() is self:
            self._leave()

    def stop(self) -> None:
        """SIGSTOP. When it is this process that runs, this returns at its SIGCONT."""
        self.is_stopped = True
        if running() is self:
            self._parked = (getcurrent(), asyncio.current_task(self._loop))
            self._leave()

    def resume(self) -> None:
        """SIGCONT: first it goes on where it was, then it sees what came meanwhile, in order."""
        if self.is_dead or not self.is_stopped:
            return
        self.is_stopped = False
        if self._parked is not None:
            self._loop.call_soon(self._unpark, context=contextvars.Context())
        backlog, self._backlog = self._backlog, []
        for late in backlog:
            self._loop.call_soon(late.run, context=late.context)

    def _leave(self) -> None:
        """Suspend the code that runs now and give the thread back to the loop."""
        here = getcurrent()
        task = asyncio.current_task(self._loop)
        if task is not None:
            _leave_task(self._loop, task)
        if self.is_dead:
            GRAVEYARD.append((here, task))
        assert here.parent is not None
        here.parent.switch()

    def _unpark(self) -> None:
        if self.is_dead or self._parked is None:
            return
        (body, task), self._parked = self._parked, None
        if task is not None:
            _enter_task(self._loop, task)
        body.parent = getcurrent()
        problem = body.switch()
        if problem:
            raise problem

    def __repr__(self) -> str:
        state = " dead" if self.is_dead else " stopped" if self.is_stopped else ""
        return f"<{self.name}{state}>"
