"""The workshop: what one research process has at hand, and what the settings say of healing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import numpy as np

from hydra.domain.champion import Autonomy, Envelope
from hydra.ports import BarStore, Clock, ExperimentJournal, Ledger, ModelRegistry
from hydra.research.cot import CotWeek
from hydra.research.experiment import Spec
from hydra.research.filters import Floats
from hydra.research.mutate import Budget
from hydra.research.panel import Listed


@dataclass(frozen=True, slots=True)
class Tried:
    """How a candidate's isolated run ended; forecasts [T, N] and what it learnt only where it finished."""

    end: str
    detail: str
    forecasts: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    learnt: tuple[tuple[str, ...], ...] = ()


class Sandbox(Protocol):
    """Runs candidates isolated; every end is an outcome."""

    def walk(self, specs: Sequence[Spec], inputs: Mapping[str, Floats]) -> Sequence[Tried]: ...


@dataclass(frozen=True, slots=True)
class HealingPlan:
    """What the settings say: what is traded by the book, by which rule, within which bounds."""

    instruments: Mapping[str, Listed]
    rule: str
    autonomy: Autonomy
    envelope: Envelope
    budget: Budget = field(default_factory=Budget)
    seed: int = 1
    vol_target_year: float = 0.10
    position_fraction: float = 0.15
    adv_fraction: float = 0.02
    capital_usd: float = 1_000_000.0
    roll_days: int = 20
    challengers_max: int = 4


@dataclass(slots=True)
class Workshop:
    """Ports and plan of the research side; `fills` are the ledger's rows of what execution cost.

    `weeks`: the CFTC's, by symbol and the moment at which they were known.
    """

    ledger: Ledger
    store: BarStore
    journal: ExperimentJournal
    registry: ModelRegistry
    sandbox: Sandbox
    clock: Clock
    plan: HealingPlan
    build_id: str
    fills: Callable[[], Sequence[Mapping[str, Any]]]
    breaks: Callable[[str], Sequence[str]] = lambda symbol: ()
    weeks: Callable[[str, datetime | None], Sequence[CotWeek]] = lambda symbol, as_of: ()

    @property
    def autonomy(self) -> Autonomy:
        """What a person said last, else the settings."""
        said = self.ledger.champions.autonomy()
        return said.level if said is not None else self.plan.autonomy


@dataclass(frozen=True, slots=True)
class Decided:
    """A session's book on record: its text, the artefacts of its arms, the rule's memory, what was traded."""

    on: date
    payload: Mapping[str, Any]
