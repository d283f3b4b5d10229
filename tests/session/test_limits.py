"""Every limit of the risk gate through `hydra session run`: denied just beyond it, passed at it.

Limits on a whole order are held against a market that the exchange has halted: its prices stand still, so
that a limit can be set exactly at the value the gate itself named. Limits on a child need a living market.
"""

import re
from decimal import Decimal

import pytest

from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, Outcome, TradingDay

pytestmark = pytest.mark.process

SHORT = {"execution.horizon_s": "30"}
CENT = Decimal("0.01")
EQUITY = Decimal(1_000_000)


def codes(outcome: Outcome, symbol: str) -> list[str]:
    return [reason.partition(":")[0] for reason in outcome.denied.get(symbol, [])]


def named_value(outcome: Outcome, symbol: str, code: str) -> Decimal:
    """The value the gate names in its reason: `CODE: value USD, limit …`."""
    (reason,) = [one for one in outcome.denied[symbol] if one.startswith(code)]
    found = re.search(r": (-?[\d.]+)", reason)
    assert found is not None, reason
    return Decimal(found[1])


def of(symbol: str, limit: str) -> str:
    return f"limits.instruments.{symbol}.{limit}"


@pytest.fixture
def still(open_day: OpenDay) -> TradingDay:
    """A day whose markets stand still."""
    day = open_day()
    for symbol in ("HE", "LE", "ZO", "GF", "OJ"):
        day.gateway.fault("halt", symbol=symbol)
    day.settings.update(SHORT)
    return day


def run_with(
    day: TradingDay, targets: str, limits: dict[str, object], *more: object, on: str = ""
) -> Outcome:
    before = dict(day.settings)
    day.settings.update(limits)
    try:
        done = day.session(targets, *more, on=on or "2026-11-23")
    finally:
        day.settings = before
    assert done.code == 0, done.stderr
    return done


def test_limits_of_one_instrument_deny_just_beyond_and_pass_at_the_value(still: TradingDay) -> None:
    targets = "HE=4,LE=-4,ZO=4,GF=4,OJ=4"
    tiny: dict[str, object] = {
        of("HE", "order_lots"): 3,
        of("LE", "order_value_usd"): 1,
        of("ZO", "position_lots"): 3,
        of("GF", "position_fraction"): "0.000001",
        of("OJ", "adv_fraction"): "0.000001",
    }
    probe = run_with(still, targets, tiny)
    expected = {
        "HE": "ORDER_LOTS",
        "LE": "ORDER_VALUE",
        "ZO": "POSITION_LOTS",
        "GF": "POSITION_FRACTION",
        "OJ": "VOLUME_CAP",
    }
    assert {symbol: codes(probe, symbol) for symbol in expected} == {s: [c] for s, c in expected.items()}
    value = named_value(probe, "LE", "ORDER_VALUE")
    held = named_value(probe, "GF", "POSITION_FRACTION") / EQUITY
    found = re.search(r"of (\d+) lots a day", probe.denied["OJ"][0])
    assert found is not None
    share = (Decimal(4) / Decimal(found[1])).quantize(Decimal("1e-9"))
    exact: dict[str, object] = {
        of("HE", "order_lots"): 4,
        of("LE", "order_value_usd"): value,
        of("ZO", "position_lots"): 4,
        of("GF", "position_fraction"): held,
        of("OJ", "adv_fraction"): share + Decimal("1e-9"),
    }
    beyond: dict[str, object] = {
        of("HE", "order_lots"): 3,
        of("LE", "order_value_usd"): value - CENT,
        of("ZO", "position_lots"): 3,
        of("GF", "position_fraction"): held - CENT / EQUITY,
        of("OJ", "adv_fraction"): share - Decimal("1e-9"),
    }
    denied = run_with(still, targets, beyond)
    assert {symbol: codes(denied, symbol) for symbol in expected} == {s: [c] for s, c in expected.items()}
    passed = run_with(still, targets, exact)
    assert not passed.denied
    assert set(passed.parents) == set(expected)
    assert not still.sent()


