"""The models of a book: names, text artefacts, and what each forecasts; and the book everyone begins with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from hydra.domain.champion import SEED_CHAMPION, Envelope
from hydra.domain.errors import UserError
from hydra.research.book import Arm, Book, Role
from hydra.research.experiment import Spec, canonical, spec_id
from hydra.research.family import Bars, bars_at
from hydra.research.filters import Floats
from hydra.research.models import ModelSpec, spec_of
from hydra.research.mutate import SPAN_MAX, SPAN_MIN, SPEED_STEP, SPEED_STEPS
from hydra.research.panel import Panel

SEED: Spec = {"parts": [{"family": "trend", "params": {"fast": 8, "slow": 32, "sign": 1}, "weight": 1}]}
REVERSED_PRIOR, VARIANTS_PRIOR = 0.15, 0.55
"""Base weights (docs/healing.md): reversed .15, original with fastest and slowest .55, the rest is cash."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model that can forecast: its spec, and what each part has learnt by instrument, if it learns."""

    model_id: str
    spec: ModelSpec
    learnt: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    train_until: str = ""

    @property
    def text(self) -> str:
        """The artefact that is registered: JSON, with a learner's own text form inside."""
        learnt = {symbol: list(parts) for symbol, parts in self.learnt.items()}
        return canonical({"spec": plain(self.spec), "learnt": learnt, "train_until": self.train_until})

    def artefacts(self, symbol: str) -> tuple[str, ...]:
        """One text a part; ValueError where it learns and never saw this instrument."""
        if not self.train_until:
            return tuple("" for _ in self.spec.parts)
        if symbol not in self.learnt:
            raise ValueError(f"it learnt nothing of {symbol}")
        return self.learnt[symbol]


def plain(spec: ModelSpec) -> dict[str, Any]:
    """The spec as the plain JSON that experiments and mutations work on."""
    return {
        "parts": [
            {"family": part.family, "params": dict(part.params), "weight": part.weight} for part in spec.parts
        ],
        "sizing": asdict(spec.sizing),
    }


def member_of(model_id: str, text: str) -> Member:
    """The model of such an artefact, already proven to be its own; HY-874 if it cannot be built here."""
    raw = json.loads(text)
    if not isinstance(raw, dict) or raw.keys() != {"spec", "learnt", "train_until"}:
        raise ValueError("this is no model's artefact")
    learnt = {str(symbol): tuple(map(str, parts)) for symbol, parts in raw["learnt"].items()}
    try:
        return Member(model_id, spec_of(raw["spec"]), learnt, str(raw["train_until"]))
    except ValueError as error:
        raise UserError("HY-874", model=model_id, problem=error) from error


def named(spec: ModelSpec, train_until: str = "") -> str:
    """A name that reads and is unique: family, parameters, and digits of the spec's own identity."""
    if plain(spec) == plain(spec_of(SEED)):
        return SEED_CHAMPION
    words = []
    for part in spec.parts:
        values = dict(part.params)
        spans = [f"{values[name]:g}" for name in ("fast", "slow", "span", "days") if name in values]
        words.append("-".join([part.family, *spans, *(["rev"] if values.get("sign") == -1 else [])]))
    until = f"@{train_until}" if train_until else f"@{spec_id(plain(spec))[:6]}"
    return "+".join(words) + until


def fresh(spec: ModelSpec) -> Member:
    """A model of families that learn nothing."""
    return Member(named(spec), spec)


def seed_members(champion: Spec = SEED) -> tuple[Member, ...]:
    """The champion, two steps faster and slower where its spans allow it, and reversed."""
    params = champion["parts"][0]["params"]
    steps = (0, *(-one for one in SPEED_STEPS), *SPEED_STEPS)
    pairs = [(params["fast"] * SPEED_STEP**step, params["slow"] * SPEED_STEP**step) for step in steps]
    specs = [_trend(fast, slow, 1) for fast, slow in pairs if fast >= SPAN_MIN and slow <= SPAN_MAX]
    return tuple(fresh(spec) for spec in [*specs, _trend(params["fast"], params["slow"], -1)])


def _trend(fast: float, slow: float, sign: int) -> ModelSpec:
    return spec_of({"parts": [{"family": "trend", "params": {"fast": fast, "slow": slow, "sign": sign}}]})


def seed_book(members: Sequence[Member], envelope: Envelope) -> Book:
    """The book of the first day: the champion whole, the others in the shadow at their base weights.

    The arms a step away have none: they are there for the cost channel to move an instrument to.
    """
    by_speed = sorted(range(len(members) - 1), key=lambda at: dict(members[at].spec.parts[0].params)["slow"])
    sharing = {0, by_speed[0], by_speed[-1]}
    arms = []
    for at, one in enumerate(members):
        prior = VARIANTS_PRIOR / len(sharing) if at in sharing else 0.0
        prior = REVERSED_PRIOR if at == len(members) - 1 else prior
        role = Role.CHAMPION if at == 0 else Role.MUTANT
        arms.append(Arm(one.model_id, role, prior, 1.0 if at == 0 else 0.0))
    return Book(tuple(arms), envelope)


def forecasts(members: Sequence[Member], panel: Panel) -> Floats:
    """[T, N, K], each from that day and the past only. HY-874 names the model that has nothing to say."""
    out = np.zeros((len(panel.days), len(panel.symbols), len(members)))
    for at, _ in enumerate(panel.symbols):
        bars = bars_of(panel, at)
        for arm, member in enumerate(members):
            try:
                out[:, at, arm] = member.spec.forecast(bars, member.artefacts(panel.symbols[at]))
            except Exception as error:  # whatever a family raises
                problem = f"on {panel.symbols[at]}: {str(error) or type(error).__name__}"
                raise UserError("HY-874", model=member.model_id, problem=problem) from error
    return out


def bars_of(panel: Panel, at: int) -> Bars:
    """One instrument's bars as families take them; its neighbour in the panel is the related market."""
    return bars_at(panel.inputs, at)


def is_variant(champion: Member, other: Member) -> bool:
    """Whether it is the champion with other spans: what the cost channel may move an instrument to."""

    def frame(member: Member) -> list[tuple[str, object]]:
        return [(part.family, dict(part.params).get("sign")) for part in member.spec.parts]

    return frame(champion) == frame(other) and not other.train_until


def parameters(spec: Mapping[str, Any]) -> int:
    """How many numbers were chosen: what simplicity counts."""
    return sum(len(part["params"]) for part in spec["parts"])


def decimal(value: float, digits: int = 6) -> Decimal:
    return Decimal(str(round(value, digits)))
