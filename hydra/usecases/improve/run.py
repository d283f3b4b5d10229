"""The whole cycle on one thread, as `hydra run` does it; the flow shows the same steps as tasks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from hydra.domain.errors import BrokenLaw, UserError
from hydra.usecases.improve import cycle as steps
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.decide import Proposal, apply, heal, plan_meanwhile, proposal_of, settle
from hydra.usecases.improve.experiments import mutations_of, try_all
from hydra.usecases.improve.record import NOBODY, Aside, leader_of
from hydra.usecases.improve.workshop import Workshop

CANNOT_BE_ASKED = frozenset({"HY-855", "HY-874"})


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


def look_at_change(shop: Workshop, on: date, leader: str) -> Cycle:
    """The same before another arm is made champion; without the one that leads now if it cannot be asked."""
    try:
        return look(shop, on)
    except (UserError, BrokenLaw) as error:
        if error.code not in CANNOT_BE_ASKED:
            raise
        return look(shop, on, Aside(leader_of(shop), leader))


def look(shop: Workshop, on: date, aside: Aside = NOBODY) -> Cycle:
    """Observe and diagnose only, without the arm aside: nothing is tried, decided or written."""
    cycle = steps.begin(shop, on, aside)
    steps.observe_all(shop, cycle)
    steps.diagnose_cycle(cycle)
    return cycle
