"""A market with a known trend edge that may turn, in whole bars, and a workshop over it on a real disk."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from hydra.config import Settings, load_settings
from hydra.domain.champion import Change
from hydra.domain.market import DailyBar
from hydra.persistence.bars import ParquetBarStore
from hydra.research.experiment import Spec
from hydra.research.features import trend_scale
from hydra.research.filters import Floats
from hydra.usecases.improve.run import Ran, run_cycle
from hydra.usecases.improve.workshop import Sandbox, Tried, Workshop
from hydra.workshop import open_workshop

SYMBOLS = ("ZO", "HE")
FIRST = date(2021, 1, 4)
BORN, TURNED, DAYS = 560, 600, 1300
REVERSED = "trend-8-32-rev@3ad123"


@dataclass
class Hands:
    """A clock moved by hand."""

    at: datetime = datetime(2026, 11, 20, 22, tzinfo=UTC)
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at

    def wall_s(self) -> float:
        return self.at.timestamp()

    def wall_delay(self, until: datetime) -> float:
        return (until - self.at).total_seconds()

    def market(self, wall_s: float) -> timedelta:
        return timedelta(seconds=wall_s)

    async def sleep_until(self, until: datetime) -> None:
        self.at = until

    async def sleep_wall(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def weekdays(first: date, count: int) -> list[date]:
    days, on = [], first
    while len(days) < count:
        if on.weekday() < 5:
            days.append(on)
        on += timedelta(days=1)
    return days


def edge_bars(
    seed: int,
    days: int,
    sharpe: float,
    flip_at: int | None = None,
    back_at: int | None = None,
    level: float = 400.0,
) -> tuple[DailyBar, ...]:
    """Bars whose trend of spans 8 and 32 earns this yearly Sharpe, until the edge turns, and turns back."""
    rng = np.random.default_rng(seed)
    sigma, fast, slow, price, pull = 0.01 * level, 0.0, 0.0, 0.0, 0.0
    scale, kappa = trend_scale(8, 32), sharpe / 252**0.5
    closes, close = [], level
    for day in range(days):
        is_turned = flip_at is not None and day >= flip_at and not (back_at is not None and day >= back_at)
        sign = -1.0 if is_turned else 1.0
        step = sign * kappa * pull + rng.standard_normal()
        close += sigma * step
        price += step
        fast += 2 / 9 * (price - fast)
        slow += 2 / 33 * (price - slow)
        pull = float(np.clip((fast - slow) / scale, -2, 2))
        closes.append(round(close, 2))
    bars, before = [], closes[0]
    for on, now in zip(weekdays(FIRST, days), closes, strict=True):
        high, low = max(before, now) + 0.5, min(before, now) - 0.5
        prices = (Decimal(str(round(one, 2))) for one in (before, high, low, now))
        bars.append(DailyBar(on, *prices, 900 + on.day))
        before = now
    return tuple(bars)


class NoSandbox:
    """Where a test is not about candidates: each would time out."""

    def walk(self, specs: Sequence[Spec], inputs: Mapping[str, Floats]) -> Sequence[Tried]:
        return [Tried("TIMED_OUT", "not run here") for _ in specs]


def settings_at(folder: Path, **healing: Any) -> Settings:
    given = {f"healing.{key}": value for key, value in healing.items()}
    return load_settings(
        environ={"HYDRA_DATA_DIR": str(folder)}, overrides={"healing.symbols": "ZO,HE", **given}
    )


@dataclass
class World:
    """A folder with bars and a ledger; `workshop` opens it as a research process does."""

    folder: Path
    clock: Hands = field(default_factory=Hands)
    sandbox: Sandbox = field(default_factory=NoSandbox)
    fills: list[dict[str, Any]] = field(default_factory=list)

    def bars(self, symbol: str, bars: Sequence[DailyBar], known_at: datetime | None = None) -> None:
        ParquetBarStore(self.folder / "bars").put(
            symbol, bars, known_at or datetime(2020, 1, 1, tzinfo=UTC), "test"
        )

    @contextmanager
    def workshop(self, **healing: Any) -> Iterator[Workshop]:
        with open_workshop(settings_at(self.folder, **healing), self.clock) as shop:
            yield replace(shop, sandbox=self.sandbox, fills=lambda: self.fills or [])

    def at(self, on: date) -> None:
        """The evening before that session."""
        self.clock.at = datetime.combine(on, time(1), tzinfo=UTC)


SESSIONS = weekdays(FIRST, DAYS + 1)


def evening(world: World, day: int, approver: str = "", **healing: Any) -> Ran:
    """The cycle before session number `day`, in a process of its own."""
    world.at(SESSIONS[day])
    with world.workshop(**healing) as shop:
        return run_cycle(shop, SESSIONS[day], approver=approver)


def until_change(world: World, days: Sequence[int], **healing: Any) -> tuple[int, Ran]:
    """The first evening on which another champion is to lead."""
    for day in days:
        ran = evening(world, day, **healing)
        decided = ran.cycle.decision
        if ran.waits is not None or (decided is not None and decided.change is Change.PROMOTED):
            return day, ran
    raise AssertionError(f"nobody else was to lead by {SESSIONS[days[-1]]}")
