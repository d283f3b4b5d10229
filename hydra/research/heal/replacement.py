"""Replacement by the record alone: what is usually done, kept to be measured beside what works."""

from dataclasses import dataclass

import numpy as np

from hydra.research.heal.rule import (
    DAYS_PER_YEAR,
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
    sharpe_of,
)
from hydra.research.sharpe import dsr, spa_p

WINDOWS, WINDOW_DAYS, WINS = 5, 63, 3
PERIOD = WINDOWS * WINDOW_DAYS


@dataclass(frozen=True, slots=True)
class BlindMonth:
    """Every 21 sessions the arm with the best Sharpe of the last 252 becomes champion.

    Measured (docs/healing.md): about four changes a year and half a Sharpe lost in healthy worlds.
    """

    every: int = 21
    days: int = DAYS_PER_YEAR
    name: str = "blind_month"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        return _begin(arms)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        champion = champion_of(state)
        if evidence.session % self.every == 0 and evidence.history.shape[1] >= self.days:
            champion = sharpe_of(evidence.history[:, -self.days :]).argmax(axis=1)
        return _crowned(arms, state, champion)


@dataclass(frozen=True, slots=True)
class Windows:
    """Every 21 sessions the best arm of those that beat the champion in 3 of 5 windows of 63 sessions.

    Without any difference an arm passes with a chance of one half, and with a dozen arms one nearly always
    does: measured about eight changes a year, false or not (docs/healing.md).
    """

    every: int = 21
    name: str = "windows"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        return _begin(arms)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        champion = champion_of(state)
        if evidence.session % self.every == 0 and evidence.history.shape[1] >= PERIOD:
            best, passes, _ = _best_of_windows(evidence.history[:, -PERIOD:], champion)
            champion = np.where(passes, best, champion)
        return _crowned(arms, state, champion)


@dataclass(frozen=True, slots=True)
class Statistical:
    """3 of 5, and SPA p within a yearly alpha, and a deflated Sharpe of .95 with the true count of trials.

    Power: none that was ever seen. Measured 0 promotions, right or false, in 11,000 world-years: at a Sharpe
    of .3 to .8 daily P&L does not hold the information within years (docs/healing.md). Its numbers are
    evidence to show beside a verdict. SPA is computed only where the deflated Sharpe passes, which changes
    no outcome.
    """

    alpha_year: float = 0.05
    deflated_min: float = 0.95
    every: int = 21
    draws: int = 999
    name: str = "statistical"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        state, allocation = _begin(arms)
        return state | {one: np.zeros(arms.books) for one in ("trials", "sum", "squares")}, allocation

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        champion = champion_of(state)
        if evidence.session % self.every or evidence.history.shape[1] < PERIOD:
            return _crowned(arms, state, champion)
        recent = evidence.history[:, -PERIOD:]
        best, passes, ratios = _best_of_windows(recent, champion)
        tried = {
            "trials": state["trials"] + arms.count,
            "sum": state["sum"] + ratios.sum(axis=1),
            "squares": state["squares"] + (ratios**2).sum(axis=1),
        }
        for book in np.flatnonzero(passes):
            passes[book] = self._convinces(recent[book], int(best[book]), int(champion[book]), tried, book)
        return _crowned(arms, state | tried, np.where(passes, best, champion))

    def _convinces(self, recent: Floats, best: int, champion: int, tried: State, book: np.intp) -> bool:
        trials = float(tried["trials"][book])
        variance = float(tried["squares"][book]) / trials - (float(tried["sum"][book]) / trials) ** 2
        if deflated(recent[:, best], trials, max(variance, 0.0)) < self.deflated_min:
            return False
        better = np.delete(recent, champion, axis=1) - recent[:, [champion]]
        return spa_p(better, self.draws, seed=int(trials)) <= self.alpha_year * self.every / DAYS_PER_YEAR


def deflated(pnl: Floats, trials: float, variance: float) -> float:
    """The deflated Sharpe ratio of a daily P&L with its own skew and kurtosis; 0 for a constant one."""
    deviation = float(pnl.std())
    if deviation == 0.0:
        return 0.0
    z = (pnl - pnl.mean()) / deviation
    ratio = float(pnl.mean()) / deviation
    return dsr(ratio, pnl.size, trials, variance, float((z**3).mean()), float((z**4).mean()))


def _best_of_windows(recent: Floats, champion: Ints) -> tuple[Ints, Bools, Floats]:
    """The best arm by Sharpe of those that win enough windows, whether there is one, and all ratios."""
    books, _, count = recent.shape
    means = recent.reshape(books, WINDOWS, WINDOW_DAYS, count).mean(axis=2)
    own = np.take_along_axis(means, champion[:, None, None], axis=2)
    passing = (means > own).sum(axis=1) >= WINS
    ratios = sharpe_of(recent)
    best = np.where(passing, ratios, -np.inf).argmax(axis=1)
    return best, passing.any(axis=1), ratios


def _begin(arms: Arms) -> tuple[State, Allocation]:
    state = {"champion": arms.champion.astype(np.float64)}
    return state, _whole(arms, arms.champion, np.zeros(arms.books, dtype=np.bool_))


def _crowned(arms: Arms, state: State, champion: Ints) -> tuple[State, Allocation]:
    promoted = champion != champion_of(state)
    return state | {"champion": champion.astype(np.float64)}, _whole(arms, champion, promoted)


def _whole(arms: Arms, champion: Ints, promoted: Bools) -> Allocation:
    return Allocation(everywhere(one_hot(champion, arms.count), arms.instruments), champion, promoted)
