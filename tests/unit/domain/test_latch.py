"""The kill latch's text: whatever cannot be read blocks everything."""

from datetime import UTC, datetime

import pytest

from hydra.domain.latch import Latched, latch_line, read_latch_text, with_pass

AT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
OATS = Latched("ZO", "anna", 'a "test"\nin two lines', AT)
PARENT = "20261123-ZO-1"


def test_what_is_written_is_read_again_line_by_line() -> None:
    both = (OATS, Latched("ALL", "ben", "", AT, passes="host/1/2"))
    assert read_latch_text("".join(map(latch_line, both))) == both


@pytest.mark.parametrize(
    ("scope", "symbol", "parent", "blocked"),
    [
        ("ALL", "HE", "20261123-HE-1", True),
        ("ZO", "ZO", PARENT, True),
        ("ZO", "HE", "20261123-HE-1", False),
        (PARENT, "ZO", PARENT, True),
        (PARENT, "ZO", "20261123-ZO-2", False),
    ],
)
def test_a_scope_blocks_its_own_and_no_other(scope: str, symbol: str, parent: str, blocked: bool) -> None:
    assert Latched(scope, "anna", "", AT).blocks(symbol, parent) is blocked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        latch_line(OATS)[:-10],
        "{}",
        "null",
        "[1]",
        '{"scope":"","by":"a","reason":"b","at":"2026-11-23T14:30:00+00:00","passes":""}',
        '{"scope":1,"by":"a","reason":"b","at":"2026-11-23T14:30:00+00:00","passes":""}',
        '{"scope":"ZO","by":"a","reason":"b","at":"2026-11-23T14:30:00","passes":""}',
        "\x00\x00\x00",
    ],
)
def test_what_cannot_be_read_blocks_everything(text: str) -> None:
    assert any(one.blocks("HE", "20261123-HE-1") for one in read_latch_text(text))


def test_a_torn_line_does_not_hide_the_one_before() -> None:
    held = read_latch_text(latch_line(OATS) + latch_line(OATS)[:20])
    assert held[0] == OATS
    assert held[1].scope == "ALL"


def test_only_the_process_that_is_named_passes() -> None:
    (passed,) = with_pass([OATS], "host/1/2")
    assert not passed.blocks("ZO", PARENT, "host/1/2")
    assert passed.blocks("ZO", PARENT, "host/1/3")
    assert passed.blocks("ZO", PARENT)
    assert OATS.blocks("ZO", PARENT, "")
