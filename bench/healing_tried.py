"""What was tried to beat drawdown halving and posterior weights, in the same worlds as the bench of healing.

    python bench/healing_tried.py [--worlds 300] [--seed 7] [--json FILE]

Rules that are not offered by the project live here: a filter of three states, alive, dead and turned, with
normal or Student likelihoods, and a stop with a second stage that trades the reverse.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.healing import measure
from bench.healing_worlds import TRENDS, Design
from hydra.research.heal import RULES, Allocation, Arms, DrawdownStop, Evidence, Insured, Posterior, State
from hydra.research.heal.posterior import MILD, STRONG
from hydra.research.heal.rule import YEAR, everywhere


@dataclass(frozen=True, slots=True)
class ThreeStates:
    """Bayes over alive, dead and turned; out below `low` of belief in alive, in again above `high`.

    `freedom` 0 takes P&L as normal, else as Student's with so many degrees: a heavy day says less.
    """

    claim: float
    low: float
    high: float
    freedom: float = 0.0
    switching: float = 1 / 500
    turned: float = 0.4
    name: str = "three states"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        beliefs = np.tile([0.95, 0.05 * (1 - self.turned), 0.05 * self.turned], (arms.books, 1))
        state = {"beliefs": beliefs, "out": np.zeros(arms.books)}
        return state, self._allocation(arms, state)

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        rows = np.arange(arms.books)
        pnl, variance = evidence.pnl[rows, arms.champion], evidence.variance[rows, arms.champion]
        means = np.array([1.0, 0.0, -1.0]) * self.claim / YEAR * variance[:, None]
        beliefs = state["beliefs"] * self._likelihood(
            pnl[:, None], means, np.maximum(variance, 1e-3)[:, None]
        )
        beliefs /= beliefs.sum(axis=1, keepdims=True)
        stays, breaks, mends = 1 - self.switching, self.switching, self.switching / 4
        there = np.array([1 - self.turned, self.turned])
        alive, broken = beliefs[:, :1], beliefs[:, 1:]
        after = np.hstack(
            (
                alive * stays + broken.sum(axis=1, keepdims=True) * mends,
                broken * (1 - mends) + alive * breaks * there,
            )
        )
        out = np.where(after[:, 0] < self.low, 1.0, np.where(after[:, 0] > self.high, 0.0, state["out"]))
        state = {"beliefs": after, "out": out}
        return state, self._allocation(arms, state)

    def _likelihood(self, pnl: np.ndarray, means: np.ndarray, variance: np.ndarray) -> np.ndarray:
        if self.freedom == 0.0:
            return np.exp(-((pnl - means) ** 2 - pnl**2) / (2 * variance))
        scale = self.freedom * variance * (self.freedom - 2) / self.freedom
        heavy = np.log1p((pnl - means) ** 2 / scale) - np.log1p(pnl**2 / scale)
        return np.exp(-(self.freedom + 1) / 2 * heavy)

    def _allocation(self, arms: Arms, state: State) -> Allocation:
        return _sized(arms, np.where(state["out"] > 0, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Reversing:
    """A stop that trades the reverse below `reverses` until `resumes`: replacement by drawdown."""

    stop: DrawdownStop
    reverses: float
    resumes: float
    name: str = "reversing"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        state, allocation = self.stop.begin(arms)
        return state | {"turned": np.zeros(arms.books), "held": np.zeros(arms.books)}, allocation

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        stopped, _ = self.stop.step(arms, {key: state[key] for key in ("depth", "reduced")}, evidence)
        depth = stopped["depth"]
        turned = np.where(depth > self.reverses, 1.0, np.where(depth < self.resumes, 0.0, state["turned"]))
        held = np.where(turned > 0, state["held"] + 1, 0.0)
        size = np.where(turned > 0, -1.0, np.where(stopped["reduced"] > 0, self.stop.reduced, 1.0))
        return stopped | {"turned": turned, "held": held}, _sized(arms, size, held == 5)


def _sized(arms: Arms, size: np.ndarray, promoted: np.ndarray | None = None) -> Allocation:
    """The champion at this size, below zero its reverse."""
    rows = np.arange(arms.books)
    weights = np.zeros((arms.books, arms.count))
    weights[rows, arms.champion] = np.maximum(size, 0.0)
    weights[rows, arms.champion + TRENDS] = np.maximum(-size, 0.0)
    none = np.zeros(arms.books, dtype=np.bool_)
    return Allocation(
        everywhere(weights, arms.instruments), arms.champion, none if promoted is None else promoted
    )


def stop(trips: float, back: float, size: float, **more: float | bool) -> DrawdownStop:
    return DrawdownStop(trips, back, size, **more)


LEAKS = {"forgets": 1 / 1000, "day_most": 4.0}
TRIED = {
    "never": RULES["never"],
    "halving (1, .5, .5) on the book": stop(1, 0.5, 0.5, of_shadow=False),
    "halving on the champion: `ddstop`": stop(1, 0.5, 0.5),
    "(1.5, 1, .5)": stop(1.5, 1, 0.5),
    "(1.5, 1, .25)": stop(1.5, 1, 0.25),
    "(1.5, 1, 0)": stop(1.5, 1, 0.0),
    "(2, 1.5, 0)": stop(2, 1.5, 0.0),
    "(1.5, 1.2, 0), forgets: `shadowstop`": stop(1.5, 1.2, 0.0, **LEAKS),
    "(1.3, .7, 0), forgets faster": stop(1.3, 0.7, 0.0, forgets=1 / 700, day_most=3.0),
    "(1.65, 1.4, 0), reverse from 2.75 on": Reversing(
        stop(1.65, 1.4, 0.0, forgets=1 / 2000, day_most=3.0), 2.75, 1.65
    ),
    "posterior (1, .6): `strong`": STRONG,
    "posterior (1, .6), leader .7: `mild`": MILD,
    "posterior (1.5, .4)": Posterior(claim=1.5, theta=0.4),
    "posterior (2, .3)": Posterior(claim=2.0, theta=0.3),
    "three states, normal": ThreeStates(1.0, 0.2, 0.4),
    "three states, Student 9": ThreeStates(1.0, 0.2, 0.4, freedom=9.0),
    "mild judges, shadowstop sizes: `insured`": Insured(),
    "strong judges, shadowstop sizes": Insured(judge=STRONG),
}


def row(three: dict, ten: dict) -> list[str]:
    """Price over three and ten years, Sharpe and recovery of a flip and a death, false promotions."""
    rates = [one["null"]["false_promotions_per_year"][0] for one in (three, ten)]
    prices = [f"{one['nochange']['delta_sharpe'][0]:+.3f}" for one in (three, ten)]
    gains = [
        f"{three[one][field][0]:+.{digits}f}"
        for one in ("flip", "dies")
        for field, digits in (("delta_sharpe", 3), ("recovery", 2))
    ]
    return [*prices, *gains, f"{max(rates):.3f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    RULES.update(TRIED)
    names = tuple(TRIED)
    three = measure(
        Design(args.worlds, args.seed), ("nochange", "null", "flip", "dies"), names, args.processes
    )
    ten = measure(Design(args.worlds // 2, args.seed, years=10), ("nochange", "null"), names, args.processes)
    for name in names:
        print(f"{name:44} {' '.join(row(three[name], ten[name]))}")
    if args.json:
        facts = {"worlds": args.worlds, "seed": args.seed}
        args.json.write_text(json.dumps({"tried": {"three": three, "ten": ten}} | facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
