"""Insurance by drawdown: half size while the book has lost more than it should by chance."""

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
    Sharpe taken off first, so that earning nothing is already a loss. It never promotes. Measured power in
    docs/healing.md: insures a flip about as well as posterior weights do, for .06 Sharpe in healthy worlds.
    """

    trips: float = 1.0
    back: float = 0.5
    reduced: float = 0.5
    of_shadow: bool = True
    expected: float = 0.0
    name: str = "ddstop"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        state = {one: np.zeros(arms.books) for one in ("equity", "peak", "reduced")}
        return state, self._allocation(arms, state)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        own = evidence.pnl[np.arange(arms.books), arms.champion] if self.of_shadow else evidence.book_pnl
        equity = state["equity"] + own / YEAR - self.expected / DAYS_PER_YEAR
        peak = np.maximum(state["peak"], equity)
        depth = peak - equity
        reduced = np.where(depth > self.trips, 1.0, np.where(depth < self.back, 0.0, state["reduced"]))
        after = {"equity": equity, "peak": peak, "reduced": reduced}
        return after, self._allocation(arms, after)

    def _allocation(self, arms: Arms, state: State) -> Allocation:
        size = np.where(state["reduced"] > 0, self.reduced, 1.0)
        weights = everywhere(size[:, None] * one_hot(arms.champion, arms.count), arms.instruments)
        return Allocation(weights, arms.champion, np.zeros(arms.books, dtype=np.bool_))


SHADOW_STOP = DrawdownStop(trips=1.5, back=1.0, reduced=0.25, name="shadowstop")
"""A quarter of the size, later and shorter: cheaper in healthy worlds than halving, and it insures more."""
