"""The book of a session: decided by the rule, allowed by autonomy or a person, recorded once, then applied.

The record comes first and says where the champion's pointer stood; the ledger follows in one transaction. A
crash between the two leaves a record whose rerun applies it; a change by hand in between leaves it behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydra.domain.champion import Autonomy, BookPlanned, ChampionChanged, Change
from hydra.domain.errors import Unavailable
from hydra.ports import Conflict
from hydra.research.book import CHALLENGER_PRIOR_MAX, Book, Role, book_of
from hydra.research.experiment import canonical
from hydra.research.filters import Floats
from hydra.research.heal import RULES
from hydra.research.heal.rule import DAYS_PER_YEAR, YEAR
from hydra.research.healing import (
    Arena,
    Healed,
    Mind,
    begun,
    combined,
    is_challenger,
    stepped,
    with_member,
)
from hydra.research.power import sharpe_error_year, years_to_power
from hydra.research.reasons import as_traded, reasons_of
from hydra.research.roster import Member
from hydra.research.sharpe import diebold_mariano, min_track_record, sharpe_difference_p, spa_p
from hydra.usecases.improve.cycle import Cycle, stops_of
from hydra.usecases.improve.record import Decision, decision_of, decision_plain, facts_of
from hydra.usecases.improve.workshop import Workshop

CYCLE = "daily-cycle"
SPA_DRAWS = 999
PUBLISH_ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of champion that the rule wants, and the evidence a person is shown."""

    leader: str
    predecessor: str
    change: Change
    evidence: Mapping[str, float]
    needs_person: bool


def heal(shop: Workshop, cycle: Cycle) -> Healed:
    """What the rule makes of every session since the last book; as it was, where healing is locked."""
    rule = RULES[shop.plan.rule]
    if cycle.decided is not None:
        one = cycle.decided
        cycle.healed = Healed(one.book, one.book.champion, dict(one.book.moved), one.mind)
    elif cycle.mind is None or cycle.mind.rule != rule.name:
        cycle.healed = begun(rule, cycle.arena, cycle.book, cycle.panel.days[-1])
    elif shop.autonomy is Autonomy.LOCKDOWN:
        cycle.healed = Healed(cycle.book, cycle.book.champion, dict(cycle.book.moved), cycle.mind)
        cycle.notes.append("LOCKDOWN: the book stays as it is")
    else:
        cycle.healed = stepped(rule, cycle.arena, cycle.book, cycle.mind, cycle.traded)
    return cycle.healed


def proposal_of(shop: Workshop, cycle: Cycle) -> Proposal | None:
    """The change of champion the rule wants; None where there is none, or the session is decided."""
    healed = cycle.healed
    if healed is None or cycle.decided is not None or healed.leader == cycle.book.champion:
        return None
    level = shop.autonomy
    is_new = is_challenger(cycle.book, healed.leader)
    return Proposal(
        leader=healed.leader,
        predecessor=cycle.book.champion,
        change=Change.ROLLED_BACK if healed.leader == cycle.book.predecessor else Change.PROMOTED,
        evidence=evidence_of(cycle.arena, healed.leader, cycle.book.champion),
        needs_person=level is Autonomy.SUPERVISED or (level is Autonomy.SEMI and is_new),
    )


def evidence_of(arena: Arena, leader: str, champion: str) -> dict[str, float]:
    """Both arms' record of two years, the difference, its p-value, and the years it takes to know."""
    mine, other = (arena.pnl[-504:, arena.ids.index(one)] for one in (leader, champion))
    gap = _sharpe(mine - other)
    moves = bool((mine - other).std() > 0)
    record = min_track_record(_sharpe(mine) / YEAR, _sharpe(other) / YEAR) / DAYS_PER_YEAR
    return {
        "sharpe_leader": round(_sharpe(mine), 3),
        "sharpe_champion": round(_sharpe(other), 3),
        "sharpe_difference": round(gap, 3),
        "sharpe_error": round(sharpe_error_year(mine.size), 3),
        "p_value": round(spa_p((mine - other)[:, None], SPA_DRAWS, seed=1), 4),
        "p_diebold_mariano": round(diebold_mariano(mine - other).p, 4) if moves else 1.0,
        "p_sharpe": round(sharpe_difference_p(mine, other, SPA_DRAWS, seed=1), 4),
        "days": float(mine.size),
        "years_of_record": _years(record),
        "years_to_80_percent_power": _years(years_to_power(gap)),
    }


