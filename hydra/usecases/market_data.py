"""The bars of what is traded and held, brought up to date in the store: one series a contract."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hydra.domain.contract import Contract
from hydra.ports import BarStore, Broker, Clock
from hydra.usecases.bars import Fetched, HistoryPace, Wanted, fetch_bars

SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of one series; `holidays` are weekdays on which no contract of its exchange traded."""

    fetched: Fetched
    exchange: str
    holidays: tuple[date, ...]

    @property
    def missing(self) -> tuple[date, ...]:
        """Days without a bar on which others of the exchange have one."""
        return tuple(day for day in self.fetched.missing if day not in self.holidays)


def series_of(contract: Contract) -> str:
    """The store's name of a contract's bars: ZO-202612."""
    return f"{contract.symbol}-{contract.contract_month}"


def weekdays_before(today: date, count: int) -> tuple[date, ...]:
    """The last weekdays before this date, oldest first: what may have been a session, holidays included."""
    days = (today - timedelta(days=back) for back in range(1, count * 2 + 7))
    return tuple(sorted([day for day in days if day.weekday() < SATURDAY][:count]))


async def update_bars(
    broker: Broker,
    store: BarStore,
    clock: Clock,
    contracts: Sequence[Contract],
    today: date,
    days: int,
    pace: HistoryPace,
) -> list[Updated]:
    """Every contract's missing bars of the last `days` weekdays; one that is refused hinders no other."""
    sessions = weekdays_before(today, days)
    wanted = [Wanted(one, series_of(one), sessions) for one in contracts]
    fetched = await fetch_bars(broker, store, clock, wanted, pace)
    exchanges = [one.exchange for one in contracts]
    return [
        Updated(one, exchange, _holidays(exchange, zip(exchanges, fetched, strict=True)))
        for exchange, one in zip(exchanges, fetched, strict=True)
    ]


def _holidays(exchange: str, fetched: Iterable[tuple[str, Fetched]]) -> tuple[date, ...]:
    """The weekdays every answered contract of the exchange lacks; one contract alone decides nothing."""
    lacking = [set(one.missing) for its, one in fetched if its == exchange and one.problem is None]
    return tuple(sorted(set.intersection(*lacking))) if len(lacking) > 1 else ()
