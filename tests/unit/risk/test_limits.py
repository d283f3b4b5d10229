"""The limits in force where configuration says nothing, and what no limit may be."""

from dataclasses import fields, replace
from typing import Any

import pytest

from hydra.domain.errors import UserError
from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side
from hydra.risk.breakers import Breaker
from hydra.risk.gate import Approved, check_intent
from hydra.risk.limits import InstrumentLimits, MessageLimit, default_limits
from hydra.risk.reasons import Reason
from tests.unit.risk.builders import (
    HE,
    ZO,
    D,
    child_codes,
    codes,
    contract,
    control,
    intent,
    proposal,
    quote,
    view,
)

SYMBOLS = ("ZO", "HE", "LE", "GF", "ZR", "OJ")
PAPER = default_limits("paper", SYMBOLS)
LIVE = default_limits("live", SYMBOLS)
HOGS = contract(con_id=HE, symbol="HE", multiplier=D(40_000), min_tick=D("0.00025"))
HOGS_QUOTE = quote(con_id=HE, bid_px=D("89.975"), ask_px=D("90.025"), last_px=D(90))


def test_paper_admits_targets_given_by_hand_on_a_million() -> None:
    """ZO = 12 at 380 cents and 300 lots a day, then HE = -9 at 90 cents beside it."""
    oats = view(adv_lots=300)
    assert isinstance(check_intent(intent(qty=12), oats, PAPER), Approved)
    assert child_codes(proposal(qty=12), oats, PAPER) == set()
    hogs = view(
        contract=HOGS,
        quote=HOGS_QUOTE,
        adv_lots=14_000,
        control=control(exposures={ZO: Exposure(12, 12)}),
        marks={ZO: D(380)},
        usd_per_point={ZO: D(50)},
    )
    wanted = intent(qty=9, side=Side.SELL, symbol="HE", con_id=HE, parent_id="20260821-HE-1")
    assert isinstance(check_intent(wanted, hogs, PAPER), Approved)


def test_live_is_nowhere_looser_than_paper() -> None:
    for symbol in SYMBOLS:
        live, paper = LIVE.instruments[symbol], PAPER.instruments[symbol]
        for one in fields(InstrumentLimits):
            assert getattr(live, one.name) <= getattr(paper, one.name), one.name
    assert LIVE.account.gross_fraction <= PAPER.account.gross_fraction
    assert LIVE.breakers.drawdown == D("-0.02")
    assert PAPER.breakers.drawdown == D("-0.05")
    assert (PAPER.breakers.daily_loss, PAPER.breakers.trade_loss) == (D("-0.02"), D("-0.01"))
    assert LIVE.breakers.position < LIVE.instruments["ZO"].position_fraction == D("0.15")


def test_live_denies_what_paper_admits() -> None:
    assert Reason.POSITION_FRACTION in codes(check_intent(intent(qty=12), view(), LIVE))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_spread_limit_leaves_room_for_the_usual_spread(symbol: str) -> None:
    usual_half_ticks = {"ZO": 7.2, "HE": 1.0, "LE": 0.7, "GF": 1.6, "ZR": 4.4, "OJ": 21.5}
    assert PAPER.instruments[symbol].spread_ticks_max >= 4 * 2 * usual_half_ticks[symbol]


def test_only_the_symbols_named_have_limits() -> None:
    assert set(default_limits("paper", ["XX"]).instruments) == {"XX"}


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="HY-701"):
        default_limits("Live", SYMBOLS)


@pytest.mark.parametrize("bad", [0, -1, D("NaN"), D("Infinity"), 0.5, "5", True])
@pytest.mark.parametrize("name", [one.name for one in fields(InstrumentLimits)])
def test_an_instrument_limit_is_a_positive_number(name: str, bad: Any) -> None:
    with pytest.raises(UserError, match=f"HY-701.*{name}"):
        replace(PAPER.instruments["ZO"], **{name: bad})


def test_no_collar_at_all_is_refused() -> None:
    one = replace(PAPER.instruments["ZO"], collar_pct=None)
    with pytest.raises(UserError, match=r"HY-701.*collar"):
        replace(one, collar_ticks=None)


@pytest.mark.parametrize(("reject", "halt", "reserve"), [(5, 9, 5), (5, 4, 1), (0, 9, 1), (5, 9, 0)])
def test_a_message_limit_keeps_its_order(reject: int, halt: int, reserve: int) -> None:
    with pytest.raises(UserError, match="HY-701"):
        MessageLimit(reject, halt, reserve)


@pytest.mark.parametrize("name", ["daily_loss", "drawdown", "trade_loss"])
@pytest.mark.parametrize("bad", [D("0.02"), D(0), D(-1), D("NaN"), -0.02])
def test_a_loss_threshold_is_a_negative_fraction(name: str, bad: Any) -> None:
    with pytest.raises(UserError, match=f"HY-701.*{name}"):
        replace(PAPER.breakers, **{name: bad})


def test_a_cooldown_lasts_at_least_one_session() -> None:
    for breaker in Breaker:
        with pytest.raises(UserError, match="HY-701"):
            replace(PAPER.breakers, **{f"{breaker}_cooldown": 0})
