"""A fault that was misspelt is refused: one that hits nothing would make a test pass for nothing."""

import re
from pathlib import Path

import pytest

import hydra.simgateway
from hydra.domain.errors import UserError
from hydra.simgateway.fault_catalogue import FAULTS, MESSAGE_KINDS, parse_options


@pytest.mark.parametrize(
    ("fault", "options", "told"),
    [
        ("mute", {"kind": "orderStatuss"}, "--kind = orderStatuss, did you mean orderStatus?"),
        ("drop", {"on": "akc"}, "no such moment: akc, did you mean ack?"),
        ("drop", {"on": "ack", "nth": "0"}, "--nth = 0 is not a whole number from 1"),
        ("mute", {"kind": "all", "count": "-1"}, "--count = -1 is not a whole number from 1"),
        ("1100", {"for_s": "nan"}, "--for-s = nan is not a number from 0"),
        ("late_commission", {"seconds": "-3"}, "--seconds = -3 is not a number from 0"),
        ("correction", {"price": "NaN"}, "--price = NaN is not a number"),
        ("manual_trade", {"side": "HOLD"}, "--side = HOLD is none of BUY, SELL"),
    ],
)
def test_an_option_that_would_hit_nothing_is_refused(
    fault: str, options: dict[str, object], told: str
) -> None:
    with pytest.raises(UserError) as refused:
        parse_options(FAULTS[fault], options)
    assert told in str(refused.value)


def test_the_kinds_of_messages_are_those_the_gateway_sends() -> None:
    source = "".join(path.read_text() for path in Path(hydra.simgateway.__path__[0]).glob("*.py"))
    sent = set(re.findall(r'send\(\s*"(\w+)"', source))
    assert sent <= set(MESSAGE_KINDS)
    assert set(MESSAGE_KINDS) - sent == {"orderError", "pnl", "pnlSingle", "all"}  # named elsewhere
