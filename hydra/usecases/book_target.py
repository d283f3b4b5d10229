"""What the book wants of one instrument in a session: its plan on record, or the seed champion's own rule."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from hydra.domain.champion import NO_BOOK, SEED_CHAMPION, BookPlanned, Envelope
from hydra.domain.parent import ParentOrder
from hydra.research.strategy import REGISTRY, adv_lots, sigma_day
from hydra.risk.limits import widest_envelope
from hydra.risk.sizing import reachable_target, target_lots
from hydra.usecases.desk import Desk

if TYPE_CHECKING:
    from hydra.usecases.plan import Prepared, SessionRequest


@dataclass(frozen=True, slots=True)
class Wanted:
    """A position and who wants it."""

    target: int
    champion_id: str


@dataclass(frozen=True, slots=True)
class _Conviction:
    """A forecast, the sizing that goes with it, and the bounds of the book it is from."""

    forecast: float
    champion_id: str
    envelope: Envelope
    vol_target_year: Decimal
    position_fraction: Decimal
    adv_fraction: Decimal


def book_target(desk: Desk, request: "SessionRequest", prepared: "Prepared") -> Wanted | str:
    """The book's target position inside its envelope, or why it has none for this instrument."""
    if request.strategy:
        found: _Conviction | str = _of_strategy(desk, request, prepared, request.strategy)
    else:
        found = _of_book(desk, request, prepared)
    if isinstance(found, str):
        return found
    return Wanted(_sized(desk, prepared, found), found.champion_id)


def envelope_of(desk: Desk, parent: ParentOrder) -> Envelope | None:
    """The envelope that holds this parent; None where a person wanted it. It never changes for a parent."""
    if parent.parent_id not in desk.envelopes:
        desk.envelopes[parent.parent_id] = _envelope(desk, parent)
    return desk.envelopes[parent.parent_id]


def _envelope(desk: Desk, parent: ParentOrder) -> Envelope | None:
    if parent.plan.champion_id in NO_BOOK:
        return None
    plan = desk.ledger.champions.plan(parent.plan.session_on)
    if plan is not None and plan.champion_id == parent.plan.champion_id:
        return plan.envelope
    return widest_envelope(desk.limits)


def _of_book(desk: Desk, request: "SessionRequest", prepared: "Prepared") -> _Conviction | str:
    pointer = desk.ledger.champions.pointer()
    leader = pointer.champion_id if pointer is not None else SEED_CHAMPION
    plan = desk.ledger.champions.plan(request.session_on)
    if plan is None:
        if leader != SEED_CHAMPION:
            return f"NO_BOOK_PLAN: {leader} has no targets yet: {_again(request.session_on)}"
        return _of_strategy(desk, request, prepared, _seed_name())
    if plan.champion_id != leader or (pointer is not None and plan.sha256 != pointer.sha256):
        return f"BOOK_PLAN_STALE: of {plan.champion_id}, {leader} leads: {_again(request.session_on)}"
    desk.proven(plan.sha256)
    return _planned(plan, prepared.symbol)


def _again(on: date) -> str:
    return f"hydra run --on {on}"


def _planned(plan: BookPlanned, symbol: str) -> _Conviction | str:
    row = plan.of(symbol)
    if row is None:
        return f"NOT_IN_BOOK: the book of {plan.session_on} does not trade {symbol}"
    if row.stop:
        return f"STOPPED: {row.stop}"
    return _Conviction(
        forecast=float(row.forecast),
        champion_id=plan.champion_id,
        envelope=plan.envelope,
        vol_target_year=plan.vol_target_year,
        position_fraction=plan.position_fraction,
        adv_fraction=plan.adv_fraction,
    )


def _seed_name() -> str:
    return next(name for name, one in REGISTRY.items() if one.champion_id == SEED_CHAMPION)


def _of_strategy(desk: Desk, request: "SessionRequest", prepared: "Prepared", name: str) -> _Conviction:
    """A registered rule asked directly; flat where its data is too short."""
    strategy = REGISTRY[name]
    is_enough = len(prepared.bars) >= strategy.bars_needed
    return _Conviction(
        forecast=strategy.forecast(prepared.bars) if is_enough else 0.0,
        champion_id=strategy.champion_id,
        envelope=widest_envelope(desk.limits),
        vol_target_year=request.vol_target_year,
        position_fraction=request.position_fraction,
        adv_fraction=request.adv_fraction,
    )


def _sized(desk: Desk, prepared: "Prepared", wanted: _Conviction) -> int:
    """Lots by volatility target and caps, then within the envelope and one session's reach; 0 on no data."""
    if not prepared.bars or desk.account is None:
        return 0
    price, adv = prepared.bars[-1].close_px, adv_lots(prepared.bars)
    lots = target_lots(
        forecast=Decimal(str(round(wanted.forecast, 6))),
        equity_usd=desk.account.equity_usd,
        sigma_day=Decimal(str(sigma_day(prepared.bars))),
        price=price,
        usd_per_point=prepared.contract.usd_per_point,
        vol_target_year=wanted.vol_target_year,
        max_fraction=wanted.position_fraction,
        adv_lots=adv,
        adv_fraction=wanted.adv_fraction,
    )
    most = wanted.envelope.position_lots
    position = desk.ledger.positions().get(prepared.contract.con_id, 0)
    target = reachable_target(max(-most, min(most, lots)), position, adv, wanted.adv_fraction)
    return _affordable(target, position, price * prepared.contract.usd_per_point, wanted.envelope)


def _affordable(target: int, position: int, usd_per_lot: Decimal, envelope: Envelope) -> int:
    """The target, or as near to it as one order within the envelope's value comes; an exit is never cut."""
    move = target - position
    if usd_per_lot == 0 or (position * target >= 0 and abs(target) <= abs(position)):
        return target
    most = int(envelope.order_value_usd / abs(usd_per_lot))
    if abs(move) <= most:
        return target
    nearer = position + (most if move > 0 else -most)
    return 0 if position * nearer > 0 and position * target < 0 else nearer
