"""Insurance by drawdown: half size while the book has lost more than it should by chance."""

import math
from dataclasses import dataclass

import numpy as np

from hydra.research.heal.rule import (
    DAYS_PER_YEAR,
    YEAR,
    Allocation,
    Arms,
    Evidence,
    State,
    everywhere,
    one_hot,
)


@dataclass(frozen=True, slots=True)
class DrawdownStop:
    """The champion at `reduced` size below a drawdown of `trips` yearly volatility targets, until `back`.

    The drawdown is that of the champion at full size, traded or not, which says sooner that it earns again;
    without `of_shadow` that of the book's own P&L, which climbs out at half speed. `expected` is a yearly
    Sharpe taken off first, so that earning nothing is already a loss; a day counts as `day_most` daily
    targets at most, and the drawdown `forgets` this share of itself a day, so that an old wound heals in a
    market that stands still. It never promotes.
    Measured power (docs/healing.md): `ddstop` recovers a third of a flipped edge and nearly half of a dead
    one within two years, for .06 Sharpe in healthy worlds; `shadowstop` a quarter of a flip and less of a
    death for .03, over ten years, too.
    """

    trips: float = 1.0
    back: float = 0.5
    reduced: float = 0.5
    of_shadow: bool = True
    expected: float = 0.0
    forgets: float = 0.0
    day_most: float = math.inf
    name: str = "ddstop"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        state = {one: np.zeros(arms.books) for one in ("depth", "reduced")}
        return state, self.allocation(arms, state)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        own = evidence.pnl[np.arange(arms.books), arms.champion] if self.of_shadow else evidence.book_pnl
        lost = self.expected / DAYS_PER_YEAR - np.clip(own, -self.day_most, self.day_most) / YEAR
        # a drawdown is a CUSUM of losses: it needs neither equity nor peak
        depth = np.maximum(0.0, (1.0 - self.forgets) * state["depth"] + lost)
        reduced = np.where(depth > self.trips, 1.0, np.where(depth < self.back, 0.0, state["reduced"]))
        after = {"depth": depth, "reduced": reduced}
        return after, self.allocation(arms, after)

    def allocation(self, arms: Arms, state: State) -> Allocation:
        size = np.where(state["reduced"] > 0, self.reduced, 1.0)
        weights = everywhere(size[:, None] * one_hot(arms.champion, arms.count), arms.instruments)
        return Allocation(weights, arms.champion, np.zeros(arms.books, dtype=np.bool_))


SHADOW_STOP = DrawdownStop(
    trips=1.5, back=1.2, reduced=0.0, forgets=1 / 1000, day_most=4.0, name="shadowstop"
)
"""Out later, wholly, and back sooner: cheaper than halving over three years, for as much of a flip."""
