"""The faults of one world: how a seed draws them from the catalogue. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hydra.domain.errors import UserError, did_you_mean
from hydra.simulation.fault_kinds import FAULTS, Options

# A fault may wait for a child to enter one of these states; "" = it comes at its own moment.
AIMS: Final = (
    *("PENDING_NEW", "WORKING", "PARTIALLY_FILLED", "PENDING_CANCEL"),
    *("FILLED", "CANCELLED", "EXPIRED"),
)
# How long after the state was entered: in the same instant, on the wire, after the acknowledgement, later.
_AFTER_S: Final = (0.0, 0.0003, 0.0012, 0.01, 0.5, 4.0)
# Of the worlds that draw: with those that walk through the cells, a tenth of all are calm and half are mixed.
CALM_FRACTION: Final = 1 / 6
TOGETHER_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one world: from `at_s` on, at once or when a child enters the state it aims at."""

    kind: str
    at_s: float
    aim: str = ""
    after_s: float = 0.0
    for_s: float = 0.0
    options: Options = field(default_factory=dict)

    def __str__(self) -> str:
        when = (
            f"{self.at_s:.3f} s" if not self.aim else f"{self.aim}+{self.after_s:g} s after {self.at_s:.3f} s"
        )
        more = "".join(f" {name}={value}" for name, value in self.options.items())
        return f"{self.kind} at {when}{f' for {self.for_s:.3f} s' if self.for_s else ''}{more}"


def parse_faults(text: str) -> tuple[str, ...]:
    """The kinds that `all`, `none` or a comma-separated list name; UserError for an unknown one."""
    if text in ("all", "none"):
        return tuple(FAULTS) if text == "all" else ()
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in FAULTS:
            raise UserError("HY-802", name=name, hint=did_you_mean(name, FAULTS))
    return names


def draw_faults(rng: Random, kinds: Iterable[str], length_s: float) -> tuple[Fault, ...]:
    """The faults of one world that draws them: none in a sixth of them, else a random subset."""
    names = sorted(kinds)
    if not names:
        return ()
    luck = rng.random()
    if luck < CALM_FRACTION:
        return ()
    together = rng.randint(2, TOGETHER_MAX) if len(names) > 1 else rng.choice((1, 1, 2))
    chosen = [rng.choice(names) for _ in range(together)]
    return tuple(
        sorted((draw_fault(rng, name, length_s) for name in _compatible(chosen)), key=lambda one: one.at_s)
    )


def _compatible(names: Iterable[str]) -> list[str]:
    """At most one of the kinds that must be alone among their like."""
    kept: list[str] = []
    for name in names:
        if FAULTS[name].alone and any(FAULTS[other].alone for other in kept):
            continue
        kept.append(name)
    return kept


def draw_fault(rng: Random, name: str, length_s: float) -> Fault:
    """One fault of this kind at some moment of the session, or for some state of a child."""
    kind = FAULTS[name]
    low, high = kind.for_s
    is_aimed = rng.random() < 0.6
    return Fault(
        kind=name,
        at_s=round(rng.choice((0.0, rng.uniform(0.0, 60.0), rng.uniform(0.0, length_s))), 3),
        aim=rng.choice(AIMS) if is_aimed else "",
        after_s=rng.choice(_AFTER_S) if is_aimed else 0.0,
        for_s=round(rng.choice((low, rng.uniform(low, high), rng.uniform(low, low + (high - low) / 4))), 3),
        options=kind.draw(rng),
    )
