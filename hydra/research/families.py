"""The seed families: rules that learn nothing, each with a reason to earn."""

from dataclasses import dataclass
from typing import ClassVar

from hydra.research import features
from hydra.research.family import Bars, register
from hydra.research.filters import Floats
from hydra.research.walk_forward import Ints


class _Rule:
    """A family that learns nothing."""

    __slots__ = ()

    def fit(self, bars: Bars, train: Ints) -> str:
        return ""


@register
@dataclass(frozen=True, slots=True)
class Trend(_Rule):
    """EWMA crossover of the normalised price; `sign` −1 trades against it."""

    name: ClassVar[str] = "trend"
    fast: float = 8
    slow: float = 32
    sign: float = 1

    def __post_init__(self) -> None:
        if not (1 <= self.fast < self.slow and abs(self.sign) == 1):
            raise ValueError(f"trend needs 1 ≤ fast < slow and a sign of ±1, not {self.fast}, {self.slow}")

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        return self.sign * features.trend(features.normalised_price(bars.close), self.fast, self.slow)


@register
@dataclass(frozen=True, slots=True)
class Breakout(_Rule):
    """Where the price stands in its range."""

    name: ClassVar[str] = "breakout"
    days: int = 80

    def __post_init__(self) -> None:
        if self.days < 4:
            raise ValueError(f"breakout needs at least 4 days, not {self.days}")

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        return features.breakout(features.normalised_price(bars.close), int(self.days))


@register
@dataclass(frozen=True, slots=True)
class Carry(_Rule):
    """The roll-down to the further contract."""

    name: ClassVar[str] = "carry"
    needs: ClassVar[frozenset[str]] = frozenset({"further"})

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        if bars.further is None:
            raise ValueError("carry needs the closes of a further contract")
        return features.carry(bars.close, bars.further, bars.months_apart)


@register
@dataclass(frozen=True, slots=True)
class MeanReversion(_Rule):
    """Against the distance from the average."""

    name: ClassVar[str] = "mean_reversion"
    span: float = 10

    def __post_init__(self) -> None:
        if not self.span > 1:
            raise ValueError(f"mean_reversion needs a span above 1, not {self.span}")

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        return features.mean_reversion(features.normalised_price(bars.close), self.span)


@register
@dataclass(frozen=True, slots=True)
class Pairs(_Rule):
    """Against the gap to a related market; trade the other leg with the opposite sign."""

    name: ClassVar[str] = "pairs"
    needs: ClassVar[frozenset[str]] = frozenset({"other"})
    span: float = 40

    def __post_init__(self) -> None:
        if not self.span > 1:
            raise ValueError(f"pairs needs a span above 1, not {self.span}")

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        if bars.other is None:
            raise ValueError("pairs needs the closes of a related market")
        own, other = features.normalised_price(bars.close), features.normalised_price(bars.other)
        return features.pair_spread(own, other, self.span)


@register
@dataclass(frozen=True, slots=True)
class Positioning(_Rule):
    """With the speculators: they are paid for the risk that hedgers lay off; `sign` −1 against the crowd."""

    name: ClassVar[str] = "positioning"
    needs: ClassVar[frozenset[str]] = frozenset({"speculators"})
    span: float = 250
    sign: float = 1

    def __post_init__(self) -> None:
        if not (self.span > 1 and abs(self.sign) == 1):
            raise ValueError(f"positioning needs a span above 1 and a sign of ±1, not {self.span}")

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        if bars.speculators is None:
            raise ValueError("positioning needs CFTC weeks: `hydra bars cot import`")
        return self.sign * features.positioning(bars.speculators, self.span)


SEEDS = (Trend, Breakout, Carry, MeanReversion, Pairs, Positioning)
