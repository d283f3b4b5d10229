"""The fewest faults of a failing world that still break the same law."""

from collections.abc import Callable
from dataclasses import replace

from hydra.simulation.run import RunOptions, WorldResult, run_world
from hydra.simulation.scenario import Scenario, scenario_of


def only(indexes: tuple[int, ...]) -> Callable[[Scenario], Scenario]:
    """A change that leaves a scenario only these of its faults."""

    def change(scenario: Scenario) -> Scenario:
        return replace(
            scenario, faults=tuple(scenario.faults[at] for at in indexes if at < len(scenario.faults))
        )

    return change


def minimise(seed: int, options: RunOptions, law: str) -> tuple[tuple[int, ...], WorldResult]:
    """The indexes of the faults that are needed, found by leaving out one after another; and that world."""
    kept = tuple(range(len(scenario_of(seed, options.kinds).faults)))
    result = run_world(seed, replace(options, change=only(kept)))
    at = 0
    while at < len(kept):
        fewer = kept[:at] + kept[at + 1 :]
        tried = run_world(seed, replace(options, change=only(fewer)))
        if any(found.law == law for found in tried.violations):
            kept, result = fewer, tried
        else:
            at += 1
    return kept, result
