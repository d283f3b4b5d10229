"""One experiment: a mutated spec, tried once on known data; its record is enough to run it again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

ID_DIGITS: Final = 16

Spec = Mapping[str, Any]
"""A model spec as plain JSON: what `ModelSpec` reads and writes at the edge."""


def canonical(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, no NaN; specs are compared and hashed by it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def spec_id(spec: Spec) -> str:
    """The identity of a spec: sixteen hex digits of its canonical text's sha256."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()[:ID_DIGITS]


def trial_id(spec: Spec, train_until: str = "") -> str:
    """The identity of a trial: a spec that learns is another trial on every day it learns until."""
    return spec_id({"spec": spec, "train_until": train_until}) if train_until else spec_id(spec)


def config_diff(before: Spec, after: Spec, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Every changed leaf as dotted name → (before, after); None stands for absent."""
    changes: dict[str, tuple[Any, Any]] = {}
    for key in sorted(before.keys() | after.keys()):
        old, new, name = before.get(key), after.get(key), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changes |= config_diff(old, new, f"{name}.")
        elif old != new:
            changes[name] = (old, new)
    return changes


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was tried, why, on what, and what came of it; a failure is recorded as faithfully as a success.

    `ended` is how the candidate's run ended (FINISHED, RAISED, TIMED_OUT …), `refusals` the hygiene rules it
    did not pass. Metrics are plain numbers; one that does not exist is absent, never NaN. Its data are the
    bars of `instruments` before the day `until`, as they were known at `recorded_at`.
    """

    spec: Spec
    parent: Spec
    cause: str
    operator: str
    seed: int
    data_hash: str
    build_id: str
    ended: str
    refusals: tuple[str, ...]
    recorded_at: datetime
    detail: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    fitness: float | None = None
    p_value: float | None = None
    deflated_sharpe: float | None = None
    train_until: str = ""
    until: str = ""
    instruments: tuple[str, ...] = ()

    @property
    def spec_id(self) -> str:
        return spec_id(self.spec)

    @property
    def trial_id(self) -> str:
        return trial_id(self.spec, self.train_until)

    @property
    def experiment_id(self) -> str:
        """Deterministic: the same spec, data, seed and build are the same experiment."""
        what = canonical([self.trial_id, self.data_hash, self.seed, self.build_id])
        return hashlib.sha256(what.encode()).hexdigest()[:ID_DIGITS]

    @property
    def has_passed(self) -> bool:
        return self.ended == "FINISHED" and not self.refusals

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        return config_diff(self.parent, self.spec)