def test_limits_of_the_account_deny_just_beyond_and_pass_at_the_value(still: TradingDay) -> None:
    names = ("limits.account.gross_fraction", "limits.account.net_fraction", "limits.breakers.position")
    denials = ["GROSS_EXPOSURE", "NET_EXPOSURE", "BREAKER_BREACHED"]
    probe = run_with(still, "HE=4", dict.fromkeys(names, "0.000001"))
    assert codes(probe, "HE") == denials
    share = named_value(probe, "HE", "GROSS_EXPOSURE") / EQUITY
    beyond = run_with(still, "HE=4", dict.fromkeys(names, share - CENT / EQUITY))
    assert codes(beyond, "HE") == denials
    assert not run_with(still, "HE=4", dict.fromkeys(names, share)).denied


def test_entries_into_one_symbol_are_counted_over_a_session(day: TradingDay) -> None:
    by = ("--amend", "--by", "anna")
    limit = "limits.account.entries_session"
    assert run_with(day, "HE=1", {limit: 1}).parents["HE"]["status"] == "FILLED"
    assert codes(run_with(day, "HE=2", {limit: 1}, *by), "HE") == ["ENTRIES"]
    assert run_with(day, "HE=2", {limit: 2}).parents["HE"]["status"] == "FILLED"
    assert day.position("HE") == 2
    # an exit always passes
    assert run_with(day, "HE=0", {limit: 1}, *by).parents["HE"]["status"] == "FILLED"
    day.judge()


@pytest.mark.parametrize(
    ("code", "tight", "wide"),
    [
        ("PRICE_COLLAR", {"collar_ticks": 1, "collar_pct": "0.000001"}, {"collar_ticks": 60}),
        ("SPREAD_WIDE", {"spread_ticks_max": 1}, {"spread_ticks_max": 60}),
        ("QUOTE_STALE", {"quote_age_s_max": 1}, {"quote_age_s_max": 80_000}),
    ],
)
def test_a_child_is_priced_only_into_a_sound_market(
    day: TradingDay, code: str, tight: dict[str, object], wide: dict[str, object]
) -> None:
    """For the stale quote the gateway stops telling prices once the first ones came."""
    if code == "QUOTE_STALE":
        for kind in ("tickPrice", "tickSize"):
            day.gateway.fault("mute", kind=kind, on="req_historical_data")
    kept_out = run_with(
        day,
        "ZO=1",
        {**SHORT, "execution.ladder_s": "[1.0, 1.0, 30.0]"} | {of("ZO", k): v for k, v in tight.items()},
    )
    assert kept_out.parents["ZO"]["status"] == "REMAINDER"
    reasons = {
        reason.partition(":")[0] for one in kept_out.events("hydra.child.denied") for reason in one["reasons"]
    }
    assert reasons == {code}
    assert not day.sent()
    day.gateway.fault("clear")
    if code == "QUOTE_STALE":
        for kind in ("tickPrice", "tickSize"):
            day.gateway.fault("mute", kind=kind, on="req_historical_data")
    let_in = run_with(day, "ZO=1", {of("ZO", k): v for k, v in wide.items()}, on="2026-11-24")
    assert day.sent(), let_in.stderr
    day.judge()


def test_what_a_session_sends_in_all_is_limited(day: TradingDay) -> None:
    limit = "limits.account.gross_sent_fraction"
    kept_out = run_with(day, "HE=2", {limit: "0.01", **SHORT, "execution.ladder_s": "[1.0, 1.0, 30.0]"})
    said = " ".join(reason for one in kept_out.events("hydra.child.denied") for reason in one["reasons"])
    assert said.startswith("GROSS_SENT: ")
    assert not day.sent()
    assert run_with(day, "HE=2", {limit: "0.10"}, on="2026-11-24").parents["HE"]["status"] == "FILLED"
    day.judge()


