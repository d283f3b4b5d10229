"""Watching one session of one contract, and what it measured."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hydra.simgateway.calendar import segments
from hydra.simgateway.contracts import SimContract, catalogue, liquidity_rank
from hydra.simgateway.exchange import Exchange, MarketEvent, Quote, QuoteChanged, TradePrinted

SESSION = date(2026, 10, 14)
LISTED = catalogue(SESSION)


@dataclass(frozen=True, slots=True)
class Observed:
    """Shares of the session's time; half-spread in ticks, weighted by time."""

    events: list[MarketEvent]
    half_spread_ticks: float
    one_sided: float
    empty: float

    @property
    def trades(self) -> list[TradePrinted]:
        return [event for event in self.events if isinstance(event, TradePrinted)]

    @property
    def quotes(self) -> list[Quote]:
        return [event.quote for event in self.events if isinstance(event, QuoteChanged)]

    @property
    def volume(self) -> int:
        return sum(trade.qty for trade in self.trades)


def nearby(symbol: str, rank: int = 0, on: date = SESSION) -> SimContract:
    """The rank-th expiry behind the active one."""
    return next(c for c in catalogue(on) if c.symbol == symbol and liquidity_rank(c, on) == rank)


def day_session(contract: SimContract, on: date = SESSION) -> tuple[datetime, datetime]:
    return segments(contract, on)[-1]


def exchange(seed: int, start: datetime, **options: object) -> Exchange:
    return Exchange(catalogue(start.date()), seed=seed, start=start, **options)  # type: ignore[arg-type]


def observe(contract: SimContract, seed: int, on: date = SESSION, **options: object) -> Observed:
    """The whole day session of the contract, watched from a minute before it opens."""
    opens, closes = day_session(contract, on)
    venue = exchange(seed, opens - timedelta(minutes=1), **options)
    venue.watch(contract.con_id)
    events = venue.advance(closes - timedelta(seconds=1))
    shown = [(max(e.at, opens), e.quote) for e in events if isinstance(e, QuoteChanged)]
    ends = [at for at, _ in shown[1:]] + [closes]
    weighted = two_sided = empty = 0.0
    for (at, quote), until in zip(shown, ends, strict=True):
        held = (until - at).total_seconds()
        if quote.bid is not None and quote.ask is not None:
            two_sided += held
            weighted += held * float((quote.ask - quote.bid) / contract.tick) / 2
        elif quote.bid is None and quote.ask is None:
            empty += held
    whole = (closes - opens).total_seconds()
    return Observed(events, weighted / two_sided, (whole - two_sided - empty) / whole, empty / whole)
