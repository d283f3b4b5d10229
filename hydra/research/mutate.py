"""From a diagnosed cause to mutated specs: a playbook of operators, no repetition, budgets that refill.

Everything follows from the champion's spec, the journal before the day, and the day: a rerun proposes the
same mutations. A spec is the plain JSON of a `ModelSpec`: `parts` (family, params, weight) and `sizing`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from hydra.research.experiment import Experiment, Spec, spec_id, trial_id
from hydra.research.observation import Cause

SPEED_STEP: Final = 2.0
"""Faster or slower by a step is every span halved or doubled; the book the rules were measured in has two."""
SPEED_STEPS: Final = (1, 2)
SPEED_PARAMS: Final = frozenset({"fast", "slow", "span", "days"})
SPAN_MIN: Final = 2
SPAN_MAX: Final = 512


class Operator(StrEnum):
    """What may be done to a spec."""

    FASTER = "faster"
    SLOWER = "slower"
    REVERSED = "reversed"
    OTHER_FAMILY = "other_family"
    REFIT = "refit"


PLAYBOOK: Final[Mapping[Cause, tuple[Operator, ...]]] = {
    # what is broken outside of the model is not healed by another model
    Cause.DATA_FAULT: (),
    Cause.RECONCILIATION_BREAK: (),
    # turnover is what costs: only slower can help; the cost channel weighs the rest without any test
    Cause.EXECUTION_COST: (Operator.SLOWER,),
    # sizing answers volatility by itself
    Cause.VOLATILITY: (),
    Cause.REGIME_CHANGE: (Operator.FASTER, Operator.SLOWER, Operator.REVERSED, Operator.OTHER_FAMILY),
    Cause.FEATURE_DECAY: (Operator.REFIT, Operator.OTHER_FAMILY, Operator.SLOWER, Operator.FASTER),
    Cause.OVERFIT: (Operator.SLOWER, Operator.OTHER_FAMILY, Operator.REFIT),
    # nothing is known to be wrong: the variants that insure, and nothing that trades more
    Cause.POWER_TOO_LOW: (Operator.SLOWER, Operator.FASTER, Operator.REVERSED),
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A spec to try, how it came to be, and until when its learning families learn."""

    spec: Spec
    parent: Spec
    cause: Cause
    operator: Operator
    train_until: str = ""

    @property
    def trial_id(self) -> str:
        return trial_id(self.spec, self.train_until)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many experiments may be made: `capacity` at once, and one more every `refill_days`.

    The same operator rests `cooldown_days` after it was last used on a champion. A spec may be tried again
    after `retry_days`: by then it meets other data.
    """

    capacity: int = 12
    refill_days: float = 7.0
    cooldown_days: int = 21
    retry_days: int = 730

    def __post_init__(self) -> None:
        if self.capacity < 0 or self.refill_days <= 0 or self.cooldown_days < 0:
            raise ValueError(f"a budget has no negative capacity or cooldown and does refill: {self}")

    def left(self, spent_on: Sequence[date], on: date) -> int:
        """Experiments that may be made on that day after those made on the given days: a token bucket."""
        tokens, last = float(self.capacity), None
        for day in sorted(day for day in spent_on if day <= on):
            tokens = self._refilled(tokens, last, day) - 1.0
            last = day
        return max(0, int(self._refilled(tokens, last, on) + 1e-9))

    def _refilled(self, tokens: float, last: date | None, on: date) -> float:
        if last is None:
            return float(self.capacity)
        return min(float(self.capacity), tokens + (on - last).days / self.refill_days)

    def rests(self, used_on: Sequence[date], on: date) -> bool:
        """Whether an operator last used on these days still rests on that day."""
        return any(0 <= (on - day).days < self.cooldown_days for day in used_on)


@dataclass(frozen=True, slots=True)
class Tried:
    """What the journal knows of one experiment, as far as proposing needs it."""

    trial_id: str
    parent_id: str
    operator: str
    on: date

    @classmethod
    def of(cls, experiment: Experiment) -> "Tried":
        # the session it was made for: a cycle that is run late spends the budget of its own day
        made_on = date.fromisoformat(experiment.until) if experiment.until else experiment.recorded_at.date()
        return cls(experiment.trial_id, spec_id(experiment.parent), experiment.operator, made_on)


@dataclass(frozen=True, slots=True)
class Repertoire:
    """What operators choose from: default specs by family, which families learn, which specs can be built."""

    families: Mapping[str, Spec]
    learning: frozenset[str] = frozenset()
    is_valid: Callable[[Spec], bool] = lambda spec: True


def propose(
    cause: Cause,
    champion: Spec,
    repertoire: Repertoire,
    journal: Collection[Tried],
    on: date,
    *,
    budget: Budget,
    learnt_until: str = "",
    spent_today: int = 0,
    in_book: Collection[str] = (),
) -> tuple[Mutation, ...]:
    """What to try on a day, best remedy first: new trials only, of rested operators, within the budget.

    `learnt_until` is when the champion's data ended, empty if it learns nothing; refits learn until `on`.
    What the journal has of the same day is left out, so that a rerun proposes the same (and finds the
    results there); `spent_today` is what other causes were given that day, `in_book` the trials of the arms
    that trade or shadow already: they cost nothing of the budget.
    """
    earlier = [one for one in journal if one.on < on]
    parent = spec_id(champion)
    known = {one.trial_id for one in earlier if (on - one.on).days < budget.retry_days}
    known |= {trial_id(champion, learnt_until), *in_book}
    left = budget.left([one.on for one in earlier], on) - spent_today
    chosen: list[Mutation] = []
    for operator in PLAYBOOK[cause]:
        used = [one.on for one in earlier if (one.parent_id, one.operator) == (parent, operator)]
        if budget.rests(used, on):
            continue
        for spec in apply(operator, champion, repertoire):
            learns = any(part["family"] in repertoire.learning for part in spec["parts"])
            mutation = Mutation(spec, champion, cause, operator, on.isoformat() if learns else "")
            if mutation.trial_id not in known and len(chosen) < left:
                known.add(mutation.trial_id)
                chosen.append(mutation)
    return tuple(chosen)


def apply(operator: Operator, spec: Spec, repertoire: Repertoire) -> tuple[Spec, ...]:
    """Every spec the operator makes of this one that can be built; none where it has nothing to change."""
    return tuple(one for one in _applied(operator, spec, repertoire) if repertoire.is_valid(one))


def _applied(operator: Operator, spec: Spec, repertoire: Repertoire) -> Iterator[Spec]:
    own = {part["family"] for part in spec["parts"]}
    match operator:
        case Operator.FASTER:
            yield from (one for step in SPEED_STEPS for one in _rescaled(spec, SPEED_STEP**-step))
        case Operator.SLOWER:
            yield from (one for step in SPEED_STEPS for one in _rescaled(spec, SPEED_STEP**step))
        case Operator.REVERSED:
            if all("sign" in part["params"] for part in spec["parts"]):
                yield _with_params(spec, lambda params: {**params, "sign": -params["sign"]})
        case Operator.OTHER_FAMILY:
            yield from (other for name, other in sorted(repertoire.families.items()) if name not in own)
        case Operator.REFIT:
            if own & repertoire.learning:
                yield spec


def _rescaled(spec: Spec, factor: float) -> Iterator[Spec]:
    """All spans of all parts times the factor; none if there is no span or one would leave its bounds."""
    spans = [
        value for part in spec["parts"] for name, value in part["params"].items() if name in SPEED_PARAMS
    ]
    if spans and min(spans) * factor >= SPAN_MIN and max(spans) * factor <= SPAN_MAX:
        yield _with_params(
            spec,
            lambda params: {
                name: value * factor if name in SPEED_PARAMS else value for name, value in params.items()
            },
        )


def _with_params(spec: Spec, change: Callable[[Mapping[str, float]], Mapping[str, float]]) -> Spec:
    parts = [{**part, "params": dict(change(part["params"]))} for part in spec["parts"]]
    return {**spec, "parts": parts}
