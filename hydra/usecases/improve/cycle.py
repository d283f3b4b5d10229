"""The daily cycle for one session: what was found so far, and its steps in order. A rerun redoes them all.

The session's book is decided once and recorded; a rerun finds the record and only makes sure that the ledger
has what follows from it. Experiments are found by their identity.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from hydra.domain.errors import UserError
from hydra.domain.parent import ParentOrder
from hydra.execution.slippage import impact_paid_px
from hydra.research.book import Book
from hydra.research.diagnose import Diagnosis, diagnose_all
from hydra.research.experiment import Experiment
from hydra.research.filters import Floats
from hydra.research.healing import Arena, Healed, Mind, arena_of
from hydra.research.hygiene import Trials
from hydra.research.impact import Calibration, calibrate
from hydra.research.observation import Observation, Track
from hydra.research.observe import observe
from hydra.research.panel import Market, Panel, expiries_of, joined, panel_of
from hydra.research.roster import Member, seed_book, seed_members
from hydra.research.series_checks import DataFinding, DataProblem
from hydra.research.track import Account, slippage_days, track_of
from hydra.usecases.improve.record import NOBODY, Aside, Decision, decision_of, leader_of, still_in
from hydra.usecases.improve.workshop import Workshop

LATE_DAYS_MAX = 5


@dataclass(slots=True)
class Cycle:
    """One session's cycle as far as it has come.

    `decided`: the session's book is on record already. `overruled`: who leads by a person's word since then.
    """

    on: date
    panel: Panel
    arena: Arena
    book: Book
    mind: Mind | None
    traded: Mapping[date, Mapping[str, float]]
    decided: Decision | None
    pointer_seq: int
    trials: Trials
    fills: Sequence[Mapping[str, object]]
    orders: Mapping[str, Sequence[ParentOrder]]
    impact: Mapping[str, Calibration]
    observations: tuple[Observation, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    experiments: list[Experiment] = field(default_factory=list)
    walked: dict[str, tuple[Member, Experiment]] = field(default_factory=dict)
    healed: Healed | None = None
    decision: Decision | None = None
    notes: list[str] = field(default_factory=list)
    overruled: str = ""

    @property
    def members(self) -> tuple[Member, ...]:
        return self.arena.members

    @property
    def champion(self) -> Member:
        return self.members[self.arena.ids.index(self.book.champion)]


def next_session(shop: Workshop) -> date:
    """The weekday after the newest bar of the book's instruments, or a later one that is decided already."""
    newest = max(found.bars[-1].on for found in markets_of(shop).values())
    after = newest + timedelta(days={4: 3, 5: 2}.get(newest.weekday(), 1))
    books = shop.journal.books()
    return max(after, books[-1][0]) if books else after


def begin(shop: Workshop, on: date, aside: Aside = NOBODY) -> Cycle:
    """Bars, the book of the last decided session or the seed's, and every arm in the shadow.

    HY-858 where a series is missing, HY-852 where one is unusable, HY-867 where a later session is decided,
    HY-855 and HY-874 where an arm cannot be asked that is not `aside`.
    """
    _refuse_the_past(shop, on)
    # before the book is read: what a person changes from here on is later than what is decided
    pointer_seq = shop.ledger.champions.seq()
    panel = panel_of(markets_of(shop), shop.plan.instruments, on)
    fills = list(shop.fills())
    slippage = slippage_days(panel.days, fills, panel.symbols)
    orders = _orders(shop, fills, panel.symbols)
    found = shop.journal.book(on)
    decided = decision_of(shop, on, found[1], aside) if found is not None else None
    last = shop.journal.last_book(on)
    before = decision_of(shop, last[0], last[2], aside) if last is not None else None
    known = decided or before
    if known is None:
        seeds = seed_members()
        book, mind = still_in(shop, seed_book(seeds, shop.plan.envelope), None, 0, aside)
        kept = {arm.spec_id for arm in book.arms}
        members = tuple(one for one in seeds if one.model_id in kept)
    else:
        members, mind = known.members, known.mind
        book = replace(known.book, envelope=shop.plan.envelope)
    return Cycle(
        on=on,
        panel=panel,
        arena=arena_of(panel, members, slippage),
        book=_as_the_ledger_has_it(shop, book, aside),
        mind=mind if leader_of(shop) == book.champion else None,
        traded={day: said["forecasts"] for day, _, said in shop.journal.books()},
        decided=decided,
        pointer_seq=pointer_seq,
        trials=_trials(shop),
        fills=fills,
        orders=orders,
        impact={symbol: calibrate(_impact_paid(orders[symbol])) for symbol in panel.symbols},
    )


