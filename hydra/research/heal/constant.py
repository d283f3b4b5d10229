"""The two rules without eyes, beside which every other is judged."""

from dataclasses import dataclass

import numpy as np

from hydra.research.heal.rule import Allocation, Arms, Evidence, State, everywhere, one_hot


@dataclass(frozen=True, slots=True)
class Constant:
    """The champion at a fixed size for ever: `never` at 1, `const75` at .75.

    Power: none, by construction. What a smaller size seems to recover after a break is the yardstick for
    insurance, which is smaller, too, but only when it looks ill.
    """

    size: float = 1.0

    @property
    def name(self) -> str:
        return "never" if self.size == 1.0 else f"const{round(100 * self.size)}"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        return {}, self._allocation(arms)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        return state, self._allocation(arms)

    def _allocation(self, arms: Arms) -> Allocation:
        weights = everywhere(self.size * one_hot(arms.champion, arms.count), arms.instruments)
        return Allocation(weights, arms.champion, np.zeros(arms.books, dtype=np.bool_))
