"""Every crash point of one session, enumerated: a kill at each ledger commit and each write to the socket.

A point is (what, n, before or after it), counted within one process. First every point of the undisturbed
session; then, for kills around each child's promise and its frame, every point of the process that recovers,
up to its own first promise; then every commit of the recovery of that recovery.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import product
from typing import Any, Final

from hydra.simulation.campaign import run_jobs
from hydra.simulation.crew import Crew
from hydra.simulation.oracle import Violation
from hydra.simulation.process import SimProcess
from hydra.simulation.run import RunOptions, run_world
from hydra.simulation.world import Trap, World

RESTART_S: Final = 0.5
COUNTED: Final = ("commit", "write")
_NEVER: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """A moment in the life of one process: the `nth` of what it does, before or after it is done."""

    what: str
    nth: int
    is_after: bool

    def __str__(self) -> str:
        return f"{'after' if self.is_after else 'before'} {self.what} {self.nth}"


Crashes = tuple[CrashPoint, ...]


@dataclass(frozen=True, slots=True)
class Crashed:
    """One world in which the first process died at the first point, its successor at the second …"""

    crashes: Crashes
    reached: int
    violations: tuple[Violation, ...]
    digest: str


@dataclass(slots=True)
class CrashReport:
    """How many worlds each depth has, how many of their last kills took place, and what broke."""

    worlds: dict[int, int] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    broken: list[Crashed] = field(default_factory=list)
    _left: Any = field(default_factory=sha256)

    @property
    def digest(self) -> str:
        """Of every ledger that was left, in the order of the points: the same in every run."""
        return str(self._left.hexdigest())

    def add(self, one: Crashed) -> None:
        self._left.update(one.digest.encode())
        depth = len(one.crashes)
        self.worlds[depth] = self.worlds.get(depth, 0) + 1
        self.reached[depth] = self.reached.get(depth, 0) + (one.reached == depth)
        if one.violations:
            self.broken.append(one)


class _Killer:
    """Kills each process of a world at its point, and counts what the last one does."""

    def __init__(self, crashes: Crashes) -> None:
        self.crashes = list(crashes)
        self.reached = 0
        self.counters: dict[str, Trap] = {}
        self.until_send: dict[str, int] = {}

    def begin(self, world: World, crew: Crew) -> None:
        crew.on_start.append(partial(self._started, world, crew))

    def done(self, what: str) -> int:
        """How often the process that was not killed did this, up to its end or the calm after it."""
        return _NEVER - self.counters[what].nth if self.counters else 0

    def _started(self, world: World, crew: Crew, process: SimProcess) -> None:
        if self.crashes:
            point = self.crashes.pop(0)
            world.traps.append(Trap(point.what, point.nth, point.is_after, partial(self._kill, world, crew)))
        elif not self.counters:
            self.counters = {what: Trap(what, _NEVER, False, _nothing) for what in (*COUNTED, "order")}
            world.traps += self.counters.values()
            world.traps.append(Trap("send", 1, False, self._sends))

    def _kill(self, world: World, crew: Crew, process: SimProcess) -> None:
        self.reached += 1
        crew.pause(RESTART_S)
        crew.faults_end_s = world.loop.time()
        world.kill(process)

    def _sends(self, process: SimProcess) -> None:
        self.until_send = {what: self.done(what) for what in COUNTED}


def _nothing(process: SimProcess) -> None:
    """A trap that only counts."""


def _unseen(done: int) -> None:
    """Nobody watches."""


def crash(seed: int, options: RunOptions, crashes: Crashes) -> Crashed:
    """One world without other faults whose processes die at these points, one after another."""
    killer = _Killer(crashes)
    result = run_world(seed, _calm(options, killer))
    return Crashed(crashes, killer.reached, tuple(result.violations), result.digest)


def points_of(seed: int, options: RunOptions, crashes: Crashes = ()) -> list[CrashPoint]:
    """Every point of the process that runs after these crashes; of a recovery, up to its first promise."""
    killer = _Killer(crashes)
    run_world(seed, _calm(options, killer))
    counts = {what: killer.done(what) for what in COUNTED}
    if crashes and killer.until_send:
        counts = killer.until_send
    return [
        CrashPoint(what, nth, is_after)
        for what in COUNTED
        for nth in range(1, counts[what] + 1)
        for is_after in (False, True)
    ]


def promises_of(seed: int, options: RunOptions) -> list[CrashPoint]:
    """The points around every child's promise and its frame in the undisturbed session."""
    killer = _Killer(())
    run_world(seed, _calm(options, killer))
    sent = range(1, killer.done("order") + 1)
    return [CrashPoint(*one) for one in product(("send", "order"), sent, (False, True))]


def every_crash(seed: int, options: RunOptions, depth: int, jobs: int = 1) -> Iterator[Crashes]:
    """All crash points of the session of this seed, down to that many deaths in a row."""
    after = partial(_points_after, seed, options)
    yield from ((point,) for point in points_of(seed, options))
    firsts: list[Crashes] = [(point,) for point in promises_of(seed, options)] if depth > 1 else []
    seconds = dict(run_jobs(after, firsts, jobs))
    yield from ((*first, second) for first in firsts for second in seconds[first])
    pairs: list[Crashes] = [
        (*first, second)
        for first in (firsts[:4] if depth > 2 else ())
        for second in seconds[first]
        if second.what == "commit"
    ]
    thirds = dict(run_jobs(after, pairs, jobs))
    yield from ((*pair, third) for pair in pairs for third in thirds[pair] if third.what == "commit")


def _points_after(seed: int, options: RunOptions, crashes: Crashes) -> tuple[Crashes, list[CrashPoint]]:
    return crashes, points_of(seed, options, crashes)


def enumerate_crashes(
    seed: int,
    options: RunOptions,
    crashes: Sequence[Crashes],
    jobs: int,
    seen: Callable[[int], None] = _unseen,
) -> CrashReport:
    """Run all these worlds over several processes; `seen` is told how many are done."""
    died: dict[Crashes, Crashed] = {}
    for one in run_jobs(partial(crash, seed, options), crashes, jobs):
        died[one.crashes] = one
        seen(len(died))
    report = CrashReport()
    for these in crashes:
        report.add(died[these])
    return report


def _calm(options: RunOptions, killer: _Killer) -> RunOptions:
    return replace(options, kinds=(), begin=killer.begin)
