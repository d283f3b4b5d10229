"""What a model family is, and the registry of those that are known by name.

A family is one registered frozen dataclass whose fields are its parameters:

    @register
    @dataclass(frozen=True, slots=True)
    class Mine:
        name: ClassVar[str] = "mine"
        days: int = 20
        def fit(self, bars, train): return ""
        def forecast(self, bars, artefact): return some_array_within_two

`learns: ClassVar[bool] = True` where `fit` learns something; `needs: ClassVar[frozenset[str]]` names what of
`Bars` it cannot do without (further, other, speculators); a method `because(bars, artefact)` gives the last
bar's named contributions, their sum the score. The module is named in `healing.families`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from hydra.research.filters import Floats
from hydra.research.walk_forward import Ints


@dataclass(frozen=True, slots=True)
class Bars:
    """Completed daily bars as arrays [T]; `further`: of the next contract, `other`: of a related market.

    `speculators`: their net share of open interest by the newest CFTC report that was public at each close.
    """

    close: Floats
    volume: Floats
    further: Floats | None = None
    months_apart: float = 1.0
    other: Floats | None = None
    speculators: Floats | None = None

    def upto(self, bars: int) -> "Bars":
        """The first bars only."""

        def cut(one: Floats | None) -> Floats | None:
            return None if one is None else one[:bars]

        return replace(
            self,
            close=self.close[:bars],
            volume=self.volume[:bars],
            further=cut(self.further),
            other=cut(self.other),
            speculators=cut(self.speculators),
        )

    @property
    def has(self) -> frozenset[str]:
        """What families may need of it beside its own bars."""
        return frozenset(
            name for name in ("further", "other", "speculators") if getattr(self, name) is not None
        )


def bars_at(inputs: Mapping[str, Floats], at: int) -> Bars:
    """One market's bars from arrays [T, N]: close, volume, roll_month and speculators (NaN: not known).

    The next market is the related one; `roll_month` is what a month of holding rolls down, in points.
    """
    close = inputs["close"]
    roll, speculators = inputs["roll_month"][:, at], inputs["speculators"][:, at]
    return Bars(
        close=close[:, at],
        volume=inputs["volume"][:, at],
        further=close[:, at] - roll if np.isfinite(roll).all() else None,
        other=close[:, (at + 1) % close.shape[1]] if close.shape[1] > 1 else None,
        speculators=speculators if np.isfinite(speculators).all() else None,
    )


class Family(Protocol):
    """How forecasts are made; `fit` gives a text artefact, empty where there is nothing to learn."""

    name: ClassVar[str]

    def fit(self, bars: Bars, train: Ints) -> str:
        """What is learnt from the bars numbered `train`, as text."""

    def forecast(self, bars: Bars, artefact: str) -> Floats:
        """Within ±2 for each bar, from that bar and the past only."""


FAMILIES: dict[str, type[Family]] = {}


def needs(family: type[Any]) -> frozenset[str]:
    """What of `Bars` that family cannot do without."""
    found: frozenset[str] = getattr(family, "needs", frozenset())
    return found


Registered = TypeVar("Registered", bound=type[Any])


def register(family: Registered) -> Registered:
    """Make a family known by its name; ValueError for a name already taken."""
    if family.name in FAMILIES:
        raise ValueError(f"there is a family named {family.name} already")
    FAMILIES[family.name] = family
    return family
