"""Keeps the bar store up to date from the broker: asks only for what is missing, and not too often."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hydra.domain.contract import Contract
from hydra.domain.market import DailyBar
from hydra.ports import BarStore, Broker, Clock, Refused, Unknown
from hydra.research.series_checks import DataFinding, check_bars, missing_sessions

SOURCE: Final = "ib"
OVERLAP_SESSIONS: Final = 5
"""Sessions asked for again with every request: a late correction of the exchange becomes a revision."""
RETRIED_SESSIONS: Final = 5
"""Sessions without a bar are asked for this long: after that nobody traded on them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contract's series and the completed sessions it should have, oldest first."""

    contract: Contract
    series: str
    sessions: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one series; with a `problem` nothing came and the store is as before."""

    series: str
    added: int
    missing: tuple[date, ...]
    findings: tuple[DataFinding, ...]
    problem: str | None = None


@dataclass(slots=True)
class HistoryPace:
    """IB ends a client that asks for history too often: at most `requests` within `window_s` of wall time."""

    requests: int = 50
    window_s: float = 600.0
    _asked: deque[float] = field(default_factory=deque)

    def wait_s(self, wall_s: float) -> float:
        """How long to wait before the next request; 0 books it."""
        while self._asked and self._asked[0] <= wall_s - self.window_s:
            self._asked.popleft()
        if len(self._asked) >= self.requests:
            return self._asked[0] + self.window_s - wall_s
        self._asked.append(wall_s)
        return 0.0


async def fetch_bars(
    broker: Broker, store: BarStore, clock: Clock, wanted: Sequence[Wanted], pace: HistoryPace
) -> tuple[Fetched, ...]:
    """Every series in turn; a refusal or silence on one leaves the others to be fetched."""
    return tuple([await _fetch(broker, store, clock, one, pace) for one in wanted])


async def _fetch(broker: Broker, store: BarStore, clock: Clock, one: Wanted, pace: HistoryPace) -> Fetched:
    known = _known(store, one.series)
    first = _first_to_ask(known, one.sessions)
    if first is None:
        return _fetched(one, known, 0)
    while (wait_s := pace.wait_s(clock.wall_s())) > 0:
        await clock.sleep_wall(wait_s)
    asked = sum(day >= first for day in one.sessions) + OVERLAP_SESSIONS
    answer = await broker.daily_bars(one.contract, asked)
    if isinstance(answer, Unknown):
        return _fetched(one, known, 0, f"no answer: {answer.reason}")
    if isinstance(answer, Refused):
        return _fetched(one, known, 0, f"refused with {answer.code}: {answer.text}")
    # a day that still trades has no close: it comes tomorrow
    completed = [bar for bar in answer if bar.on <= one.sessions[-1]]
    added = store.put(one.series, completed, clock.now(), SOURCE)
    return _fetched(one, _known(store, one.series), added)


def _known(store: BarStore, series: str) -> tuple[DailyBar, ...]:
    return store.bars(series) if series in store.series() else ()


def _first_to_ask(known: Sequence[DailyBar], sessions: Sequence[date]) -> date | None:
    """The oldest session worth asking for; None where the store has all there can be."""
    missing = missing_sessions(known, sessions)
    if not known:
        return missing[0] if missing else None
    fresh = [day for day in missing if day > known[-1].on or day in sessions[-RETRIED_SESSIONS:]]
    return fresh[0] if fresh else None


def _fetched(one: Wanted, bars: Sequence[DailyBar], added: int, problem: str | None = None) -> Fetched:
    since = bars[0].on if bars else None
    sessions = [day for day in one.sessions if since is not None and day >= since]
    return Fetched(
        series=one.series,
        added=added,
        missing=missing_sessions(bars, one.sessions),
        findings=check_bars(
            bars, sessions=sessions, expected_last=one.sessions[-1] if one.sessions else None
        ),
        problem=problem,
    )
