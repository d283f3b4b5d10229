"""Daily bars: told, refused, or unknown; an empty answer is told apart from none."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

from ib_async.objects import BarData

from hydra.broker.connection import Connection
from hydra.broker.intake import Books
from hydra.broker.translate import day_of, decimal_of, ib_contract_of
from hydra.domain.contract import Contract
from hydra.domain.market import DailyBar
from hydra.ports import Refused, Unknown

_DAYS_MAX_BY_DAY = 365
_TRADING_DAYS_A_YEAR = 250
UNREADABLE = 162


async def daily_bars(
    books: Books, connection: Connection, next_id: Callable[[], int], contract: Contract, days: int
) -> Sequence[DailyBar] | Refused | Unknown:
    """The last `days` daily bars, oldest first, prices as quoted; the last may be of a day still trading."""
    req_id = next_id()
    asked = await connection.requests.ask(
        req_id,
        lambda: connection.client.reqHistoricalData(
            req_id,
            ib_contract_of(contract),
            endDateTime="",
            durationStr=duration_text(days),
            barSizeSetting="1 day",
            whatToShow="TRADES",
            useRTH=False,
            formatDate=1,
            keepUpToDate=False,
            chartOptions=[],
        ),
        books.options.history_timeout_s,
    )
    if isinstance(asked, Unknown) and connection.is_up:
        connection.client.cancelHistoricalData(req_id)
    if not isinstance(asked, list):
        return asked
    try:
        return tuple(bar_of(row) for row in cast(list[BarData], asked))[-days:]
    except ValueError as problem:
        return Refused(UNREADABLE, f"{contract.local_symbol}: {problem}")


def duration_text(days: int) -> str:
    """IB's duration; beyond a year it must be told in years."""
    if days <= _DAYS_MAX_BY_DAY:
        return f"{days} D"
    return f"{-(-days // _TRADING_DAYS_A_YEAR)} Y"


def bar_of(bar: BarData) -> DailyBar:
    """One bar; ValueError when a price is missing."""
    prices = [decimal_of(value) for value in (bar.open, bar.high, bar.low, bar.close)]
    if any(price is None for price in prices):
        raise ValueError(f"a bar without a price on {bar.date}")
    opens, high, low, close = cast(list[Decimal], prices)
    return DailyBar(day_of(str(bar.date)), opens, high, low, close, max(int(decimal_of(bar.volume) or 0), 0))
