"""Both books side by side, as plain values for people and scripts."""

from typing import Any

from hydra.usecases.desk import Desk
from hydra.usecases.recover import unproven_children


def statement_of(desk: Desk) -> dict[str, Any]:
    """Positions by ledger and by the latest complete snapshot, children still open, and doubts.

    A shard speaks of its own symbols: what a rival has traded it may not have booked yet.
    """
    ours, theirs = desk.ledger.positions(), desk.broker_positions
    rows: list[dict[str, object]] = [
        {
            "symbol": desk.symbol_of(con_id),
            "con_id": con_id,
            "ledger": ours.get(con_id, 0),
            "broker": theirs.get(con_id, 0),
        }
        for con_id in sorted({*ours, *theirs})
        if desk.duty.works(desk.symbol_of(con_id))
    ]
    return {
        "positions": rows,
        "equal": all(row["ledger"] == row["broker"] for row in rows),
        "live": [child.order_ref for child in desk.live_children()],
        "in_doubt": [child.order_ref for child in unproven_children(desk)],
    }