def settle(shop: Workshop, cycle: Cycle, proposal: Proposal | None, approver: str = "") -> Decision:
    """The decision of the session: with the change where nobody must be asked or a person approved it."""
    if cycle.decided is not None:
        cycle.decision = cycle.decided
        return cycle.decided
    assert cycle.healed is not None
    healed, change = cycle.healed, None
    if proposal is not None and (approver or not proposal.needs_person):
        change = proposal.change
    elif proposal is not None:
        healed = _held_back(cycle, healed)
        cycle.notes.append(f"{proposal.leader} was not made champion: nobody approved it")
    elif shop.ledger.champions.pointer() is None:
        change = Change.BEGUN
    book, mind, members = healed.book, healed.mind, cycle.members
    if shop.autonomy is not Autonomy.LOCKDOWN:
        book, mind, members = _admitted(shop, cycle, book, mind)
    cycle.decision = replace(
        planned(cycle, healed.book, mind, approver or CYCLE),
        book=book,
        members=members,
        change=change,
        predecessor=cycle.book.champion if change in (Change.PROMOTED, Change.ROLLED_BACK) else "",
        evidence=canonical(dict(proposal.evidence)) if proposal and change else "{}",
        reasons=reasons_of(cycle.arena, healed.book),
    )
    return cycle.decision


def planned(cycle: Cycle, book: Book, mind: Mind, by: str) -> Decision:
    """The same champion and that book, on today's forecasts and stops."""
    return Decision(
        on=cycle.on,
        book=book,
        members=cycle.members,
        mind=mind,
        forecasts=combined(cycle.arena, book),
        hashes=dict(zip(cycle.panel.symbols, cycle.panel.hashes, strict=True)),
        stops=stops_of(cycle),
        pointer_seq=cycle.pointer_seq,
        change=None,
        predecessor="",
        evidence="{}",
        by=by,
    )


def apply(shop: Workshop, cycle: Cycle) -> Decision:
    """Record the decision, then tell the ledger; of two runners one records, both apply the same."""
    assert cycle.decision is not None
    if cycle.decided is None:
        at = shop.clock.now().isoformat()
        payload = decision_plain(shop, cycle.decision)
        shop.journal.record_book(cycle.on, cycle.decision.book.champion, payload, at)
        found = shop.journal.book(cycle.on)
        assert found is not None
        cycle.decision = cycle.decided = decision_of(shop, cycle.on, found[1])
    publish(shop, cycle.decision)
    cycle.overruled = _overruled(shop, cycle.decision)
    if cycle.overruled:
        cycle.decision = _as_it_stands(shop, cycle.decision)
    return cycle.decision


def _overruled(shop: Workshop, decision: Decision) -> str:
    """What a person changed since this was decided, in words; empty where nothing was."""
    pointer = shop.ledger.champions.pointer()
    if pointer is not None and pointer.champion_id != decision.book.champion:
        return f"{pointer.champion_id} leads, by {pointer.by}'s word since: its plan stands"
    later = [one for seq, one in shop.ledger.champions.retired() if seq > decision.pointer_seq]
    gone = "; ".join(f"{one.model_id} is out of the book, by {one.by}'s word since" for one in later)
    return f"{gone}: the plan without it stands" if gone else ""


