"""Insurance and slow replacement in one: weights by Bayes over arms that may take over at any time."""

from dataclasses import dataclass

import numpy as np

from hydra.research.heal.rule import (
    YEAR,
    Allocation,
    Arms,
    Bools,
    Evidence,
    Floats,
    Ints,
    State,
    champion_of,
    everywhere,
    one_hot,
)

PNL_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """Each arm claims a yearly Sharpe of `claim` and is believed by what it earned.

    The switching prior (once in 1 / `switching` days) keeps `on_leader` of its mass on the champion: spread
    over all arms it drifts, and what looks cheap over three years is dear over ten. The champion is traded
    whole from a weight of `theta` on; that dead zone is what makes it cheap. An arm with over half of the
    traded weight for `sessions` sessions becomes champion; roll-back is the same rule reversed.
    Measured power (docs/healing.md): `strong` (.5, .6) recovers about a quarter of a flipped or dead edge
    within two years and hardly anything where the lookback moves, for .05 Sharpe in healthy worlds over
    three years and .03 over ten; `mild` (.7, .6) half of it for a third. After a flip the right arm leads in
    9 of 100 worlds by then (`mild`: 7), where the lookback moves in 2 (0).
    """

    name: str = "strong"
    on_leader: float = 0.5
    theta: float = 0.6
    claim: float = 1.0
    switching: float = 1 / 500
    sessions: int = 5

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        champion = arms.champion
        state = {
            "weights": self._pull(arms, champion),
            "champion": champion.astype(np.float64),
            "holder": np.full(arms.books, -1.0),
            "held": np.zeros(arms.books),
        }
        return state, self._allocation(arms, state, np.zeros(arms.books, dtype=np.bool_))

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        weights = self._believed(arms, state, evidence)
        champion = champion_of(state)
        held_by, held = self._holders(weights, champion, state)
        promoted = held >= self.sessions
        after = {
            "weights": weights,
            "champion": np.where(promoted, held_by, champion).astype(np.float64),
            "holder": np.where(promoted, -1, held_by).astype(np.float64),
            "held": np.where(promoted, 0.0, held),
        }
        return after, self._allocation(arms, after, promoted)

    def _pull(self, arms: Arms, champion: Ints) -> Floats:
        return (1 - self.on_leader) * arms.prior + self.on_leader * one_hot(champion, arms.count + 1)

    def _believed(self, arms: Arms, state: State, evidence: Evidence) -> Floats:
        claim = self.claim / YEAR
        pnl = np.clip(evidence.pnl, -PNL_MAX, PNL_MAX)
        likelihood = np.ones_like(state["weights"])
        likelihood[:, :-1] = np.exp(claim * pnl - claim**2 * evidence.variance / 2)
        weights = state["weights"] * likelihood
        weights /= weights.sum(axis=1, keepdims=True)
        pulled = self._pull(arms, champion_of(state))
        return (1 - self.switching) * weights + self.switching * pulled

    def _traded(self, weights: Floats, champion: Ints) -> Floats:
        """[W, K + 1]: the leader whole from `theta` on, the rest in proportion over the others and cash."""
        rows = np.arange(champion.size)
        lead = np.minimum(1.0, weights[rows, champion] / self.theta)
        others = weights.copy()
        others[rows, champion] = 0.0
        total = others.sum(axis=1)
        share = np.divide(1.0 - lead, total, out=np.zeros_like(total), where=total > 0)
        others *= share[:, None]
        others[rows, champion] = lead
        return others

    def _holders(self, weights: Floats, champion: Ints, state: State) -> tuple[Ints, Floats]:
        """Who but the champion holds over half of what is traded, and for how many sessions; -1 for none."""
        traded = self._traded(weights, champion)[:, :-1]
        most = traded.argmax(axis=1)
        holds = (traded[np.arange(most.size), most] > 0.5) & (most != champion)
        holder = np.where(holds, most, -1)
        held = np.where(holds, np.where(holder == state["holder"], state["held"] + 1, 1.0), 0.0)
        return holder, held

    def _allocation(self, arms: Arms, state: State, promoted: Bools) -> Allocation:
        champion = champion_of(state)
        traded = self._traded(state["weights"], champion)[:, :-1]
        return Allocation(everywhere(traded, arms.instruments), champion, promoted)


STRONG = Posterior("strong", 0.5, 0.6)
MILD = Posterior("mild", 0.7, 0.6)
BMA = Posterior("bma", 0.5, 1.0)
