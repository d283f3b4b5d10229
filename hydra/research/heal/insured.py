"""Insurance and replacement apart: a stop decides how much is traded, beliefs decide of which arm."""

from dataclasses import dataclass, field, replace

import numpy as np

from hydra.research.heal.drawdown import SHADOW_STOP, DrawdownStop
from hydra.research.heal.posterior import MILD, Posterior
from hydra.research.heal.rule import Allocation, Arms, Evidence, State, champion_of


@dataclass(frozen=True, slots=True)
class Insured:
    """The champion whole or, while its drawdown is too deep, stopped; who is champion the posterior says.

    The beliefs are kept as if they were traded, so an arm with over half of their weight for five sessions
    becomes champion, and roll-back is the same rule reversed; a new champion begins without a drawdown.
    Measured power (docs/healing.md): recovers about a quarter of a flipped edge within two years, and the
    reverse leads in 7 of 100 worlds by then, for .03 Sharpe in healthy worlds over three years and over ten;
    little of a dead edge.
    """

    judge: Posterior = field(default_factory=lambda: MILD)
    stop: DrawdownStop = field(default_factory=lambda: SHADOW_STOP)
    name: str = "insured"

    def begin(self, arms: Arms) -> tuple[State, Allocation]:
        beliefs, _ = self.judge.begin(arms)
        stopped, allocation = self.stop.begin(arms)
        return _joined(beliefs, stopped), allocation

    def step(self, arms: Arms, state: State, evidence: Evidence) -> tuple[State, Allocation]:
        beliefs = {key: value for key, value in state.items() if not key.startswith("stop.")}
        stopped = {key.removeprefix("stop."): value for key, value in state.items() if key not in beliefs}
        held = replace(arms, champion=champion_of(beliefs))
        stopped, _ = self.stop.step(held, stopped, evidence)
        beliefs, judged = self.judge.step(arms, beliefs, evidence)
        stopped = {key: np.where(judged.promoted, 0.0, value) for key, value in stopped.items()}
        allocation = self.stop.allocation(replace(arms, champion=judged.champion), stopped)
        return _joined(beliefs, stopped), replace(allocation, promoted=judged.promoted)


def _joined(beliefs: State, stopped: State) -> State:
    return beliefs | {f"stop.{key}": value for key, value in stopped.items()}
