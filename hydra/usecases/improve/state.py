"""How healing stands, from the records alone: no bars are read and nothing is computed anew."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hydra.domain.champion import SEED_CHAMPION
from hydra.research.book import book_of
from hydra.research.reasons import Reason
from hydra.usecases.improve.cycle import Cycle
from hydra.usecases.improve.workshop import Workshop


def status_of(shop: Workshop) -> dict[str, Any]:
    """Leader, autonomy, the last book's weights, the newest plan's targets, and every change of champion."""
    champions = shop.ledger.champions
    pointer, said = champions.pointer(), champions.autonomy()
    books = shop.journal.books()
    newest = books[-1][0] if books else None
    plan = champions.plan(newest) if newest is not None else None
    return {
        "champion": pointer.champion_id if pointer is not None else SEED_CHAMPION,
        "since": pointer.from_session if pointer is not None else None,
        "predecessor": pointer.predecessor_id or None if pointer is not None else None,
        "autonomy": shop.autonomy.value.lower(),
        "autonomy_by": f"{said.by}: {said.reason}" if said is not None else "configuration",
        "rule": shop.plan.rule,
        "last_session_decided": newest,
        "sessions_decided": len(books),
        "experiments": shop.journal.trials(),
        "weights": _weights(books[-1][2]["book"]) if books else [],
        "targets": [
            {"instrument": one.symbol, "forecast": one.forecast, "stopped": one.stop}
            for one in (plan.forecasts if plan is not None else ())
        ],
        "reasons": _reasons(books[-1][2]) if books else [],
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
    }


def arms_now(cycle: Cycle) -> list[str]:
    """Models that may be promoted: the arms of the newest book but its champion."""
    return [name for name in cycle.arena.ids if name != cycle.book.champion]


def _reasons(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As they were recorded with the book; none in a book of an older build."""
    return [asdict(Reason(**one)) for one in raw.get("reasons", ())]


def _weights(text: str) -> list[dict[str, Any]]:
    book = book_of(text)
    rows: list[dict[str, Any]] = [
        {"model": arm.spec_id, "role": arm.role.value, "weight": round(arm.weight, 4)} for arm in book.arms
    ]
    return [*rows, {"model": "cash", "role": "", "weight": round(book.cash, 4)}]
