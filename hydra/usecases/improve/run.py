"""The whole cycle on one thread, as `hydra run` does it; the flow shows the same steps as tasks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from hydra.usecases.improve import cycle as steps
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.decide import Proposal, apply, heal, plan_meanwhile, proposal_of, settle
from hydra.usecases.improve.experiments import mutations_of, try_all
from hydra.usecases.improve.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Ran:
    """A cycle that came to its end; `waits` is the change that a person must approve first, if any."""

    cycle: Cycle
    waits: Proposal | None


def run_cycle(shop: Workshop, on: date, candidates: Iterable[Any] = (), approver: str = "") -> Ran:
    """Observe, diagnose, mutate, experiment, decide, apply. Run it again at any moment."""
    cycle = look(shop, on)
    try_all(shop, cycle, mutations_of(shop, cycle, candidates))
    heal(shop, cycle)
    proposal = proposal_of(shop, cycle)
    if proposal is not None and proposal.needs_person and not approver:
        plan_meanwhile(shop, cycle)
        return Ran(cycle, proposal)
    settle(shop, cycle, proposal, approver)
    apply(shop, cycle)
    return Ran(cycle, None)


def look(shop: Workshop, on: date, without: str = "") -> Cycle:
    """Observe and diagnose only, without one arm if named: nothing is tried, decided or written."""
    cycle = steps.begin(shop, on, without)
    steps.observe_all(shop, cycle)
    steps.diagnose_cycle(cycle)
    return cycle
