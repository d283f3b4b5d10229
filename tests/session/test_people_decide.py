"""What the broker did by itself halts, is denied, and goes on only when a named person says so."""

import pytest

from tests.session.trading_day import TradingDay

pytestmark = pytest.mark.process

BY = ("--by", "anna", "--reason", "seen on the statement")


def test_a_manual_trade_halts_its_instrument_until_a_person_sets_it_active(day: TradingDay) -> None:
    assert day.session("ZO=1").code == 0
    day.gateway.fault("manual_trade", symbol="ZO", side="BUY", qty=2)
    halted = day.session("ZO=4,HE=1", on="2026-11-24")
    assert halted.code == 0, halted.stderr
    assert "TRADING_HALTED" in halted.denied["ZO"][0]
    assert "an execution that is not ours" in halted.denied["ZO"][0]
    assert halted.parents["HE"]["status"] == "FILLED"
    assert [one["last_qty"] for one in day.of("ForeignExecutionBooked")] == [2]
    assert "HALTED" in day.hydra("trading", "show").stdout
    widened = day.hydra("trading", "set", "ACTIVE", "--scope", "ZO", *BY)
    assert widened.stdout.strip() == "ZO: HALTED → ACTIVE"
    assert day.of("TradingStateChanged")[-1]["by"] == "anna"
    again = day.session("ZO=4,HE=1", on="2026-11-24")
    assert (again.parents["ZO"]["order_qty"], day.position("ZO")) == (1, 4)
    day.judge()


def test_a_position_nobody_explains_is_denied_until_it_is_adopted(day: TradingDay) -> None:
    """A trade of yesterday's: the broker's executions of today do not show it any more."""
    assert day.session("HE=1").code == 0
    day.gateway.fault("visibility", value="own")
    day.gateway.fault("manual_trade", symbol="LE", side="SELL", qty=2, price="230")
    denied = day.session("LE=1", on="2026-11-24")
    assert denied.code == 0, denied.stderr
    assert denied.denied["LE"][0].startswith("POSITION_DIFFERS")
    assert day.hydra("session", "reconcile").code == 1
    nothing = day.hydra("adopt", "HE=+1@90", *BY)
    assert (nothing.code, nothing.line[:6]) == (2, "HY-506")
    wrong = day.hydra("adopt", "LE=-1@230", *BY)
    assert (wrong.code, wrong.line[:6]) == (2, "HY-506")
    assert "-2 to adopt" in wrong.line
    adopted = day.hydra("adopt", "LE=-2@230", *BY)
    assert adopted.code == 0, adopted.stderr
    (event,) = day.of("PositionAdopted")
    assert (event["lots"], event["avg_px"], event["by"]) == (-2, "230", "anna")
    assert day.hydra("session", "reconcile").code == 0
    day.hydra("trading", "set", "ACTIVE", "--scope", "LE", *BY)
    traded = day.session("LE=1", on="2026-11-24")
    assert (traded.parents["LE"]["order_qty"], day.position("LE")) == (3, 1)


def test_narrowing_stops_a_session_and_reducing_lets_only_exits_pass(day: TradingDay) -> None:
    assert day.session("HE=2").code == 0
    day.hydra("trading", "set", "REDUCING", "--scope", "ALL", *BY)
    more = day.session("HE=3,LE=1", on="2026-11-24")
    assert [reasons[0].partition(":")[0] for reasons in more.denied.values()] == [
        "REDUCE_ONLY",
        "REDUCE_ONLY",
    ]
    assert day.session("HE=-1", on="2026-11-25").denied["HE"][0].startswith("REDUCE_ONLY")
    assert day.session("HE=0", on="2026-11-27").parents["HE"]["status"] == "FILLED"
    day.hydra("trading", "set", "HALTED", "--scope", "HE", *BY)
    assert day.session("HE=1", on="2026-11-30").denied["HE"][0].startswith("TRADING_HALTED")
    day.judge()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("resolve", "H-20261123-HE-1-C01", "--never-live", *BY), "HY-505"),
        (("resolve", "H-20261123-HE-1-C99", "--never-live", *BY), "HY-505"),
        (("resolve", "HE", "--never-live", *BY), "HY-505"),
        (("resolve", "H-20261123-HE-1-C01", "--filled", "0@1", *BY), "HY-507"),
        (("resolve", "H-20261123-HE-1-C01", "--filled", "1@nan", *BY), "HY-507"),
        (("resolve", "H-20261123-HE-1-C01", *BY), "HY-003"),
        (("resolve", "H-20261123-HE-1-C01", "--never-live", "--by", " ", "--reason", "x"), "HY-003"),
        (("adopt", "HE=x@1", *BY), "HY-507"),
        (("adopt", "00000007.00000001.01.01", *BY), "HY-506"),
        (("adopt", "nobody.knows.01", *BY), "HY-506"),
        (("trading", "set", "OFF", "--scope", "ALL", *BY), "HY-004"),
        (("trading", "set", "HALTED", "--scope", "ZZ", *BY), "HY-004"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else value,
)
def test_a_decision_that_does_not_fit_the_facts_is_refused(
    traded: TradingDay, command: tuple[str, ...], code: str
) -> None:
    """One lot of HE was bought; nothing is in doubt and nothing differs."""
    refused = traded.hydra(*command)
    assert (refused.code, refused.line.split()[0]) == (2, code)
    assert not [event for event in traded.ledger() if "anna" in str(event["payload"])]
