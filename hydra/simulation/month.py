"""A whole trading month in one world: a session every trading day, a gateway that restarts every night.

One process lives through the days as a worker does, until it is killed and its supervisor starts another.
Each session ends with the paper gate's evidence in the ledger.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from hydra.domain.events import PaperSessionCounted
from hydra.execution.policy import ExecutionPolicy
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.holidays import is_holiday
from hydra.simulation.crew import RETRY_S, Crew
from hydra.simulation.faults import Fault
from hydra.simulation.run import RunOptions, WorldResult, run_scenario
from hydra.simulation.scenario import LADDER_S, Scenario
from hydra.simulation.verdict import judge_end
from hydra.simulation.world import Tell, World
from hydra.usecases.desk import Desk
from hydra.usecases.evidence import count_paper_session
from hydra.usecases.plan import SessionRequest, SessionState
from hydra.usecases.session import run_session

FIRST_ON: Final = date(2026, 11, 2)
SYMBOLS: Final = ("ZO", "HE", "LE")
DISCONNECTS_MIN: Final = 8
KILLS: Final = 3
DAYS_MAX: Final = 366
_OPENS: Final = timedelta(hours=14, minutes=35)
_NIGHT: Final = timedelta(hours=4, minutes=45)
_DROPS: Final = ("fin", "rst", "half_open", "link_1101", "link_1102", "gateway_restart")


@dataclass(frozen=True, slots=True)
class Day:
    """One session of the month: when it begins, and the positions asked for."""

    session_on: date
    begins_at: datetime
    targets: Mapping[str, int]


@dataclass(slots=True)
class MonthResult:
    """The month as a world, its sessions, and the evidence each left."""

    world: WorldResult
    days: tuple[Day, ...]
    drops: int = 0
    kills: int = 0
    nights: int = 0
    evidence: list[PaperSessionCounted] = field(default_factory=list)


def month_of(seed: int, days: int) -> tuple[Scenario, tuple[Day, ...]]:
    """What one seed fixes of the `days` calendar days from the first on."""
    rng = Random(f"month/{seed}")
    start = datetime.combine(FIRST_ON, datetime.min.time(), UTC) + _OPENS - timedelta(minutes=5)
    sessions = tuple(_days(rng, days))
    faults = sorted((*_drops(rng, start, sessions), *_nights(start, days)), key=lambda one: one.at_s)
    scenario = Scenario(
        seed=seed,
        start=start,
        targets=dict.fromkeys(SYMBOLS, 0),
        policy=ExecutionPolicy(ladder_s=LADDER_S, horizon_s=900.0),
        gateway=GatewaySettings(seed=seed, zone="US/Central"),
        heartbeat_s=30.0,
        faults=tuple(faults),
    )
    return scenario, sessions


def run_month(seed: int, days: int, options: RunOptions, tell: Tell | None = None) -> MonthResult:
    """The month of this seed, to its end and judged."""
    scenario, sessions = month_of(seed, days)
    evidence: list[PaperSessionCounted] = []
    world = run_scenario(scenario, options, tell, lambda world: _MonthCrew(world, sessions, evidence))
    kinds = [kind for kind, _ in world.hits]
    return MonthResult(
        world=world,
        days=sessions,
        drops=sum(kind in _DROPS for kind in kinds),
        kills=kinds.count("kill"),
        nights=kinds.count("nightly_restart"),
        evidence=evidence,
    )


def _days(rng: Random, days: int) -> Iterator[Day]:
    for number in range(days):
        on = FIRST_ON + timedelta(days=number)
        begins_at = datetime.combine(on, datetime.min.time(), UTC) + _OPENS
        begins_at += timedelta(seconds=rng.randrange(3600))
        targets = {symbol: rng.randint(-5, 5) for symbol in SYMBOLS}
        if on.weekday() < 5 and not is_holiday(on):
            yield Day(on, begins_at, targets)


def _drops(rng: Random, start: datetime, days: tuple[Day, ...]) -> Iterator[Fault]:
    """Disconnects in sessions, and kills: at least one disconnect in three sessions."""
    for _ in range(max(DISCONNECTS_MIN, len(days) // 2)):
        at_s = _inside(rng, start, days)
        yield Fault(rng.choice(_DROPS), at_s, for_s=round(rng.uniform(1.0, 40.0), 3))
    for _ in range(KILLS):
        options: dict[str, object] = {"restart_s": round(rng.uniform(0.5, 30.0), 3)}
        yield Fault("kill", _inside(rng, start, days), options=options)


def _inside(rng: Random, start: datetime, days: tuple[Day, ...]) -> float:
    begins_s = (rng.choice(days).begins_at - start).total_seconds()
    return round(begins_s + rng.uniform(5.0, 600.0), 3)


def _nights(start: datetime, days: int) -> Iterator[Fault]:
    for number in range(1, days):
        night = datetime.combine(FIRST_ON + timedelta(days=number), datetime.min.time(), UTC) + _NIGHT
        yield Fault("nightly_restart", (night - start).total_seconds(), for_s=90.0)


class _MonthCrew(Crew):
    """Starts a process, starts another when it has died, until every session of the month was held."""

    def __init__(self, world: World, days: tuple[Day, ...], evidence: list[PaperSessionCounted]) -> None:
        super().__init__(world)
        self.days = days
        self.held: set[date] = set()
        self.evidence = evidence
        world.work = self._live

    async def work(self) -> None:
        while len(self.held) < len(self.days):
            self._start()
            while self._is_awaited():
                await self._wait()
            pause_s, self.restart_s = self.restart_s, None
            await asyncio.sleep(RETRY_S if pause_s is None else pause_s)
        self.on_calm()
        judge_end(self.world.oracle, self.denied, self.failure)
        for day in self.days:
            self._judge(day)

    async def _live(self, desk: Desk) -> SessionState:
        """What a worker does all month: wait for the next session, hold it, count it."""
        state = SessionState(SessionRequest(FIRST_ON, ()))
        for day in self.days:
            if day.session_on in self.held:
                continue
            await desk.clock.sleep_wall(max(desk.clock.wall_delay(day.begins_at), 0.0))
            state = await run_session(desk, SessionRequest(day.session_on, SYMBOLS, dict(day.targets)))
            self.denied = {one.symbol: one.reasons for one in state.denied}
            self.evidence.append(count_paper_session(desk, day.session_on))
            self.held.add(day.session_on)
        return state

    def _judge(self, day: Day) -> None:
        """Each session held within its own day, with a plan or a reason, and evidence in the ledger."""
        counted = [one for one in self.evidence if one.session_on == day.session_on]
        if not counted:
            self.world.oracle.breach("f", f"the session of {day.session_on} left no evidence")
        elif counted[-1].unequal_positions or counted[-1].in_doubt or counted[-1].findings:
            self.world.oracle.breach("g", f"the session of {day.session_on} ended as {counted[-1]}")

    def _check_time(self) -> None:
        """A month's process lives as long as the month."""
