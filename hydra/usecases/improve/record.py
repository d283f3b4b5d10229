"""A session's decision as it is kept: one JSON object, written once; everything after it can be redone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from hydra.domain.champion import SEED_CHAMPION, BookPlanned, ChampionChanged, Change, PlannedForecast
from hydra.research.book import Book, book_of, book_text
from hydra.research.experiment import spec_id
from hydra.research.healing import CLAIM_SHARPE, Mind, mind_of, mind_plain, without_member
from hydra.research.reasons import Reason
from hydra.research.roster import Member, decimal, member_of, plain
from hydra.usecases.improve.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Decision:
    """The book of one session, who changed and why, what the rule remembers, what each market is to hold.

    `pointer_seq` is where the champion's stream stood: a rerun applies this decision only from there.
    """

    on: date
    book: Book
    members: tuple[Member, ...]
    mind: Mind
    forecasts: Mapping[str, float]
    hashes: Mapping[str, str]
    stops: Mapping[str, str]
    pointer_seq: int
    change: Change | None
    predecessor: str
    evidence: str
    by: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Aside:
    """An arm left out, for it cannot or shall not be asked; `leader` leads in its place if it led."""

    model_id: str = ""
    leader: str = ""


NOBODY = Aside()


def decision_plain(shop: Workshop, decision: Decision) -> dict[str, Any]:
    """As JSON; every arm's artefact is registered first: the record names nothing that is not there."""
    return {
        "book": book_text(decision.book),
        "members": {one.model_id: registered(shop, one) for one in decision.members},
        "mind": mind_plain(decision.mind),
        "forecasts": dict(decision.forecasts),
        "hashes": dict(decision.hashes),
        "stops": dict(decision.stops),
        "pointer_seq": decision.pointer_seq,
        "change": decision.change.value if decision.change else None,
        "predecessor": decision.predecessor,
        "evidence": decision.evidence,
        "by": decision.by,
        "reasons": [asdict(one) for one in decision.reasons],
    }


def decision_of(shop: Workshop, on: date, raw: Mapping[str, Any], aside: Aside = NOBODY) -> Decision:
    """The decision of such an object, without the arms retired since; HY-855 for another arm's artefact."""
    seq = int(raw["pointer_seq"])
    book, mind = still_in(shop, book_of(raw["book"]), mind_of(raw["mind"]), seq, aside)
    return Decision(
        on=on,
        book=book,
        members=loaded(shop, raw["members"], book),
        mind=mind or Mind("", {}, 0, on),  # of no rule: the book's rule begins anew
        forecasts=raw["forecasts"],
        hashes=raw["hashes"],
        stops=raw["stops"],
        pointer_seq=seq,
        change=Change(raw["change"]) if raw["change"] else None,
        predecessor=str(raw["predecessor"]),
        evidence=str(raw["evidence"]),
        by=str(raw["by"]),
        reasons=tuple(Reason(**one) for one in raw.get("reasons", ())),
    )


def leader_of(shop: Workshop) -> str:
    """Who leads now, by the ledger."""
    pointer = shop.ledger.champions.pointer()
    return pointer.champion_id if pointer is not None else SEED_CHAMPION


def still_in(
    shop: Workshop, book: Book, mind: Mind | None, since: int, aside: Aside = NOBODY
) -> tuple[Book, Mind | None]:
    """The book without the arm aside and those retired since the champion's stream stood at `since`.

    A cycle that was under way while a person retired the arm may have recorded it as the champion.
    """
    gone = {one.model_id for seq, one in shop.ledger.champions.retired() if seq > since} | {aside.model_id}
    if book.champion in gone:
        book, mind = book.promoted(aside.leader or leader_of(shop)), None
    for model_id in [arm.spec_id for arm in book.arms if arm.spec_id in gone]:
        at = [arm.spec_id for arm in book.arms].index(model_id)
        mind = without_member(mind, at) if mind is not None else None
        book = book.retired(model_id)
    return book, mind


def known_sha256(shop: Workshop, model_id: str) -> str | None:
    """The sha256 of the artefact kept under that name; None where none ever was."""
    return next((one.sha256 for one in shop.registry.models() if one.model_id == model_id), None)


def registered(shop: Workshop, member: Member) -> str:
    """The sha256 of the model's artefact, registered now if it never was."""
    return shop.registry.register(
        member.model_id,
        "+".join(part.family for part in member.spec.parts),
        plain(member.spec),
        member.text,
        build_id=shop.build_id,
        registered_at=shop.clock.now(),
    )


def loaded(shop: Workshop, sha256_of: Mapping[str, str], book: Book) -> tuple[Member, ...]:
    """Every arm of the book, its artefact proven."""
    return tuple(
        member_of(arm.spec_id, shop.registry.load(arm.spec_id, sha256_of[arm.spec_id])) for arm in book.arms
    )


def facts_of(shop: Workshop, decision: Decision) -> Sequence[ChampionChanged | BookPlanned]:
    """What the ledger is told of it: the plan, and before it the change of champion if there is one."""
    plan = plan_of(shop, decision)
    if decision.change is None:
        return (plan,)
    sha256_of = {one.model_id: registered(shop, one) for one in decision.members}
    change = ChampionChanged(
        champion_id=plan.champion_id,
        sha256=plan.sha256,
        book_sha256=plan.book_sha256,
        predecessor_id=decision.predecessor,
        predecessor_sha256=sha256_of.get(decision.predecessor, ""),
        change=decision.change,
        from_session=decision.on,
        evidence=decision.evidence,
        by=decision.by,
    )
    return (change, plan)


def plan_of(shop: Workshop, decision: Decision) -> BookPlanned:
    """What the execution session is to trade of it; the champion's artefact and the book's text are kept."""
    book_sha256 = shop.registry.keep(book_text(decision.book))
    leader = next(one for one in decision.members if one.model_id == decision.book.champion)
    sizing = leader.spec.sizing
    target = min(shop.plan.vol_target_year, sizing.vol_target(CLAIM_SHARPE))
    return BookPlanned(
        session_on=decision.on,
        champion_id=leader.model_id,
        sha256=registered(shop, leader),
        book_sha256=book_sha256,
        envelope=decision.book.envelope,
        vol_target_year=decimal(target / len(shop.plan.instruments) ** 0.5),
        position_fraction=decimal(min(shop.plan.position_fraction, sizing.position_fraction)),
        adv_fraction=decimal(min(shop.plan.adv_fraction, sizing.adv_fraction)),
        forecasts=tuple(
            PlannedForecast(symbol, decimal(said), decision.hashes[symbol], decision.stops.get(symbol, ""))
            for symbol, said in decision.forecasts.items()
        ),
        by=decision.by,
    )


def trial_of(member: Member) -> str:
    """The identity of the member's spec among experiments."""
    return spec_id(plain(member.spec))
