"""Historical bars and head timestamps, with IB's durations, bar sizes and pacing."""

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from hydra.simgateway import messages
from hydra.simgateway.calibration import calibration
from hydra.simgateway.contract_messages import ContractQuery, NoDefinition
from hydra.simgateway.contracts import SimContract
from hydra.simgateway.core import ClientLink, Core
from hydra.simgateway.faults import Moment
from hydra.simgateway.history import LISTED_FOR_DAYS, Bar
from hydra.simgateway.messages import BarFields
from hydra.simgateway.wire import Cursor, WireError, parse_time, zoned_text

DAY_S: Final = 86_400
BARS_MAX: Final = 20_000
BAR_SIZES: Final = {
    "1 secs": 1, "5 secs": 5, "10 secs": 10, "15 secs": 15, "30 secs": 30, "1 min": 60, "2 mins": 120,
    "3 mins": 180, "5 mins": 300, "10 mins": 600, "15 mins": 900, "20 mins": 1200, "30 mins": 1800,
    "1 hour": 3600, "2 hours": 7200, "3 hours": 10_800, "4 hours": 14_400, "8 hours": 28_800, "1 day": DAY_S,
}  # fmt: skip
_UNIT_DAYS: Final = {"D": 1, "W": 7, "M": 30, "Y": 365}
_DURATION: Final = re.compile(r"(\d{1,5}) ([SDWMY])")
_SHOWN: Final = ("TRADES", "MIDPOINT", "BID", "ASK")
_PACING_WALL_S: Final = 600.0
_PACING_MAX: Final = 60
_PRINTS_OF: Final = 2


