"""What positions are valued at: a usable price per contract that this process has met."""

from decimal import Decimal

from hydra.risk.market_rules import reference_px
from hydra.usecases.desk import Desk


def marks_of(desk: Desk) -> dict[int, Decimal]:
    """The reference price by con_id, contracts without any price left out."""
    found = {con_id: reference_px(desk.broker.quote(con_id)) for con_id in desk.contracts}
    return {con_id: px for con_id, px in found.items() if px is not None}


def usd_per_point_of(desk: Desk) -> dict[int, Decimal]:
    """Dollars per quoted point of one lot, by con_id."""
    return {con_id: contract.usd_per_point for con_id, contract in desk.contracts.items()}
