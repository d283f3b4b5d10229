"""What a model family is, and the registry of those that are known by name.

A family is one registered frozen dataclass whose fields are its parameters:

    @register
    @dataclass(frozen=True, slots=True)
    class Mine:
        name: ClassVar[str] = "mine"
        days: int = 20
        def fit(self, bars, train): return ""
        def forecast(self, bars, artefact): return some_array_within_two

`learns: ClassVar[bool] = True` where `fit` learns something. The module is named in `healing.families`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from hydra.research.filters import Floats
from hydra.research.walk_forward import Ints


@dataclass(frozen=True, slots=True)
class Bars:
    """Completed daily bars as arrays [T]; `further`: of the next contract, `other`: of a related market."""

    close: Floats
    volume: Floats
    further: Floats | None = None
    months_apart: float = 1.0
    other: Floats | None = None

    def upto(self, bars: int) -> "Bars":
        """The first bars only."""
        further = None if self.further is None else self.further[:bars]
        other = None if self.other is None else self.other[:bars]
        return Bars(self.close[:bars], self.volume[:bars], further, self.months_apart, other)


class Family(Protocol):
    """How forecasts are made; `fit` gives a text artefact, empty where there is nothing to learn."""

    name: ClassVar[str]

    def fit(self, bars: Bars, train: Ints) -> str:
        """What is learnt from the bars numbered `train`, as text."""

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        """Within ±2 for each bar, from that bar and the past only."""


FAMILIES: dict[str, type[Family]] = {}
Registered = TypeVar("Registered", bound=type[Any])


def register(family: Registered) -> Registered:
    """Make a family known by its name; ValueError for a name already taken."""
    if family.name in FAMILIES:
        raise ValueError(f"there is a family named {family.name} already")
    FAMILIES[family.name] = family
    return family
