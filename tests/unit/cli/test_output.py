"""What commands print."""

import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from hydra.cli.output import print_json, print_json_lines, print_table, show_at

AT = datetime(2026, 11, 20, 14, 30, 5, tzinfo=UTC)


def printed_json(value: object) -> object:
    stream = io.StringIO()
    print_json(value, stream)
    return json.loads(stream.getvalue())


def test_a_printed_time_has_its_zone() -> None:
    assert show_at(AT) == "2026-11-20 14:30:05 UTC"
    assert show_at(AT, "America/Chicago") == "2026-11-20 08:30:05 CST"


def test_a_time_without_zone_is_never_printed() -> None:
    naive = AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="without a zone"):
        show_at(naive)
    with pytest.raises(ValueError, match="without a zone"):
        print_json({"at": naive}, io.StringIO())
    with pytest.raises(ValueError, match="without a zone"):
        print_table(("at",), [(naive,)], stream=io.StringIO())


def test_json_keeps_numbers_numbers_and_times_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-6)))
    value = {"px": Decimal("350.25"), "lots": Decimal("3"), "at": elsewhere, "on": date(2026, 11, 20)}
    assert printed_json(value) == {"px": 350.25, "lots": 3, "at": "2026-11-20T14:30:05Z", "on": "2026-11-20"}


def test_json_lines_are_one_object_a_line() -> None:
    stream = io.StringIO()
    print_json_lines([{"a": "x\ny"}, {"b": 1}], stream)
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [{"a": "x\ny"}, {"b": 1}]


def test_a_table_shows_what_it_is_given_even_if_it_looks_like_markup() -> None:
    stream = io.StringIO()
    print_table(("ref", "qty", "at"), [("[red]H-1[/red]", 3, AT), ("x", None, None)], stream=stream)
    text = stream.getvalue()
    assert "[red]H-1[/red]" in text
    assert "2026-11-20 14:30:05 UTC" in text
    assert "–" in text
