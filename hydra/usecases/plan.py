"""Planning a session: what is sized once, judged by the gate, and opened with absolute times.

`SessionPlanned` is written once per (session, symbol): a rerun reads it and never sizes again (law 6), for
the broker's positions lag and sizing twice trades twice.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from hydra.domain.champion import BY_HAND
from hydra.domain.contract import Contract
from hydra.domain.errors import UserError
from hydra.domain.events import IntentDenied, ParentOpened, SessionPlanned
from hydra.domain.ids import is_own_ref, parent_id, parent_of
from hydra.domain.intent import OrderIntent
from hydra.domain.market import DailyBar
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import side_of
from hydra.execution.plan import choose_algo, plan_slices
from hydra.ports import Conflict
from hydra.research.strategy import BARS_NEEDED, REGISTRY, Strategy, adv_lots, bars_hash, sigma_day
from hydra.risk.gate import check_intent
from hydra.risk.market_rules import reference_px
from hydra.risk.view import Denied
from hydra.usecases.book_target import Wanted, book_target
from hydra.usecases.desk import Desk, append, keep
from hydra.usecases.trade import entry_view

# How long before its session's date an order of that session may have traded at the earliest.
REFERENCES_LIVE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a person or a schedule asks for; `targets` by hand, or a strategy named, replace the book's."""

    session_on: date
    symbols: tuple[str, ...]
    targets: Mapping[str, int] | None = None
    amend_by: str = ""
    strategy: str = ""
    vol_target_year: Decimal = Decimal("0.10")
    position_fraction: Decimal = Decimal("0.15")
    adv_fraction: Decimal = Decimal("0.02")
    horizon_s: float | None = None


