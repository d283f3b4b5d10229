"""IB's trading hours, both shapes, across a change of the clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hydra.broker.trading_hours import parse_hours

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