def _as_it_stands(shop: Workshop, decision: Decision) -> Decision:
    """What the session trades by the plan a person made since, to be shown; the record stays as it is."""
    plan = shop.ledger.champions.plan(decision.on)
    if plan is None:
        return decision
    book = book_of(shop.registry.text(plan.book_sha256))
    return replace(
        decision,
        book=book,
        forecasts={one.symbol: float(one.forecast) for one in plan.forecasts},
        stops={one.symbol: one.stop for one in plan.forecasts if one.stop},
        reasons=as_traded(decision.reasons, book),
    )


def publish(shop: Workshop, decision: Decision) -> bool:
    """What follows from a recorded decision, unless it is there already or a person came later."""
    facts = facts_of(shop, decision)
    problem = ""
    for _ in range(PUBLISH_ATTEMPTS_MAX):
        seq = shop.ledger.champions.seq()
        missing = _still_missing(shop, decision, facts, seq)
        if not missing:
            return False
        outcome = shop.ledger.change_champion(seq, missing)
        if not isinstance(outcome, Conflict):
            return True
        problem = outcome.reason
    raise Unavailable("HY-406", where="the champion's stream", problem=f"{problem}; run it again")


def _still_missing(
    shop: Workshop, decision: Decision, facts: Sequence[ChampionChanged | BookPlanned], seq: int
) -> Sequence[ChampionChanged | BookPlanned]:
    """All of it where the pointer stands as it did; the plan alone where the change was made without it."""
    if seq == decision.pointer_seq:
        return facts
    pointer, plan = shop.ledger.champions.pointer(), shop.ledger.champions.plan(decision.on)
    was_made = seq == decision.pointer_seq + 1 and decision.change is not None and pointer is not None
    if was_made and pointer is not None and pointer.champion_id == decision.book.champion and plan is None:
        return facts[1:]
    return ()


def plan_meanwhile(shop: Workshop, cycle: Cycle) -> None:
    """While a person is asked, trading goes on with the book as it was, on today's forecasts and stops."""
    if cycle.decided is not None or shop.ledger.champions.plan(cycle.on) is not None:
        return
    assert cycle.healed is not None
    publish(shop, planned(cycle, cycle.book, cycle.mind or cycle.healed.mind, CYCLE))


def _held_back(cycle: Cycle, healed: Healed) -> Healed:
    """Without a yes: the book as it was, and a rule that still takes the old champion for its leader."""
    index = float(cycle.arena.ids.index(cycle.book.champion))
    state = dict(healed.mind.state)
    if "champion" in state:
        state["champion"] = np.full_like(state["champion"], index)
    return Healed(cycle.book, cycle.book.champion, dict(cycle.book.moved), replace(healed.mind, state=state))


def _admitted(shop: Workshop, cycle: Cycle, book: Book, mind: Mind) -> tuple[Book, Mind, tuple[Member, ...]]:
    """The best of today's passed candidates enter at a prior of .05, as long as there is room for them."""
    members = cycle.members
    passed = sorted(cycle.walked.values(), key=lambda one: -(one[1].fitness or 0.0))
    for member, _ in passed:
        room = shop.plan.challengers_max - sum(arm.role is Role.CHALLENGER for arm in book.arms)
        if room <= 0 or member.model_id in {one.model_id for one in members}:
            continue
        book = book.admitted(member.model_id)
        mind = with_member(mind, CHALLENGER_PRIOR_MAX)
        members = (*members, member)
        cycle.notes.append(f"{member.model_id} enters at a prior of {CHALLENGER_PRIOR_MAX}")
    return book, mind, members


def _years(value: float) -> float:
    """For JSON, which has no infinity."""
    return round(value, 1) if np.isfinite(value) else 9999.0


def _sharpe(pnl: Floats) -> float:
    spread = float(pnl.std(ddof=1)) if pnl.size > 1 else 0.0
    return float(pnl.mean()) / spread * YEAR if spread > 0 else 0.0