@dataclass(frozen=True, slots=True)
class SymbolDenied:
    """A symbol that is not traded in this session, and every reason."""

    symbol: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A symbol whose contract, quote and bars are at hand."""

    symbol: str
    contract: Contract
    bars: tuple[DailyBar, ...]


@dataclass(slots=True)
class SessionState:
    """What a session has found out so far; the tasks of a flow hand it on."""

    request: SessionRequest
    denied: list[SymbolDenied] = field(default_factory=list)
    prepared: dict[str, Prepared] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)


def open_parents(desk: Desk, state: SessionState) -> None:
    """Size what was never sized, judge what may be judged, and open the approved parents."""
    size_parents(desk, state)
    judge_parents(desk, state)


def size_parents(desk: Desk, state: SessionState) -> None:
    """The plan of every prepared symbol: the one on record, else a new one."""
    for prepared in state.prepared.values():
        parent = _planned(desk, state.request, prepared)
        if isinstance(parent, SymbolDenied):
            state.denied.append(parent)
        else:
            state.parents.append(parent.parent_id)


def judge_parents(desk: Desk, state: SessionState) -> None:
    """Every planned parent that is not yet open before the gate; what it approves is opened."""
    for planned in state.parents:
        parent = desk.parents[planned]
        symbol = parent.plan.symbol
        if parent.opened is None and parent.plan.target != parent.plan.position:
            parent = _judge(desk, state.request, parent, state.prepared[symbol])
        if parent.denied is not None:
            state.denied.append(SymbolDenied(symbol, parent.denied.reasons))


def check_request(desk: Desk, request: SessionRequest) -> None:
    """Refuse, before anything is done, targets that contradict what the session already planned."""
    if request.strategy:
        named_strategy(request.strategy)
    for symbol, target in (request.targets or {}).items():
        planned = latest_plan(desk, request.session_on, symbol)
        if planned is not None and planned.plan.target != target and not request.amend_by:
            raise UserError(
                "HY-503", symbol=symbol, on=request.session_on, planned=planned.plan.target, given=target
            )


def bars_needed(request: SessionRequest) -> int:
    """How many daily bars a session asks for: those of the strategy named, or of any that may be asked."""
    return named_strategy(request.strategy).bars_needed if request.strategy else BARS_NEEDED


def named_strategy(name: str) -> Strategy:
    """The registered strategy, or one line that lists what exists."""
    strategy = REGISTRY.get(name)
    if strategy is None:
        raise UserError("HY-504", name=name, known=", ".join(sorted(REGISTRY)))
    return strategy


def _planned(desk: Desk, request: SessionRequest, prepared: Prepared) -> ParentOrder | SymbolDenied:
    """The plan on record, else a new one; two runners of one session make one plan between them."""
    known = latest_plan(desk, request.session_on, prepared.symbol)
    wants_amendment = (
        request.amend_by
        and known is not None
        and known.plan.target != (request.targets or {}).get(prepared.symbol, known.plan.target)
    )
    if known is not None and not wants_amendment:
        return keep(desk, known)
    if known is not None and not known.is_closed:
        return SymbolDenied(
            prepared.symbol,
            (f"NOT_TERMINAL: {known.parent_id} is {known.status}: amend it afterwards",),
        )
    n = unused_number(desk, request.session_on, prepared.symbol, 1 if known is None else number_of(known) + 1)
    plan = _size(desk, request, prepared, n)
    if isinstance(plan, SymbolDenied):
        return plan
    outcome = desk.ledger.append(plan.parent_id, 0, [plan])
    if isinstance(outcome, Conflict):
        rival = desk.ledger.load(plan.parent_id)
        if rival is None:
            return SymbolDenied(prepared.symbol, (f"NOT_PLANNED: {outcome.reason}",))
        return keep(desk, rival)
    return keep(desk, outcome)


def unused_number(desk: Desk, session_on: date, symbol: str, n: int) -> int:
    """The first number from n whose references the broker never saw: the ledger may be the younger one."""
    seen = {ref for one in desk.snapshots for ref in (*one.working_refs, *one.completed_filled)}
    since = datetime.combine(session_on, time(), tzinfo=desk.broker_zone) - REFERENCES_LIVE
    seen |= {one.order_ref for one in desk.ledger.known_executions(since).values()}
    used = {parent_of(ref) for ref in seen if is_own_ref(ref)}
    return next(free for free in itertools.count(n) if parent_id(session_on, symbol, free) not in used)


def _size(desk: Desk, request: SessionRequest, prepared: Prepared, n: int) -> SessionPlanned | SymbolDenied:
    con_id = prepared.contract.con_id
    position = desk.ledger.positions().get(con_id, 0)
    if desk.snapshots and con_id in desk.snapshots[-1].doubtful_con_ids:
        return SymbolDenied(
            prepared.symbol,
            (f"POSITION_DIFFERS: {position} lots in the ledger, not at the broker: hydra adopt",),
        )
    elsewhere = _held_elsewhere(desk, prepared)
    if elsewhere:
        return SymbolDenied(prepared.symbol, (elsewhere,))
    given = (request.targets or {}).get(prepared.symbol)
    if request.targets is not None and given is None:
        return SymbolDenied(prepared.symbol, ("NO_TARGET: not among the targets given",))
    wanted = Wanted(given, BY_HAND) if given is not None else book_target(desk, request, prepared)
    if isinstance(wanted, str):
        return SymbolDenied(prepared.symbol, (wanted,))
    return SessionPlanned(
        parent_id=parent_id(request.session_on, prepared.symbol, n),
        session_on=request.session_on,
        symbol=prepared.symbol,
        con_id=con_id,
        target=wanted.target,
        position=position,
        equity_usd=desk.account.equity_usd if desk.account else Decimal(0),
        bars_hash=bars_hash(prepared.bars),
        champion_id=wanted.champion_id,
        config_hash=desk.identity.config_hash,
        by=request.amend_by or desk.identity.approver,
    )


def _held_elsewhere(desk: Desk, prepared: Prepared) -> str:
    """A position in another expiry of the symbol: a target for this one would come on top of it."""
    symbols = desk.ledger.symbols()
    for con_id, lots in desk.ledger.positions().items():
        if con_id != prepared.contract.con_id and symbols.get(con_id) == prepared.symbol:
            return f"HELD_IN_ANOTHER_EXPIRY: {lots} lots in contract {con_id}; roll or flatten them first"
    return ""


def _judge(desk: Desk, request: SessionRequest, parent: ParentOrder, prepared: Prepared) -> ParentOrder:
    """The risk gate on the whole intent, then the plan in absolute times."""
    delta = parent.plan.target - parent.plan.position
    intent = OrderIntent(
        parent_id=parent.parent_id,
        symbol=prepared.symbol,
        con_id=prepared.contract.con_id,
        side=side_of(delta),
        qty=abs(delta),
        target=parent.plan.target,
        reason=parent.plan.champion_id,
    )
    adv = adv_lots(prepared.bars)
    verdict = check_intent(intent, entry_view(desk, prepared.contract, adv, parent), desk.limits)
    reasons = verdict.reasons if isinstance(verdict, Denied) else ()
    if desk.ledger.positions().get(intent.con_id, 0) != parent.plan.position:
        reasons = (*reasons, "POSITION_MOVED: the position is no longer the one this plan was made for")
    opened = _opening(desk, request, intent, prepared, adv)
    if isinstance(opened, str):
        reasons = (*reasons, opened)
    if reasons or isinstance(opened, str):
        return append(
            desk, parent.parent_id, [IntentDenied(parent.parent_id, intent.side, intent.qty, reasons)]
        )
    return append(desk, parent.parent_id, [opened])


def _opening(
    desk: Desk, request: SessionRequest, intent: OrderIntent, prepared: Prepared, adv: int
) -> ParentOpened | str:
    """The parent with its absolute times, or why there is no time or price for it."""
    now, contract = desk.clock.now(), prepared.contract
    interval = contract.interval_at(now)
    if interval is None:
        opens = contract.next_open_at(now)
        return f"MARKET_CLOSED: {intent.symbol} opens at {opens or 'an unknown time'}"
    quote = desk.broker.quote(contract.con_id)
    arrival = reference_px(quote)
    if quote is None or arrival is None:
        return "NO_QUOTE: no price was seen"
    grace = timedelta(seconds=desk.policy.child_grace_s)
    tail = desk.margins.before_an_end + grace
    deadline = _deadline(desk, request, now, interval.closes_at, tail)
    algo = choose_algo(intent.qty, adv, desk.policy)
    slices = plan_slices(intent.parent_id, algo, intent.qty, now, deadline - tail, desk.policy)
    if not slices:
        return f"NO_TIME: the session would end at {deadline.isoformat()}"
    return ParentOpened(
        parent_id=intent.parent_id,
        con_id=intent.con_id,
        side=intent.side,
        order_qty=intent.qty,
        algo=algo,
        start_at=now,
        deadline_at=deadline,
        slices=slices,
        arrival_px=arrival,
        spread_px=quote.spread_px if quote.spread_px is not None else contract.tick,
        adv_lots=adv,
        sigma_day=Decimal(str(round(sigma_day(prepared.bars), 8))),
        tick=contract.tick_at(arrival),
        usd_per_point=contract.usd_per_point,
    )


def _deadline(
    desk: Desk, request: SessionRequest, now: datetime, closes_at: datetime, tail: timedelta
) -> datetime:
    """The absolute end of the session: horizon, market close or maintenance, whichever comes first."""
    horizon = timedelta(seconds=request.horizon_s or desk.policy.horizon_s)
    ends = [now + horizon + tail, closes_at]
    maintenance = desk.next_maintenance(now)
    if maintenance is not None:
        ends.append(maintenance)
    return min(ends)


def latest_plan(desk: Desk, session_on: date, symbol: str) -> ParentOrder | None:
    """The newest plan of this symbol in this session."""
    plans = [one for one in desk.ledger.session(session_on) if one.plan.symbol == symbol]
    return max(plans, key=number_of) if plans else None


def number_of(parent: ParentOrder) -> int:
    """Which plan of its session and symbol this is."""
    return int(parent.parent_id.rsplit("-", 1)[1])