def test_messages_of_a_session_are_refused_at_the_first_limit(day: TradingDay) -> None:
    """Room for two new orders: three parents want one each."""
    window = "limits.account.messages_session"
    first = run_with(
        day,
        "HE=1,LE=1,GF=1",
        {
            f"{window}.reject": 3,
            f"{window}.halt": 9,
            f"{window}.cancel_reserve": 1,
            "execution.horizon_s": 240,
        },
    )
    assert len(day.sent()) == 2
    assert sorted(one["status"] for one in first.parents.values()) == ["FILLED", "FILLED", "REMAINDER"]
    limits = {f"{window}.reject": 4, f"{window}.halt": 9, f"{window}.cancel_reserve": 1}
    again = run_with(day, "HE=2,LE=2,GF=2", limits, on="2026-11-24")
    assert {one["status"] for one in again.parents.values()} == {"FILLED"}
    day.judge()


def test_messages_of_a_minute_are_spread_over_time(day: TradingDay) -> None:
    """Room for one new order a minute; the second parent waits for its minute."""
    window = "limits.account.messages_minute"
    done = run_with(
        day, "HE=1,LE=1", {f"{window}.reject": 2, f"{window}.halt": 9, f"{window}.cancel_reserve": 1}
    )
    assert {one["status"] for one in done.parents.values()} == {"FILLED"}
    first, second = day.of_times("ChildSending")
    assert (second - first).total_seconds() >= 60
    day.judge()


def test_a_runaway_is_halted_with_its_cancels_let_through(day: TradingDay) -> None:
    """One order and its cancel use up the limit; the next order halts everything until a person says so."""
    window = "limits.account.messages_session"
    day.settings = dict(RESTING)
    tight = {f"{window}.reject": 2, f"{window}.halt": 2, f"{window}.cancel_reserve": 1}
    done = run_with(day, f"ZO={OATS}", tight)
    assert len(day.sent()) == 1
    assert day.frames("cancelOrder")
    assert done.parents["ZO"]["reason"].startswith("halted: ALL: MESSAGE_HALT")
    assert codes(run_with(day, "HE=1", {}), "HE") == ["TRADING_HALTED"]
    by = ("--by", "anna", "--reason", "looked into it")
    assert day.hydra("trading", "set", "ACTIVE", "--scope", "ALL", *by).code == 0
    assert run_with(day, "HE=1", {}).parents["HE"]["status"] == "FILLED"
    day.judge()


def test_losses_open_the_breakers_and_they_stay_open(day: TradingDay) -> None:
    """A person's round trip in live cattle loses 2,000 USD; the account's session began before it."""
    loose = {f"limits.breakers.{name}": "-0.9" for name in ("daily_loss", "drawdown", "trade_loss")}
    assert run_with(day, "HE=1", loose).parents["HE"]["status"] == "FILLED"
    for side, price in (("BUY", "240"), ("SELL", "235")):
        day.gateway.fault("manual_trade", symbol="LE", side=side, qty=1, price=price)
    assert day.hydra("session", "reconcile").code == 0
    passed = run_with(day, "HE=1,GF=1", loose)
    assert passed.parents["GF"]["status"] == "FILLED"
    tight = dict.fromkeys(loose, "-0.001")
    denied = run_with(day, "HE=1,OJ=1,LE=0", tight)
    said = " ".join(denied.denied["OJ"])
    for name in ("daily_loss", "drawdown", "trade_loss"):
        assert f"BREAKER_OPEN: {name} is TRIGGERED" in said
    # persisted: the limits are loose again, the next day has begun, and new risk still waits
    next_day = run_with(day, "HE=2", loose, on="2026-11-24")
    assert "BREAKER_OPEN" in codes(next_day, "HE")
    # an exit passes
    assert run_with(day, "HE=0", loose, on="2026-11-25").parents["HE"]["status"] == "FILLED"
    day.judge()
