"""IB's trading hours, both shapes, across a change of the clocks."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hydra.broker.trading_hours import parse_hours, session_dates
from tests.unit.risk.builders import contract as contract_with

CHICAGO = ZoneInfo("America/Chicago")


def test_the_new_shape_spans_midnight() -> None:
    text = "20261119:1900-20261120:0745;20261120:0830-20261120:1320;20261121:CLOSED"
    night, day = parse_hours(text, CHICAGO)
    assert (night.opens_at, night.closes_at) == (
        datetime(2026, 11, 20, 1, 0, tzinfo=UTC), datetime(2026, 11, 20, 13, 45, tzinfo=UTC),
    )  # fmt: skip
    assert day.closes_at == datetime(2026, 11, 20, 19, 20, tzinfo=UTC)


def test_the_old_shape_closes_on_the_next_day_when_it_must() -> None:
    night, day = parse_hours("20261119:1900-0745,0830-1320", CHICAGO)[::-1]
    assert night.closes_at > night.opens_at
    assert (night.closes_at - night.opens_at).total_seconds() == 12.75 * 3600
    assert day.opens_at == datetime(2026, 11, 19, 14, 30, tzinfo=UTC)


def test_hours_follow_the_zone_through_its_change() -> None:
    before, after = parse_hours("20261030:0830-20261030:1320;20261102:0830-20261102:1320", CHICAGO)
    assert (before.opens_at.hour, after.opens_at.hour) == (13, 14)


def test_closed_days_and_empty_texts_have_no_interval() -> None:
    assert parse_hours("20261126:CLOSED", CHICAGO) == ()
    assert parse_hours("", CHICAGO) == ()


@pytest.mark.parametrize("text", ["20261120", "20261120:0830", "20261120:0830-13h20"])
def test_another_shape_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hours(text, CHICAGO)


def test_an_evening_session_belongs_to_the_date_it_closes_on() -> None:
    """Thanksgiving: no session on the 26th, although oats open again in its evening."""
    text = "20261125:0830-20261125:1320;20261126:1900-20261127:0745;20261127:0830-20261127:1205"
    assert session_dates(parse_hours(text, CHICAGO), CHICAGO) == (date(2026, 11, 25), date(2026, 11, 27))
    midnight = parse_hours("20261125:1700-20261126:0000", CHICAGO)
    assert session_dates(midnight, CHICAGO) == (date(2026, 11, 25),)


@pytest.mark.parametrize(
    ("on", "today", "is_closed"),
    [
        (date(2026, 11, 26), date(2026, 11, 26), True),
        (date(2026, 11, 27), date(2026, 11, 26), False),
        (date(2026, 11, 25), date(2026, 11, 26), False),  # the past is not listed
        (date(2026, 11, 30), date(2026, 11, 26), False),  # nor is what lies beyond
    ],
)
def test_only_a_date_within_the_listed_hours_can_be_called_closed(
    on: date, today: date, is_closed: bool
) -> None:
    contract = contract_with(sessions_on=(date(2026, 11, 27),))
    assert contract.is_closed_on(on, today) is is_closed
