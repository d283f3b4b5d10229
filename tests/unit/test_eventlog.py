"""The event log: one name space, two styles, repeats counted, secrets nowhere."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from errno import ENOSPC
from typing import Any

import pytest

from hydra import eventlog


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Restores the log that was in force, so that no other test writes into a closed stream."""
    before = eventlog._Current.log
    yield io.StringIO()
    eventlog._Current.log = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_switch_chooses_json_or_a_line_for_people(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", stream=stream)
    eventlog.event("hydra.child.sent", order_ref="H-1", qty=3)
    (told,) = lines(stream)
    assert (told["event"], told["order_ref"], told["qty"], told["level"]) == (
        "hydra.child.sent",
        "H-1",
        3,
        "info",
    )
    assert told["at"].endswith("Z")

    people = io.StringIO()
    eventlog.configure("human", "info", stream=people)
    eventlog.event("hydra.child.sent", order_ref="H-1", qty=3)
    assert "hydra.child.sent" in people.getvalue()
    assert "order_ref=H-1" in people.getvalue()


@pytest.mark.parametrize("name", ["child.sent", "hydra.child", "hydra.Child.sent", "hydra.child.sent.twice"])
def test_a_name_outside_the_name_space_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"hydra\.<noun>\.<past>"):
        eventlog.event(name)


def test_a_repeat_is_counted_and_told_once(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", repeat_s=60, stream=stream)
    for tried in range(5):
        eventlog.event("hydra.error.received", "warning", code=354, after_s=tried / 10)
    eventlog.event("hydra.error.received", "warning", code=200)
    eventlog.flush()
    told = lines(stream)
    assert [(one["code"], one.get("repeated")) for one in told] == [(354, None), (200, None), (354, 4)]


def test_a_window_that_has_passed_tells_its_count_before_the_next_event(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", repeat_s=1e-9, stream=stream)
    eventlog.event("hydra.error.received", code=1)
    eventlog.event("hydra.error.received", code=1)
    assert [one["code"] for one in lines(stream)] == [1, 1]


def test_the_memory_of_repeats_is_bounded(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", repeat_s=3600, stream=stream)
    for number in range(3_000):
        eventlog.event("hydra.child.sent", number=number)
    assert len(eventlog._Current.log._seen) <= 1_000
    assert len(lines(stream)) == 3_000


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    eventlog.configure("json", "warning", stream=stream)
    eventlog.event("hydra.child.sent")
    eventlog.event("hydra.link.lost", "error")
    assert [one["event"] for one in lines(stream)] == ["hydra.link.lost"]


SECRETS = (
    ("password", "hunter2"),
    ("auth_string", "hunter2"),
    ("text", "postgresql://user:hunter2@db/x"),
    ("text", "Authorization: Bearer hunter2"),
    ("text", 'sent {"api_key": "hunter2"}'),
    ("text", "token=hunter2;"),
    ("nested", {"client": {"secret": "hunter2"}}),
)


@pytest.mark.parametrize("style", ["human", "json"])
@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_a_secret_is_in_no_value(stream: io.StringIO, style: Any, key: str, value: object) -> None:
    eventlog.configure(style, "info", stream=stream)
    eventlog.event("hydra.server.asked", **{key: value})
    assert "hydra.server.asked" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize("style", ["human", "json"])
def test_a_known_secret_is_in_no_exception(stream: io.StringIO, style: Any) -> None:
    eventlog.configure(style, "info", stream=stream)
    eventlog.hide("correct-horse")
    try:
        raise RuntimeError("refused correct-horse, password=hunter2")
    except RuntimeError as error:
        eventlog.event("hydra.server.failed", "error", error=error)
    assert "RuntimeError" in stream.getvalue()
    assert not any(secret in stream.getvalue() for secret in ("correct-horse", "hunter2"))


def test_an_ordinary_text_is_left_as_it_is() -> None:
    text = "H-20261120-ZO-1-C03 filled 3@350.25 at http://localhost:4200/runs?x=1 (tokens: none)"
    assert eventlog.redact(text) == text


def test_events_carry_the_clock_given(stream: io.StringIO) -> None:
    at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    eventlog.configure("json", "info", stream=stream, now=lambda: at)
    eventlog.event("hydra.child.sent")
    assert lines(stream)[0]["at"] == at.isoformat()


@pytest.mark.parametrize("style", ["human", "json"])
def test_instants_and_dates_are_iso_text_with_their_zone(stream: io.StringIO, style: Any) -> None:
    eventlog.configure(style, "info", stream=stream)
    at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    eventlog.event("hydra.child.sent", good_till=at, session_on=at.date())
    assert "2026-11-20T14:30:00+00:00" in stream.getvalue()
    assert "datetime" not in stream.getvalue()


class FullDisk(io.StringIO):
    """Where stderr was redirected to a file and the disk ran full."""

    refused = 0

    def flush(self) -> None:
        self.refused += 1
        raise OSError(ENOSPC, "No space left on device")


@pytest.mark.usefixtures("stream")
def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    """Nor does a `| head` that has gone; an event is told in the middle of the order path."""
    disk = FullDisk()
    eventlog.configure("human", "info", stream=disk)
    eventlog.event("hydra.child.sent", order_ref="H-1")
    assert disk.refused == 1


def test_a_context_is_on_every_event_inside_it(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", stream=stream)
    with eventlog.context(session_on="2026-11-20"):
        eventlog.event("hydra.session.started")
    eventlog.event("hydra.session.ended")
    assert [one.get("session_on") for one in lines(stream)] == ["2026-11-20", None]


def test_a_library_speaks_through_the_same_log_one_level_quieter(stream: io.StringIO) -> None:
    eventlog.configure("json", "info", stream=stream)
    logging.getLogger("ib_async.ib").error("positions request timed out")
    logging.getLogger("ib_async.wrapper").warning("Warning 399")
    logging.getLogger("ib_async.client").error("API connection failed: told by our own line")
    told = [(one["level"], one["text"]) for one in lines(stream)]
    assert told == [("warning", "positions request timed out")]
