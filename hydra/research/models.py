"""Models: a frozen `ModelSpec` = families with parameters × weights × sizing; pydantic at the edge only."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hydra.research import boosted, families, features
from hydra.research.family import FAMILIES, Bars, Family
from hydra.research.filters import Floats
from hydra.research.walk_forward import Ints, walk

SEED_FAMILIES = (*families.SEEDS, boosted.Boosted)


@dataclass(frozen=True, slots=True)
class Part:
    """One family with its parameters, every one named, and its weight in the model."""

    family: str
    params: tuple[tuple[str, float], ...]
    weight: float = 1.0

    def built(self) -> Family:
        """The family, ready to forecast; ValueError if it is not registered or has other parameters."""
        known = FAMILIES.get(self.family)
        if known is None:
            raise ValueError(f"no family named {self.family}; there are {', '.join(sorted(FAMILIES))}")
        names = [one.name for one in fields(known)]  # type: ignore[arg-type]  # families are dataclasses
        strange = [name for name, _ in self.params if name not in names]
        if strange:
            raise ValueError(
                f"{self.family} has no {', '.join(strange)}; it has {', '.join(names) or 'none'}"
            )
        return known(**dict(self.params))


@dataclass(frozen=True, slots=True)
class Sizing:
    """From a forecast to lots: yearly volatility at forecast 1, the share of Kelly, and the caps."""

    vol_target_year: float = 0.10
    kelly_share: float = 0.5
    position_fraction: float = 0.15
    adv_fraction: float = 0.02

    def vol_target(self, sharpe_year: float) -> float:
        """The target, or less: the growth-optimal volatility is the Sharpe ratio, a share of it the most."""
        return max(0.0, min(self.vol_target_year, self.kelly_share * sharpe_year))


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model is; `spec_id` names it by its content."""

    parts: tuple[Part, ...]
    sizing: Sizing = Sizing()

    def text(self) -> str:
        """Its one spelling as JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def spec_id(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]

    def fit(self, bars: Bars, train: Ints) -> tuple[str, ...]:
        """One text artefact per part."""
        return tuple(part.built().fit(bars, train) for part in self.parts)

    def forecast(self, bars: Bars, artefacts: tuple[str, ...]) -> Floats:
        """The parts' forecasts as one, [T]."""
        each = [
            part.built().forecast(bars, artefact)
            for part, artefact in zip(self.parts, artefacts, strict=True)
        ]
        if len(each) == 1:
            return each[0]
        return features.combined(np.stack(each), np.array([part.weight for part in self.parts]))


def walked_forward(
    spec: ModelSpec, bars: Bars, min_train: int, test: int, gap: int, embargo: int = 0
) -> Floats:
    """Forecasts of each test range by the model fitted before it; NaN where nothing was tested."""
    out = np.full(bars.close.size, np.nan)
    for train, tested in walk(bars.close.size, min_train, test, gap, embargo):
        known = bars.upto(int(tested[-1]) + 1)
        artefacts = spec.fit(bars.upto(int(train[-1]) + 1), train)
        out[tested] = spec.forecast(known, artefacts)[tested]
    return out


class _PartFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    family: str
    params: dict[str, float] = Field(default_factory=dict)
    weight: float = Field(default=1.0, gt=0)


class _SizingFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vol_target_year: float = Field(default=0.10, gt=0, le=1)
    kelly_share: float = Field(default=0.5, gt=0, le=1)
    position_fraction: float = Field(default=0.15, gt=0, le=1)
    adv_fraction: float = Field(default=0.02, gt=0, le=1)


class _SpecFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    parts: list[_PartFile] = Field(min_length=1)
    sizing: _SizingFile = Field(default_factory=_SizingFile)


def spec_of(raw: Mapping[str, Any]) -> ModelSpec:
    """A spec from what a person wrote, every parameter filled in; ValueError says what is wrong and where."""
    try:
        read = _SpecFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"])
        raise ValueError(f"{where}: {first['msg']}") from error
    parts = []
    for part in read.parts:
        given = Part(part.family, tuple(sorted(part.params.items())), part.weight)
        filled = asdict(given.built())  # type: ignore[call-overload]  # families are dataclasses
        parts.append(
            Part(part.family, tuple(sorted((key, float(one)) for key, one in filled.items())), part.weight)
        )
    return ModelSpec(tuple(parts), Sizing(**read.sizing.model_dump()))


def spec_from_text(text: str) -> ModelSpec:
    """The spec of such a text; ValueError for anything else."""
    raw = json.loads(text)
    if isinstance(raw, dict):
        raw["parts"] = [dict(part) | {"params": dict(part["params"])} for part in raw.get("parts", [])]
        return spec_of(raw)
    raise ValueError("a spec is an object")
