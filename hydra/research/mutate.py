"""From a diagnosed cause to mutated specs: a playbook of operators, no repetition, budgets that refill.

Everything follows from the champion's spec, the journal before the day, and the day: a rerun proposes the
same mutations. A spec is plain JSON with `family`, `params` and optionally `sign` and `train_until`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from hydra.research.experiment import Experiment, Spec, spec_id
from hydra.research.observe import Cause

SPEED_PARAMS: Final = frozenset({"fast", "slow", "span", "bars", "lookback", "window", "entry", "exit"})
SPAN_MIN: Final = 2
SPAN_MAX: Final = 256


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
    """A spec to try, and how it came to be."""

    spec: Spec
    parent: Spec
    cause: Cause
    operator: Operator

    @property
    def spec_id(self) -> str:
        return spec_id(self.spec)


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

    spec_id: str
    parent_id: str
    operator: str
    on: date

    @classmethod
    def of(cls, experiment: Experiment) -> "Tried":
        made_on = experiment.recorded_at.date()
        return cls(experiment.spec_id, spec_id(experiment.parent), experiment.operator, made_on)


def propose(
    cause: Cause,
    champion: Spec,
    families: Mapping[str, Spec],
    journal: Collection[Tried],
    on: date,
    *,
    budget: Budget,
    train_until: str,
    spent_today: int = 0,
) -> tuple[Mutation, ...]:
    """What to try on a day, best remedy first: new specs only, of rested operators, within the budget.

    `families` are the default specs of the others. `train_until` names the data a refit would use: a refit on
    other data is another spec. What the journal has of the same day is left out, so that a rerun proposes the
    same (and finds the results there); `spent_today` is what other champions were given that day.
    """
    earlier = [one for one in journal if one.on < on]
    parent = spec_id(champion)
    known = {one.spec_id for one in earlier if (on - one.on).days < budget.retry_days} | {parent}
    left = budget.left([one.on for one in earlier], on) - spent_today
    chosen: list[Mutation] = []
    for operator in PLAYBOOK[cause]:
        used = [one.on for one in earlier if (one.parent_id, one.operator) == (parent, operator)]
        if budget.rests(used, on):
            continue
        for spec in _applied(operator, champion, families, train_until):
            mutation = Mutation(spec, champion, cause, operator)
            if mutation.spec_id not in known and len(chosen) < left:
                known.add(mutation.spec_id)
                chosen.append(mutation)
    return tuple(chosen)


def apply(operator: Operator, spec: Spec, families: Mapping[str, Spec], train_until: str) -> tuple[Spec, ...]:
    """Every spec the operator makes of this one; none where it has nothing to change."""
    return tuple(_applied(operator, spec, families, train_until))


def _applied(
    operator: Operator, spec: Spec, families: Mapping[str, Spec], train_until: str
) -> Iterator[dict[str, Any]]:
    match operator:
        case Operator.FASTER:
            yield from _rescaled(spec, 0.5, max)
        case Operator.SLOWER:
            yield from _rescaled(spec, 2.0, min)
        case Operator.REVERSED:
            yield {**spec, "sign": -int(spec.get("sign", 1))}
        case Operator.OTHER_FAMILY:
            yield from (dict(other) for name, other in sorted(families.items()) if name != spec["family"])
        case Operator.REFIT:
            if spec.get("train_until") not in (None, train_until):
                yield {**spec, "train_until": train_until}


def _rescaled(
    spec: Spec, factor: float, extreme: Callable[[float, float], float]
) -> Iterator[dict[str, Any]]:
    """All spans times the factor, within their bounds and still different; none if that changes nothing."""
    params = spec.get("params", {})
    spans = {name: value for name, value in params.items() if name in SPEED_PARAMS}
    if not spans or any(isinstance(value, bool) or not isinstance(value, int) for value in spans.values()):
        return
    bound = SPAN_MIN if extreme is max else SPAN_MAX
    moved = {name: round(extreme(value * factor, bound)) for name, value in spans.items()}
    if moved != spans and len(set(moved.values())) == len(set(spans.values())):
        yield {**spec, "params": {**params, **moved}}
