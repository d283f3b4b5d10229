"""IB's tradingHours text as instants: the gateway's hours win over any calendar library."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hydra.domain.contract import TradingInterval

_CLOSED = "CLOSED"


def parse_hours(text: str, zone: ZoneInfo) -> tuple[TradingInterval, ...]:
    """The open intervals, in order; ValueError for a text of another shape.

    Both shapes of IB are read: `20261120:0830-20261120:1320;20261121:CLOSED` and the older
    `20261120:1900-0745,0830-1320`, where a close not after its open is on the next day.
    """
    intervals: list[TradingInterval] = []
    for day in filter(None, (part.strip() for part in text.split(";"))):
        on, colon, rest = day.partition(":")
        if not colon:
            raise ValueError(f"not trading hours: {day!r}")
        if rest != _CLOSED:
            intervals.extend(_interval(on, span, zone) for span in rest.split(","))
    return tuple(sorted(intervals, key=lambda interval: interval.opens_at))


def session_dates(intervals: Sequence[TradingInterval], zone: ZoneInfo) -> tuple[date, ...]:
    """The market's dates on which an interval closes, in order; midnight ends the day before it."""
    closes = (one.closes_at - timedelta(microseconds=1) for one in intervals)
    return tuple(sorted({at.astimezone(zone).date() for at in closes}))


def _interval(on: str, span: str, zone: ZoneInfo) -> TradingInterval:
    opens_text, dash, closes_text = span.partition("-")
    if not dash:
        raise ValueError(f"not an interval of trading hours: {span!r}")
    opens = _local(on, opens_text)
    closes = _local(on, closes_text)
    if ":" not in closes_text and closes <= opens:
        closes += timedelta(days=1)
    return TradingInterval(_utc(opens, zone), _utc(closes, zone))


def _local(on: str, text: str) -> datetime:
    """`HHMM` of that day, or `YYYYMMDD:HHMM`; no zone yet."""
    stamp = text if ":" in text else f"{on}:{text}"
    return datetime.strptime(stamp, "%Y%m%d:%H%M")  # noqa: DTZ007 - the zone is added by the caller


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
