"""Who keeps the session running: starts a process, starts another when it died or failed, and knows the end.

It does what a supervisor (systemd, compose, `make up`) and a person who presses Retry do, and nothing else.
"""

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from hydra.domain.errors import HydraError
from hydra.domain.roles import Duty
from hydra.simulation.process import EXECUTION, SimProcess
from hydra.simulation.verdict import judge_end
from hydra.simulation.world import World
from hydra.usecases.plan import SessionState

RETRY_S: Final = 5.0
# Failures in a row are retried ever more slowly, as people and supervisors do.
PATIENT_FAILURES: Final = 6
RETRY_S_MAX: Final = 1800.0
SUCCESSOR_AFTER_S: Final = 2.0
# How long after the later of deadline, start and last fault a run may take to end (law f): the proof after
# the last child's death (settle, two snapshots settle apart) and the patience of the last reconciliation.
END_BOUND_S: Final = 90.0
GIVE_UP_S: Final = 900.0
LAST_RUNS_MAX: Final = 40
# More than 36 hours without a log-in take; a world whose runs all fail must end, too.
RUNS_MAX: Final = 2000


class Crew:
    """The supervisor of one world's trading processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.restart_s: float | None = None
        self.locks = "locks-of-this-machine"
        self.faults_end_s = 0.0
        self.linger_s = 0.0
        self.on_calm: Callable[[], None] = lambda: None
        self.denied: Mapping[str, tuple[str, ...]] = {}
        self.failure = ""
        self.on_start: list[Callable[[SimProcess], None]] = []
        self._failures = 0
        self._is_endless = False
        self._news = asyncio.Event()
        self._started_s: dict[SimProcess, float] = {}
        world.ended = self._ended

    @property
    def current(self) -> SimProcess | None:
        """The newest process, if it still runs (it may be stopped)."""
        newest = self.world.processes[-1] if self.world.processes else None
        return newest if newest is not None and self.world.is_running(newest) else None

    @property
    def is_calm_early(self) -> bool:
        """Whether the faults ended at least one ladder before every deadline."""
        ladder_s = self.world.scenario.policy.ladder_total_s
        return all(end_s - self.faults_end_s >= ladder_s for end_s in self._deadlines_s())

    async def work(self) -> None:
        """The session until it is over: ended by itself, faults over, and run once more without any."""
        self._start()
        while True:
            await self._wait()
            if self._is_endless:
                return
            if self._is_awaited():
                continue
            if self._is_settled():
                break
            if len(self.world.processes) > RUNS_MAX:
                self.world.oracle.breach("f", f"{RUNS_MAX} runs, the last failed with: {self.failure}")
                break
            await asyncio.sleep(self._pause_s())
            if not self._is_awaited():
                self._start()
        await self._run_last()
        judge_end(self.world.oracle, self.denied, self.failure)

    def pause(self, restart_s: float) -> None:
        """How long the machine stays down after the next death."""
        self.restart_s = restart_s

    # --- inside ---

    def _start(self, duty: Duty = EXECUTION) -> SimProcess:
        process = self.world.trade(self.locks, duty)
        self._started_s[process] = self.world.loop.time()
        for told in list(self.on_start):
            told(process)
        return process

    def _is_awaited(self) -> bool:
        """Whether somebody is at work; a stopped process is waited for a moment, then replaced."""
        alive = [one for one in self.world.processes if self.world.is_running(one)]
        return any(not one.is_stopped for one in alive)

    def _is_settled(self) -> bool:
        """The last process ended by itself, and nothing more will be done to the world."""
        newest = self.world.processes[-1]
        stopped = any(one.is_stopped and self.world.is_running(one) for one in self.world.processes)
        is_done = not newest.is_dead and not stopped and (not self.failure or self.is_hopeless)
        return is_done and self.world.loop.time() >= self.faults_end_s

    def _pause_s(self) -> float:
        pause_s, self.restart_s = self.restart_s, None
        if pause_s is not None:
            return pause_s
        newest = self.world.processes[-1]
        if not newest.is_dead and not self.failure and not newest.is_stopped:
            return max(self.faults_end_s - self.world.loop.time(), RETRY_S)
        return SUCCESSOR_AFTER_S if newest.is_stopped else self._backoff_s()

    def _backoff_s(self) -> float:
        """At first every few seconds, then ever later, but not later than the last fault's end."""
        longer_s = RETRY_S * 2.0 ** min(max(self._failures - PATIENT_FAILURES, 0), 20)
        away_s = self.faults_end_s - self.world.loop.time()
        return max(min(longer_s, RETRY_S_MAX, away_s), RETRY_S)

    async def _wait(self) -> None:
        """Until a process ends, or is found stopped, or has taken far too long."""
        try:
            async with asyncio.timeout(SUCCESSOR_AFTER_S if not self._is_awaited() else 30.0):
                await self._news.wait()
        except TimeoutError:
            self._check_time()
        self._news.clear()

    def _check_time(self) -> None:
        for process, since_s in self._started_s.items():
            if self.world.is_running(process) and self.world.loop.time() > self._due_s(since_s) + GIVE_UP_S:
                self.world.oracle.breach("f", f"{process.name} does not end; the world is ended from outside")
                self._is_endless = True

    def _ended(self, process: SimProcess) -> None:
        contextvars.Context().run(self._news.set)
        if process.is_dead or process.main is None or process.main.cancelled():
            return
        problem = process.main.exception()
        self.failure = "" if problem is None else str(problem)
        self._failures = self._failures + 1 if problem is not None else 0
        self.world.tell(process.name, f"ends {self.failure or 'by itself'}")
        if problem is None:
            self._finished(process, process.main.result())
        elif not isinstance(problem, HydraError):
            self.world.oracle.breach("crash", f"{process.name} ended with {problem!r}")
        elif problem.code.startswith("HY-9"):
            self._broken(problem)

    def _broken(self, problem: HydraError) -> None:
        """The product says itself that a law is broken; after damage to its file that is what it must do."""
        damaged = self.world.oracle.lost_rows or any(
            fault.kind.startswith("db_") for fault in self.world.scenario.faults
        )
        if not damaged:
            self.world.oracle.breach("crash", f"the product found a broken law: {problem}")

    def _finished(self, process: SimProcess, state: SessionState) -> None:
        self.denied = {one.symbol: one.reasons for one in state.denied}
        since_s = self._started_s[process]
        late_s = self.world.loop.time() - self._due_s(since_s)
        if late_s > END_BOUND_S:
            self.world.oracle.breach("f", f"{process.name} ended {late_s:.1f} s after it was due")

    def _due_s(self, since_s: float) -> float:
        """When a run should be over: the session's deadline, its own start, the last fault."""
        default_s = since_s + self.world.scenario.policy.horizon_s
        return max([since_s, self.faults_end_s, *(self._deadlines_s() or [default_s])])

    def _deadlines_s(self) -> list[float]:
        """The absolute ends of the parents opened, in virtual seconds."""
        start = self.world.scenario.start
        return [
            (datetime.fromisoformat(parent.opened["deadline_at"]) - start).total_seconds()
            for parent in self.world.oracle.ledger.parents.values()
            if parent.opened is not None
        ]

    async def _run_last(self) -> None:
        """Any session can be run again at any moment: here, after everything, it must succeed."""
        self.on_calm()
        await asyncio.sleep(self.linger_s + SUCCESSOR_AFTER_S)
        for _ in range(LAST_RUNS_MAX):
            process = self._start()
            while self.world.is_running(process):
                await self._wait()
                if self._is_endless:
                    return
            if not self.failure or self.is_hopeless:
                return
            await asyncio.sleep(RETRY_S)
        self.world.oracle.breach("f", f"{LAST_RUNS_MAX} last runs failed, the last with: {self.failure}")

    @property
    def is_hopeless(self) -> bool:
        """Whether the ledger itself refuses: then no run can succeed, and saying so is right."""
        return self.failure.startswith(("HY-4", "HY-9"))
