"""How healing stands, from the records alone: no bars are read and nothing is computed anew."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hydra.domain.champion import ArmRetired
from hydra.research.book import Book, book_of
from hydra.research.reasons import Reason, as_traded
from hydra.research.roster import seed_book, seed_members
from hydra.usecases.improve.record import leader_of, still_in
from hydra.usecases.improve.workshop import Workshop


def status_of(shop: Workshop) -> dict[str, Any]:
    """Leader, autonomy, weights and targets of the newest session planned, and what people changed."""
    champions = shop.ledger.champions
    pointer, said = champions.pointer(), champions.autonomy()
    books = shop.journal.books()
    plan = champions.latest_plan()
    book = book_planned(shop)
    return {
        "champion": leader_of(shop),
        "since": pointer.from_session if pointer is not None else None,
        "predecessor": pointer.predecessor_id or None if pointer is not None else None,
        "autonomy": shop.autonomy.value.lower(),
        "autonomy_by": f"{said.by}: {said.reason}" if said is not None else "configuration",
        "rule": shop.plan.rule,
        "last_session_decided": books[-1][0] if books else None,
        "session_planned": plan.session_on if plan is not None else None,
        "sessions_decided": len(books),
        "experiments": shop.journal.trials(),
        "weights": _weights(book) if plan is not None else [],
        "targets": [
            {"instrument": one.symbol, "forecast": one.forecast, "stopped": one.stop}
            for one in (plan.forecasts if plan is not None else ())
        ],
        "reasons": _reasons(books[-1][2], book) if books else [],
        "changes": [
            {
                "from": one.from_session,
                "champion": one.champion_id,
                "change": one.change.value,
                "by": one.by,
                "sha256": one.sha256[:12],
            }
            for _, one in champions.history()
        ],
        "retired": [
            {"from": one.from_session, "model": one.model_id, "by": one.by, "reason": one.reason}
            for _, one in champions.retired()
        ],
    }


def book_planned(shop: Workshop) -> Book:
    """The book that the newest session planned is traded by, or the seed's before there is any.

    HY-855 where its text is not the one that was planned.
    """
    plan = shop.ledger.champions.latest_plan()
    if plan is None:
        return seed_book(seed_members(), shop.plan.envelope)
    return book_of(shop.registry.text(plan.book_sha256))


def arms_of(book: Book) -> list[str]:
    """Models that may be promoted: the arms of the book but its champion."""
    return [arm.spec_id for arm in book.arms if arm.spec_id != book.champion]


def may_retire(shop: Workshop) -> list[str]:
    """Those, and arms of the last record that are not planned with, for they cannot be asked any more."""
    book, books = book_planned(shop), shop.journal.books()
    known = arms_of(book)
    if books:
        raw = books[-1][2]
        recorded, _ = still_in(shop, book_of(raw["book"]), None, int(raw["pointer_seq"]))
        known += [arm.spec_id for arm in recorded.arms if arm.spec_id not in (*known, book.champion)]
    return known


def retired_before(shop: Workshop, model_id: str) -> ArmRetired | None:
    """How this arm was taken out of the book last."""
    earlier = [one for _, one in shop.ledger.champions.retired() if one.model_id == model_id]
    return earlier[-1] if earlier else None


def _reasons(raw: Mapping[str, Any], book: Book) -> list[dict[str, Any]]:
    """What the arms still in the book said when it was decided; none in a book of an older build."""
    said = (Reason(**one) for one in raw.get("reasons", ()))
    return [asdict(one) for one in as_traded(said, book)]


def _weights(book: Book) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"model": arm.spec_id, "role": arm.role.value, "weight": round(arm.weight, 4)} for arm in book.arms
    ]
    return [*rows, {"model": "cash", "role": "", "weight": round(book.cash, 4)}]
