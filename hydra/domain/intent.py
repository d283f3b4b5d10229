"""The wish to change a position, before the risk gate has seen it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hydra.domain.quantity import Side


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """A wanted change of one position: what, which side, how many lots, and why."""

    parent_id: str
    symbol: str
    con_id: int
    side: Side
    qty: int
    target: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChildProposal:
    """One child as the planner wants it, before its own verdict."""

    order_ref: str
    parent_id: str
    symbol: str
    con_id: int
    side: Side
    qty: int
    limit_px: Decimal
    good_till: datetime