def observe_all(shop: Workshop, cycle: Cycle) -> Sequence[Observation]:
    """Everything that can be seen of the champion, an observation an instrument."""
    pointer = shop.ledger.champions.pointer()
    since = pointer.from_session if pointer is not None else cycle.on
    tracks = [
        track_of(cycle.arena, cycle.book.champion, at, since, _account(shop, cycle, symbol), cycle.trials)
        for at, symbol in enumerate(cycle.panel.symbols)
    ]
    timely = [replace(one, data_findings=(*one.data_findings, *_late(cycle, one))) for one in tracks]
    cycle.observations = tuple(observe(track, seed=shop.plan.seed) for track in timely)
    return cycle.observations


def diagnose_cycle(cycle: Cycle) -> Sequence[Diagnosis]:
    """The first proven cause of each instrument, the most urgent first."""
    cycle.diagnoses = diagnose_all(cycle.observations)
    return cycle.diagnoses


def stops_of(cycle: Cycle) -> dict[str, str]:
    """Instruments that must not be traded in this session, each with its reason."""
    return {
        one.instrument: f"{one.cause}: {one.evidence[0].text if one.evidence else 'see the diagnosis'}"
        for one in cycle.diagnoses
        if one.stops_trading
    }


def _late(cycle: Cycle, track: Track) -> Iterator[DataFinding]:
    """A finding where the newest bar is too old for this session to be decided on."""
    newest = cycle.panel.bars[cycle.panel.symbols.index(track.instrument)][-1].on
    if (cycle.on - newest).days > LATE_DAYS_MAX:
        yield DataFinding(
            DataProblem.LATE, track.on, f"the newest bar is of {newest}, the session of {cycle.on}"
        )


def markets_of(
    shop: Workshop, symbols: Iterable[str] | None = None, as_of: datetime | None = None
) -> dict[str, Market]:
    """Each instrument's series, its own or its expiries joined, and CFTC weeks, as known at that moment."""
    known = shop.store.series()
    found = {}
    for symbol in symbols if symbols is not None else shop.plan.instruments:
        series = {name: shop.store.bars(name, as_of) for name in expiries_of(symbol, known)}
        weeks = tuple(shop.weeks(symbol, as_of))
        found[symbol] = replace(joined(symbol, series, shop.plan.roll_days), weeks=weeks)
    return found


def _refuse_the_past(shop: Workshop, on: date) -> None:
    books = shop.journal.books()
    if books and books[-1][0] > on:
        raise UserError("HY-867", on=on, last=books[-1][0])


def _as_the_ledger_has_it(shop: Workshop, book: Book, aside: Aside) -> Book:
    """The book under the champion the ledger points to: a person may have changed it since."""
    leader = leader_of(shop)
    return book if leader in (book.champion, aside.model_id) else book.promoted(leader)


def _account(shop: Workshop, cycle: Cycle, symbol: str) -> Account:
    fills = [one for one in cycle.fills if one["symbol"] == symbol]
    targets = {one.plan.session_on: one.plan.target for one in cycle.orders[symbol]}
    breaks = tuple(shop.breaks(symbol))
    return Account(fills, targets, shop.plan.capital_usd, breaks, cycle.impact[symbol])


def _impact_paid(parents: Iterable[ParentOrder]) -> Iterator[tuple[float, float]]:
    for paid in map(impact_paid_px, parents):
        if paid is not None:
            yield float(paid[0]), float(paid[1])


def _orders(
    shop: Workshop, fills: Sequence[Mapping[str, object]], symbols: Sequence[str]
) -> dict[str, list[ParentOrder]]:
    """Every order of the sessions in which anything was filled, by instrument, oldest first."""
    found: dict[str, list[ParentOrder]] = {symbol: [] for symbol in symbols}
    for day in sorted({date.fromisoformat(str(one["session_on"])) for one in fills}):
        for parent in shop.ledger.session(day):
            found.get(parent.plan.symbol, []).append(parent)
    return found


def _trials(shop: Workshop) -> Trials:
    """The journal's true count, failures included, and how much their daily Sharpe ratios differ."""
    ratios = [
        one.metrics["sharpe"] / 252**0.5 for one in shop.journal.experiments() if "sharpe" in one.metrics
    ]
    mean = sum(ratios) / len(ratios) if ratios else 0.0
    variance = sum((one - mean) ** 2 for one in ratios) / len(ratios) if ratios else 0.0
    return Trials(max(shop.journal.trials(), 1), variance)


def forecasts_of(cycle: Cycle, model_id: str) -> Floats:
    """[T, N]: what one arm says."""
    said: Floats = cycle.arena.forecasts[:, :, cycle.arena.ids.index(model_id)]
    return said
