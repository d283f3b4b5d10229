from datetime import UTC, date, datetime, timedelta

import pytest

from hydra.simgateway.calendar import (
    SessionState,
    next_change,
    next_common_open,
    next_open,
    segments,
    session_close,
    session_state,
    trade_date,
    trading_hours,
)
from hydra.simgateway.contracts import active_contract, contract_for
from hydra.simgateway.holidays import easter, holidays

ZO, HE, OJ = (contract_for(s, m) for s, m in (("ZO", "202612"), ("HE", "202612"), ("OJ", "202701")))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-11-22T23:00", SessionState.CLOSED),
        ("2026-11-23T00:30", SessionState.PRE_OPEN),  # Sunday 18:30 in Chicago
        ("2026-11-23T01:00", SessionState.OPEN),
        ("2026-11-23T13:44", SessionState.OPEN),
        ("2026-11-23T13:45", SessionState.CLOSED),
        ("2026-11-23T14:00", SessionState.PRE_OPEN),
        ("2026-11-23T14:30", SessionState.OPEN),
        ("2026-11-23T19:19", SessionState.OPEN),
        ("2026-11-23T19:20", SessionState.CLOSED),
    ],
)
def test_oats_trade_at_night_and_by_day_in_chicago_time(at: str, state: SessionState) -> None:
    assert session_state(ZO, utc(at)) is state


def test_sessions_keep_their_local_hour_when_the_clocks_change() -> None:
    # 2026-03-08 forward, 2026-11-01 back: Friday before and Monday after differ by one hour of UTC.
    c = contract_for("HE", "202702")
    opens = {day: segments(c, day)[0][0].hour for day in map(date.fromisoformat, _AROUND_DST)}
    assert opens == dict(zip(map(date.fromisoformat, _AROUND_DST), (14, 13, 13, 14), strict=True))
    night_of_change = segments(c := contract_for("ZO", "202705"), date(2026, 3, 9))[0]
    assert night_of_change == (utc("2026-03-09T00:00"), utc("2026-03-09T12:45"))
    night_back = segments(c, date(2026, 11, 2))[0]
    assert night_back == (utc("2026-11-02T01:00"), utc("2026-11-02T13:45"))


_AROUND_DST = ("2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02")


def test_thanksgiving_is_closed_and_the_day_after_closes_early_without_a_night_before_it() -> None:
    assert segments(ZO, date(2026, 11, 26)) == ()
    assert segments(ZO, date(2026, 11, 27)) == ((utc("2026-11-27T14:30"), utc("2026-11-27T18:05")),)
    assert segments(HE, date(2026, 11, 27)) == ((utc("2026-11-27T14:30"), utc("2026-11-27T18:05")),)
    assert segments(OJ, date(2026, 11, 27)) == ((utc("2026-11-27T13:00"), utc("2026-11-27T18:00")),)
    assert next_open(ZO, utc("2026-11-25T19:20")) == utc("2026-11-27T14:30")
    assert session_state(ZO, utc("2026-11-26T15:00")) is SessionState.CLOSED


def test_a_monday_holiday_reopens_in_the_evening() -> None:
    labor_day = date(2026, 9, 7)
    assert segments(ZO, labor_day) == ()
    assert segments(ZO, date(2026, 9, 8))[0][0] == utc("2026-09-08T00:00")  # Monday 19:00 in Chicago


def test_holidays_of_2026_are_the_exchanges_own() -> None:
    days = "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25"
    assert holidays(2026) == {date.fromisoformat(f"2026-{day}") for day in days.split()}
    assert easter(2026) == date(2026, 4, 5)
    assert easter(2038) == date(2038, 4, 25)


def test_the_trade_date_of_sunday_evening_is_monday_and_day_orders_live_to_its_last_close() -> None:
    sunday_evening = utc("2026-11-23T02:00")
    assert trade_date(ZO, sunday_evening) == date(2026, 11, 23)
    assert session_close(ZO, sunday_evening) == utc("2026-11-23T19:20")
    assert trade_date(ZO, utc("2026-11-23T19:20")) == date(2026, 11, 24)
    assert session_close(ZO, utc("2026-11-21T00:00")) == utc("2026-11-23T19:20")


def test_next_open_is_strictly_later_and_next_change_visits_every_edge() -> None:
    at = utc("2026-11-23T14:30")
    assert next_open(HE, at) == utc("2026-11-24T14:30")
    edges = [at := next_change(ZO, at) for _ in range(4)]
    assert [f"{edge:%d %H:%M}" for edge in edges] == ["23 19:20", "24 00:30", "24 01:00", "24 13:45"]


def test_states_change_only_at_the_instants_next_change_names() -> None:
    at, end = utc("2026-11-20T00:00"), utc("2026-11-30T00:00")
    expected = next_change(ZO, at)
    state = session_state(ZO, at)
    while at < end:
        at += timedelta(minutes=5)
        if at >= expected:
            expected, state = next_change(ZO, at), session_state(ZO, at)
        assert session_state(ZO, at) is state


def test_after_its_last_trade_date_a_contract_is_closed() -> None:
    assert session_state(ZO, utc("2026-12-14T15:00")) is SessionState.OPEN
    assert session_state(ZO, utc("2026-12-15T15:00")) is SessionState.CLOSED


def test_all_six_are_open_together_first_on_monday_morning() -> None:
    fronts = [active_contract(s, date(2026, 11, 23)) for s in ("ZO", "HE", "LE", "GF", "ZR", "OJ")]
    assert next_common_open(fronts, utc("2026-11-21T02:00")) == utc("2026-11-23T14:30")
    assert next_common_open(fronts, utc("2026-11-23T15:00")) == utc("2026-11-23T15:00")


def test_trading_hours_read_as_ibs_do() -> None:
    assert trading_hours(HE, date(2026, 11, 25), 4) == (
        "20261125:0830-20261125:1305;20261126:CLOSED;20261127:0830-20261127:1205;20261128:CLOSED"
    )
    assert trading_hours(ZO, date(2026, 11, 21), 3) == (
        "20261121:CLOSED;20261122:1900-20261123:0745;20261123:0830-20261123:1320;20261123:1900-20261124:0745"
    )
    assert trading_hours(ZO, date(2026, 12, 14), 2) == "20261214:0830-20261214:1320;20261215:CLOSED"
