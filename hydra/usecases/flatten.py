"""The emergency exit after a kill: close what the ledger holds, in REDUCING, through gate, ledger and place.

Collared limit orders at the far touch, priced anew a few times. What is left is named for closing by hand.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hydra.domain.champion import FLATTEN
from hydra.domain.errors import HydraError
from hydra.domain.events import TradingState
from hydra.domain.evidence import Report
from hydra.domain.latch import EVERYTHING
from hydra.domain.roles import Duty
from hydra.ports import Conflict
from hydra.usecases.desk import Desk
from hydra.usecases.halt import halt, set_trading_state
from hydra.usecases.legs import plan_leg, prepare_leg, work_leg
from hydra.usecases.recover import book
from hydra.usecases.session import reconcile_books, today_of

PROOF_WALL_S = 2.0
# The first two steps of the ladder are over before a child could live in them.
EXIT_PACE: Mapping[str, object] = MappingProxyType(
    {
        "ladder_s": (1e-6, 1e-6, 30.0),
        "ladder_rounds_max": 4,
        "twap_slices": 4,
        "twap_above_adv_fraction": 1.0,
        "participation_rate": 1.0,
        "horizon_s": 120.0,
    }
)
STRANGE = "the ledger does not have it"


@dataclass(frozen=True, slots=True)
class Left:
    """A position that is still open after the flatten, and why."""

    symbol: str
    con_id: int
    lots: int
    reason: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.lots:+d} (con_id {self.con_id}): {self.reason}"


async def flatten(
    desk: Desk,
    scope: str,
    *,
    by: str,
    reason: str,
    evidence: Sequence[Report] = (),
    for_all_shards: bool = False,
) -> list[Left]:
    """Work every position in scope to zero; the scope is HALTED again at the end, whatever happened.

    `evidence`: what the kill heard of the orders it cancelled, on the same client id and wall clock.
    `for_all_shards`: also what other shards hold; they must have been halted, their orders gone.
    """
    own = None if for_all_shards else desk.duty
    book(desk, evidence)
    await reconcile_books(desk)
    await _await_proofs(desk)
    set_trading_state(desk.ledger, scope, TradingState.REDUCING, f"flatten: {reason}", by)
    try:
        held = [con_id for con_id in desk.ledger.positions() if _is_meant(desk, own, scope, con_id)]
        why = dict(zip(held, await asyncio.gather(*(_close(desk, one, by) for one in held)), strict=True))
        await reconcile_books(desk)
    finally:
        set_trading_state(desk.ledger, scope, TradingState.HALTED, f"flattened: {reason}", by)
    left = _open(desk, own, scope)
    return [Left(desk.symbol_of(one), one, lots, why.get(one, STRANGE)) for one, lots in left]


def _open(desk: Desk, own: Duty | None, scope: str) -> list[tuple[int, int]]:
    """What is not flat in scope, by the broker's books where ours differ."""
    ours, theirs = desk.ledger.positions(), desk.broker_positions
    lots = {con_id: theirs.get(con_id, 0) for con_id in sorted({*ours, *theirs})}
    return [(con_id, held) for con_id, held in lots.items() if held and _is_meant(desk, own, scope, con_id)]


async def _await_proofs(desk: Desk) -> None:
    """Give the ends of the cancelled orders their proof: until then they count as exposure."""
    until = desk.clock.wall_s() + desk.policy.settle_wall_s + PROOF_WALL_S
    while desk.live_children() and desk.clock.wall_s() < until:
        await desk.changed.wait(0.1)


async def _close(desk: Desk, con_id: int, by: str) -> str:
    """Works one position to zero; returns why something of it may be left."""
    prepared = await prepare_leg(desk, con_id)
    if isinstance(prepared, str):
        return prepared
    try:
        planned = plan_leg(desk, today_of(desk), prepared, 0, FLATTEN, by)
        if isinstance(planned, Conflict):
            return planned.reason
        parent = await work_leg(desk, prepared, planned, by)
    except HydraError as problem:
        halt(desk, prepared.symbol, str(problem))
        return str(problem)
    return parent if isinstance(parent, str) else parent.reason or parent.status.value


def _is_meant(desk: Desk, own: Duty | None, scope: str, con_id: int) -> bool:
    symbol = desk.symbol_of(con_id)
    return scope in (EVERYTHING, symbol) and (own is None or own.works(symbol))