class HistoryDesk:
    """Answers from the exchange's own price path, so that bars and quotes never disagree."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: deque[float] = deque()

    def bars(self, link: ClientLink, cursor: Cursor) -> None:
        core = self._core
        req_id = cursor.integer("reqId")
        query = ContractQuery.read(cursor)
        cursor.text("includeExpired")
        end_text, size_text, duration = cursor.texts("period", 3)
        cursor.text("useRTH")
        shown = cursor.text("whatToShow")
        format_date = cursor.integer("formatDate", 1)
        core.faults.hit(Moment("req_historical_data", link.client_id, symbol=query.symbol))
        found = core.listing.find_one(query, core.local_date)
        match = _DURATION.fullmatch(duration)
        if isinstance(found, NoDefinition):
            core.error(link, req_id, 200, found.text)
        elif shown not in _SHOWN or size_text not in BAR_SIZES or match is None:
            what = f"{duration}, {size_text}, {shown}"
            core.error(link, req_id, 321, f"Error validating request.-'bL' : cause - Historical data: {what}")
        elif self._is_too_fast():
            core.error(link, req_id, 162, f"{_SERVICE} pacing violation")
        else:
            try:
                end = min(parse_time(end_text, core.settings.iana_zone), core.at) if end_text else core.at
            except WireError:
                core.error(link, req_id, 10314, _BAD_END)
                return
            span = (int(match[1]), match[2])
            bars = self._bars(found, end, span, BAR_SIZES[size_text])
            self._send(link, req_id, found, bars, (end, span), shown, format_date)

    def head_timestamp(self, link: ClientLink, cursor: Cursor) -> None:
        """The first instant for which there are bars."""
        core = self._core
        req_id = cursor.integer("reqId")
        found = core.listing.find_one(ContractQuery.read(cursor), core.local_date)
        cursor.texts("flags", 2)
        shown, format_date = cursor.text("whatToShow"), cursor.integer("formatDate", 1)
        if isinstance(found, NoDefinition):
            core.error(link, req_id, 200, found.text)
        elif shown not in _SHOWN:
            core.error(link, req_id, 162, f"{_SERVICE} No head time stamp")
        else:
            first = found.last_trade_on - timedelta(days=LISTED_FOR_DAYS)
            start = datetime(first.year, first.month, first.day, 15, tzinfo=UTC)
            text = f"{start:%Y%m%d-%H:%M:%S}" if format_date == 1 else str(int(start.timestamp()))
            link.send("headTimestamp", messages.head_timestamp(req_id, text))

    def _bars(self, contract: SimContract, end: datetime, span: tuple[int, str], seconds: int) -> list[Bar]:
        """A duration of days counts trade dates; longer ones and seconds count calendar time."""
        exchange, (count, unit) = self._core.exchange, span
        if seconds == DAY_S:
            if unit == "D":
                return exchange.daily_bars(contract.con_id, end, min(count, BARS_MAX))
            first = (end - _length(span)).date()
            bars = exchange.daily_bars(contract.con_id, end, min(_length(span).days + 1, BARS_MAX))
            return [bar for bar in bars if _day_of(bar) > first]
        if unit == "S":
            since = end - timedelta(seconds=count)
        else:
            days = exchange.daily_bars(contract.con_id, end, count if unit == "D" else _length(span).days)
            since = _evening_before(_day_of(days[0]), contract) if days else end
            since = since if unit == "D" else end - _length(span)
        n = _bars_between(since, end, seconds)
        bars = exchange.intraday_bars(contract.con_id, since, end, seconds, n)
        return [bar for bar in bars if _instant_of(bar) >= since]

    def _send(
        self,
        link: ClientLink,
        req_id: int,
        contract: SimContract,
        bars: Sequence[Bar],
        period: tuple[datetime, tuple[int, str]],
        shown: str,
        format_date: int,
    ) -> None:
        core = self._core
        if not bars:
            core.error(link, req_id, 162, f"{_SERVICE} HMDS query returned no data: {contract.local_symbol}")
            return
        end, span = period
        zone, label = core.settings.iana_zone, core.settings.zone
        rows = [_row(bar, shown, contract, format_date, zone, label) for bar in bars]
        texts = (zoned_text(end - _length(span), zone, label), zoned_text(end, zone, label))
        link.send("historicalData", messages.historical_data(req_id, *texts, rows))

    def _is_too_fast(self) -> bool:
        """60 requests in ten minutes, counted over all clients, in wall time; off where pacing is off."""
        if not self._core.settings.pacing_per_s:
            return False
        now = self._core.faults.wall_s()
        while self._asked and now - self._asked[0] > _PACING_WALL_S:
            self._asked.popleft()
        self._asked.append(now)
        return len(self._asked) > _PACING_MAX


def _bars_between(since: datetime, end: datetime, seconds: int) -> int:
    """How many bars a period can hold at most, under the general limit."""
    return min(int((end - since).total_seconds() / seconds) + 1, BARS_MAX)


def _row(bar: Bar, shown: str, contract: SimContract, format_date: int, zone: str, label: str) -> BarFields:
    """One bar as sent; bid and ask lie half a typical spread beside the trades, and carry no volume."""
    shift = _side_shift(shown, contract)
    prices = [price + shift for price in (bar.open, bar.high, bar.low, bar.close)]
    average = sum(prices, Decimal(0)) / 4
    if isinstance(bar.start, datetime):
        text = str(int(bar.start.timestamp())) if format_date == 2 else zoned_text(bar.start, zone, label)
    else:
        text = f"{bar.start:%Y%m%d}"
    volume, count = (bar.volume, max(bar.volume // _PRINTS_OF, 1)) if shown == "TRADES" else (-1, -1)
    return (
        text,
        prices[0],
        prices[1],
        prices[2],
        prices[3],
        volume,
        average.quantize(contract.tick / 100),
        count,
    )


def _side_shift(shown: str, contract: SimContract) -> Decimal:
    if shown not in ("BID", "ASK"):
        return Decimal(0)
    ticks = max(1, round(calibration(contract.symbol).half_spread))
    return contract.tick * (ticks if shown == "ASK" else -ticks)


def _length(span: tuple[int, str]) -> timedelta:
    count, unit = span
    return timedelta(seconds=count) if unit == "S" else timedelta(days=count * _UNIT_DAYS[unit])


def _day_of(bar: Bar) -> date:
    return bar.start.date() if isinstance(bar.start, datetime) else bar.start


def _instant_of(bar: Bar) -> datetime:
    assert isinstance(bar.start, datetime)
    return bar.start


def _evening_before(on: date, contract: SimContract) -> datetime:
    """A moment before the first session of a trade date, the night one included."""
    eve = on - timedelta(days=1)
    return datetime(eve.year, eve.month, eve.day, 14, tzinfo=ZoneInfo(contract.zone_name)).astimezone(UTC)


_SERVICE: Final = "Historical Market Data Service error message:"
_BAD_END: Final = (
    "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss"
    " xx/xxxx where yyyymmdd and xx/xxxx are optional."
)
