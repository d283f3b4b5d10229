"""Healing rules, exchangeable: each a `Rule`, all measured side by side by bench/healing.py."""

from hydra.research.heal.constant import Constant
from hydra.research.heal.cost import CostChannel
from hydra.research.heal.drawdown import SHADOW_STOP, DrawdownStop
from hydra.research.heal.insured import Insured
from hydra.research.heal.posterior import BMA, MILD, STRONG, Posterior
from hydra.research.heal.replacement import BlindMonth, Statistical, Windows
from hydra.research.heal.rule import Allocation, Arms, Evidence, Rule, State

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Constant(),
        Constant(0.75),
        BlindMonth(),
        Windows(),
        Statistical(),
        DrawdownStop(),
        CostChannel(),
        CostChannel(STRONG),
        CostChannel(MILD),
        CostChannel(SHADOW_STOP),
        CostChannel(Insured()),
        BMA,
    )
}

__all__ = [
    "RULES",
    "Allocation",
    "Arms",
    "BlindMonth",
    "Constant",
    "CostChannel",
    "DrawdownStop",
    "Evidence",
    "Insured",
    "Posterior",
    "Rule",
    "State",
    "Statistical",
    "Windows",
]
