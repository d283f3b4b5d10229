"""Framing holds for every segmentation, and garbage is refused rather than guessed at."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.simgateway.wire import (
    FRAME_BYTES_MAX,
    Cursor,
    FrameReader,
    WireError,
    decimal_or_none,
    frame,
    naive_text,
    number_text,
    parse_time,
    utc_text,
    whole,
    zoned_text,
)

TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=20)


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=6), max_size=6), st.data())
def test_frames_come_back_whole_however_the_stream_is_cut(
    messages: list[list[str]], data: st.DataObject
) -> None:
    stream = b"".join(frame(fields) for fields in messages)
    reader, seen, at = FrameReader(), [], 0
    while at < len(stream):
        step = data.draw(st.integers(1, 40))
        reader.feed(stream[at : at + step])
        seen.extend(reader.frames())
        at += step
    assert seen == messages
    assert reader.pending_bytes == 0


def test_a_reader_stopped_between_frames_keeps_the_rest() -> None:
    reader = FrameReader()
    reader.feed(frame(["1"]) + frame(["2"]))
    assert next(iter(reader.frames())) == ["1"]
    assert list(reader.frames()) == [["2"]]


@pytest.mark.parametrize("cut", range(20))
def test_the_greeting_may_arrive_in_pieces(cut: int) -> None:
    greeting = b"API\0\x00\x00\x00\x09v157..178" + frame(["71", "2", "5", ""])
    reader = FrameReader()
    reader.feed(greeting[:cut])
    early = reader.hello()
    reader.feed(greeting[cut:])
    assert (early or reader.hello()) == (157, 178)
    assert list(reader.frames()) == [["71", "2", "5", ""]]


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"API\1",
        b"API\0\xff\xff\xff\xff",
        b"API\0\x00\x00\x00\x03foo",
        b"API\0\x00\x00\x00\x06v..178",
    ],
)
def test_what_is_no_greeting_is_refused_at_once(greeting: bytes) -> None:
    reader = FrameReader()
    reader.feed(greeting)
    with pytest.raises(WireError):
        reader.hello()


def test_an_oversized_length_is_refused_before_its_bytes_arrive() -> None:
    reader = FrameReader()
    reader.feed((FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match="a frame of"):
        list(reader.frames())


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_numbers_are_plain_digits_of_the_same_value(value: Decimal) -> None:
    text = number_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert not (("." in text) and text.endswith("0"))


@pytest.mark.parametrize(
    ("value", "text"), [("2.0", "2"), ("100", "100"), ("1E+2", "100"), ("-0.250", "-0.25")]
)
def test_whole_numbers_carry_no_point(value: str, text: str) -> None:
    assert number_text(Decimal(value)) == text


@pytest.mark.parametrize(
    "text", ["", "2147483647", "9223372036854775807", "1.7976931348623157E308", "1.7976931348623157e+308"]
)
def test_every_spelling_of_unset_is_unset(text: str) -> None:
    assert decimal_or_none(text, "x") is None


@pytest.mark.parametrize("text", ["nan", "NaN", "Infinity", "Infinite", "-inf", "ten", "1,5", "0x10"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        decimal_or_none(text, "x")


@pytest.mark.parametrize("text", ["x", "", "1.0", "1_0", " 1", "2147483648", "-2147483649", "9" * 5000])
def test_what_is_no_whole_number_of_32_bits_is_refused(text: str) -> None:
    with pytest.raises(WireError, match=r"orderId = .{,45} is not a whole number"):
        whole(text, "orderId")


def test_a_message_that_ends_early_names_the_missing_field() -> None:
    with pytest.raises(WireError, match="orderId is missing"):
        Cursor(["4", "1"], start=2).integer("orderId")


AT = datetime(2026, 11, 23, 14, 31, 2, tzinfo=UTC)


def test_the_three_forms_of_time_name_the_same_instant() -> None:
    zone = "America/Chicago"
    assert utc_text(AT) == "20261123-14:31:02"
    assert zoned_text(AT, zone, "US/Central") == "20261123 08:31:02 US/Central"
    assert naive_text(AT, zone) == "20261123  08:31:02"
    for text in (utc_text(AT), zoned_text(AT, zone, "America/Chicago"), naive_text(AT, zone)):
        assert parse_time(text, zone) == AT


def test_a_bare_date_means_its_end() -> None:
    assert parse_time("20261123", "America/Chicago") == datetime(2026, 11, 24, 5, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "20261323-10:00:00", "20261123 25:00:00", "20261123 10:00:00 Mars/X"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse_time(text, "America/Chicago")
