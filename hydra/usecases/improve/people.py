"""What a person decides of the book: who leads, who goes; with the next plan, in one transaction."""

from dataclasses import replace

from hydra.domain.champion import ArmRetired, Change
from hydra.domain.errors import Unavailable
from hydra.ports import Conflict
from hydra.research.experiment import canonical
from hydra.research.heal import RULES
from hydra.research.healing import begun
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.decide import evidence_of, planned, publish
from hydra.usecases.improve.record import Decision, known_sha256, leader_of, plan_of
from hydra.usecases.improve.workshop import Workshop


def by_hand(shop: Workshop, cycle: Cycle, model_id: str, change: Change, by: str, reason: str) -> Decision:
    """Another champion by a person's word, and the next session's plan with it, in one transaction.

    The rule begins anew with this champion; the next cycle goes on from there. A champion that could not be
    asked stays an arm of the record: it has to be mended or retired next.
    """
    old = leader_of(shop)
    arena = cycle.arena
    evidence = evidence_of(arena, model_id, old) if old in arena.ids else {}
    healed = begun(RULES[shop.plan.rule], arena, cycle.book.promoted(model_id), cycle.panel.days[-1])
    decision = replace(
        planned(cycle, healed.book, healed.mind, by),
        change=change,
        predecessor=old,
        evidence=canonical({**evidence, "reason": reason}),
    )
    if not publish(shop, decision):
        problem = "another change of champion came first; look at `hydra status`"
        raise Unavailable("HY-406", where="the champion's stream", problem=problem)
    return decision


def retire(shop: Workshop, cycle: Cycle, model_id: str, by: str, reason: str) -> Decision:
    """An arm out of the book by a person's word, and the next session's plan without it, in one transaction.

    The cycle was begun without the arm. Its weight is cash until the rule divides it anew. The rule
    forgets nothing of the others; it begins anew where a person changed the champion since it last spoke.
    """
    book, mind = cycle.book, cycle.mind
    if mind is None:
        healed = begun(RULES[shop.plan.rule], cycle.arena, book, cycle.panel.days[-1])
        book, mind = healed.book, healed.mind
    decision = planned(cycle, book, mind, by)
    retired = ArmRetired(model_id, known_sha256(shop, model_id) or "", cycle.on, reason, by)
    outcome = shop.ledger.change_champion(cycle.pointer_seq, [retired, plan_of(shop, decision)])
    if isinstance(outcome, Conflict):
        problem = f"{outcome.reason}; look at `hydra status`"
        raise Unavailable("HY-406", where="the champion's stream", problem=problem)
    return decision
