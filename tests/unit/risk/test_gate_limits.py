"""For every limit: exactly at it passes, one beyond is denied with that limit's code."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side
from hydra.risk.gate import Approved, check_intent
from hydra.risk.limits import MessageLimit
from hydra.risk.market_rules import reference_px
from hydra.risk.reasons import Reason
from hydra.risk.view import MessageCounts
from tests.unit.risk.builders import (
    HE,
    NOW,
    ROOMY,
    ZO,
    D,
    child_codes,
    codes,
    contract,
    control,
    intent,
    limits,
    proposal,
    quote,
    verdict,
    view,
)

TEN = MessageLimit(reject=10, halt=20, cancel_reserve=3)
CENT = Decimal("0.01")
MICROSECOND = timedelta(microseconds=1)
HE_MARKET = {"marks": {HE: D(90)}, "usd_per_point": {HE: D(400)}}  # 36,000 USD a lot; ZO: 19,000


@dataclass(frozen=True)
class Limit:
    """A limit's code, and the codes that come back at an amount up to (0) or beyond (1) it."""

    code: Reason
    ask: Callable[[int], set[str]]


def _equity(usd: Decimal) -> set[str]:
    held = limits(breakers={"daily_loss": D("-0.02")})
    return child_codes(proposal(), view(equity_usd=usd), held)


def _drawdown(usd: Decimal) -> set[str]:
    held = limits(breakers={"drawdown": D("-0.05")})
    seen = view(equity_usd=usd, control=control(equity_open_usd=usd))
    return child_codes(proposal(), seen, held)


def _counts(seen: MessageCounts) -> set[str]:
    held = limits(account={"messages_second": TEN, "messages_minute": TEN, "messages_session": TEN})
    return child_codes(proposal(), view(control=control(messages=seen)), held)


LIMITS = {
    "order lots": Limit(
        Reason.ORDER_LOTS, lambda beyond: child_codes(proposal(qty=5 + beyond), view(), limits(order_lots=5))
    ),
    # 5 × 380 × 50
    "order value": Limit(
        Reason.ORDER_VALUE,
        lambda beyond: child_codes(
            proposal(qty=5), view(), limits(order_value_usd=D(95_000) - CENT * beyond)
        ),
    ),
    "order value of a sell below zero": Limit(
        Reason.ORDER_VALUE,
        lambda beyond: child_codes(
            proposal(qty=5, limit_px=D(-38), side=Side.SELL),
            view(quote=quote(bid_px=D(-39), ask_px=D(-37))),
            limits(order_value_usd=D(9_500) - CENT * beyond),
        ),
    ),
    "position lots, long": Limit(
        Reason.POSITION_LOTS,
        lambda beyond: child_codes(
            proposal(qty=5 + beyond), view(control=control(5)), limits(position_lots=10)
        ),
    ),
    "position lots, short": Limit(
        Reason.POSITION_LOTS,
        lambda beyond: child_codes(
            proposal(qty=5 + beyond, side=Side.SELL), view(control=control(-5)), limits(position_lots=10)
        ),
    ),
    "position lots at the end that doubt holds": Limit(
        Reason.POSITION_LOTS,
        lambda beyond: child_codes(
            proposal(qty=1),
            view(control=control(exposure=Exposure(-10 - beyond, 0))),
            limits(position_lots=10),
        ),
    ),
    # 5 lots × 380 × 50 = 95,000 of a million, by the mid
    "position fraction": Limit(
        Reason.POSITION_FRACTION,
        lambda beyond: child_codes(proposal(qty=5 + beyond), view(), limits(position_fraction=D("0.095"))),
    ),
    "position fraction, short": Limit(
        Reason.POSITION_FRACTION,
        lambda beyond: child_codes(
            proposal(qty=5 + beyond, side=Side.SELL), view(), limits(position_fraction=D("0.095"))
        ),
    ),
    "volume cap": Limit(
        Reason.VOLUME_CAP,
        lambda beyond: child_codes(proposal(qty=15 + beyond), view(), limits(adv_fraction=D("0.05"))),
    ),
    "gross exposure over all contracts": Limit(
        Reason.GROSS_EXPOSURE,
        lambda beyond: child_codes(
            proposal(qty=2),
            view(control=control(exposures={ZO: Exposure(0, 0), HE: Exposure(-2, 1)}), **HE_MARKET),
            limits(account={"gross_fraction": D("0.110") - D("0.000001") * beyond}),
        ),
    ),
    "net exposure, longs": Limit(
        Reason.NET_EXPOSURE,
        lambda beyond: child_codes(
            proposal(qty=2),
            view(control=control(exposures={HE: Exposure(1, 1)}), **HE_MARKET),
            limits(account={"net_fraction": D("0.074") - D("0.000001") * beyond}),
        ),
    ),
    "net exposure, doubt never nets": Limit(
        Reason.NET_EXPOSURE,
        lambda beyond: child_codes(
            proposal(qty=1),
            view(control=control(exposures={HE: Exposure(-3, 0)}), **HE_MARKET),
            limits(account={"net_fraction": D("0.108") - D("0.000001") * beyond}),
        ),
    ),
    # 2 × 380 × 50 = 38,000 more
    "gross sent in the session": Limit(
        Reason.GROSS_SENT,
        lambda beyond: child_codes(
            proposal(qty=2),
            view(control=control(sent_usd_session=D(62_000) + CENT * beyond)),
            limits(account={"gross_sent_fraction": D("0.1")}),
        ),
    ),
    "collar in percent, above": Limit(
        Reason.PRICE_COLLAR,
        lambda beyond: child_codes(
            proposal(limit_px=D("389.5") + D("0.25") * beyond), view(), limits(collar_pct=D("0.025"))
        ),
    ),
    "collar in percent, below": Limit(
        Reason.PRICE_COLLAR,
        lambda beyond: child_codes(
            proposal(limit_px=D("370.5") - D("0.25") * beyond), view(), limits(collar_pct=D("0.025"))
        ),
    ),
    "collar in percent of a price below zero": Limit(
        Reason.PRICE_COLLAR,
        lambda beyond: child_codes(
            proposal(limit_px=D(-41) - D("0.25") * beyond),
            view(quote=quote(bid_px=D(-41), ask_px=D(-39))),
            limits(collar_pct=D("0.025")),
        ),
    ),
    "collar in ticks": Limit(
        Reason.PRICE_COLLAR,
        lambda beyond: child_codes(
            proposal(limit_px=D(385) + D("0.25") * beyond), view(), limits(collar_pct=None, collar_ticks=20)
        ),
    ),
    "collar in ticks around a price of zero": Limit(
        Reason.PRICE_COLLAR,
        lambda beyond: child_codes(
            proposal(limit_px=D(-5) - D("0.25") * beyond),
            view(quote=quote(bid_px=D(-1), ask_px=D(1))),
            limits(collar_pct=D("0.02"), collar_ticks=20),
        ),
    ),
    "quote age": Limit(
        Reason.QUOTE_STALE,
        lambda beyond: child_codes(
            proposal(),
            view(quote=quote(changed_at=NOW - timedelta(seconds=30) - MICROSECOND * beyond)),
            limits(quote_age_s_max=30),
        ),
    ),
    "quote from the future": Limit(
        Reason.QUOTE_STALE,
        lambda beyond: child_codes(
            proposal(),
            view(quote=quote(changed_at=NOW + timedelta(seconds=30) + MICROSECOND * beyond)),
            limits(quote_age_s_max=30),
        ),
    ),
    "spread": Limit(
        Reason.SPREAD_WIDE,
        lambda beyond: child_codes(
            proposal(), view(quote=quote(ask_px=D(384) + D("0.25") * beyond)), limits(spread_ticks_max=20)
        ),
    ),
    "messages a second": Limit(
        Reason.MESSAGE_RATE, lambda beyond: _counts(MessageCounts(last_second=6 + beyond))
    ),
    "messages a minute": Limit(
        Reason.MESSAGE_RATE, lambda beyond: _counts(MessageCounts(last_minute=6 + beyond))
    ),
    "messages a session": Limit(
        Reason.MESSAGE_RATE, lambda beyond: _counts(MessageCounts(session=6 + beyond))
    ),
    "entries": Limit(
        Reason.ENTRIES,
        lambda beyond: child_codes(
            proposal(),
            view(control=control(entries_session=3 + beyond)),
            limits(account={"entries_session": 3}),
        ),
    ),
    "entries of one more parent": Limit(
        Reason.ENTRIES,
        lambda beyond: codes(
            check_intent(
                intent(),
                view(control=control(entries_session=2 + beyond)),
                limits(account={"entries_session": 3}),
            )
        ),
    ),
    "daily loss": Limit(Reason.BREAKER_BREACHED, lambda beyond: _equity(D(980_000) - CENT * beyond)),
    "drawdown": Limit(Reason.BREAKER_BREACHED, lambda beyond: _drawdown(D(950_000) - CENT * beyond)),
    "single trade": Limit(
        Reason.BREAKER_BREACHED,
        lambda beyond: child_codes(
            proposal(),
            view(worst_trade_usd=D(-10_000) - CENT * beyond),
            limits(breakers={"trade_loss": D("-0.01")}),
        ),
    ),
    "position breaker": Limit(
        Reason.BREAKER_BREACHED,
        lambda beyond: child_codes(
            proposal(qty=5 + beyond), view(), limits(breakers={"position": D("0.095")})
        ),
    ),
    "good till the close": Limit(
        Reason.GOOD_TILL_INVALID,
        lambda beyond: child_codes(
            proposal(good_till=NOW + timedelta(hours=3) + MICROSECOND * beyond), view()
        ),
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_exactly_at_the_limit_passes_and_one_beyond_is_denied(name: str) -> None:
    limit = LIMITS[name]
    assert limit.ask(0) == set()
    assert limit.ask(1) == {limit.code}


def test_past_the_halt_threshold_the_code_says_halt_and_at_it_only_reject() -> None:
    assert _counts(MessageCounts(session=19)) == {Reason.MESSAGE_RATE}
    assert _counts(MessageCounts(session=20)) == {Reason.MESSAGE_HALT}


def test_value_counts_cents_as_cents() -> None:
    """12 ZO at 380 cents are 228,000 USD; taken for dollars they would be 22.8 million, a hundredfold."""
    large = proposal(qty=12)
    assert child_codes(large, view(), limits(order_value_usd=D(228_000))) == set()
    assert Reason.ORDER_VALUE in child_codes(large, view(), limits(order_value_usd=D("227999.99")))
    assert child_codes(large, view(), limits(position_fraction=D("0.228"))) == set()
    assert Reason.POSITION_FRACTION in child_codes(large, view(), limits(position_fraction=D("0.2279")))
    in_dollars = view(contract=contract(price_magnifier=1, min_tick=D("0.25")))
    assert Reason.ORDER_VALUE in child_codes(large, in_dollars, limits(order_value_usd=D(228_000)))


def test_the_order_grid_is_the_tick_times_the_magnifier() -> None:
    assert child_codes(proposal(limit_px=D("380.25")), view()) == set()
    assert child_codes(proposal(limit_px=D("380.0025")), view()) == {Reason.PRICE_OFF_GRID}


@pytest.mark.parametrize("px", [D(0), D("-0.25"), D("-37.5")])
def test_prices_of_zero_and_below_are_legal(px: Decimal) -> None:
    near = view(quote=quote(bid_px=px - 1, ask_px=px + 1, last_px=px))
    assert child_codes(proposal(limit_px=px), near, limits(collar_ticks=10)) == set()


def test_an_exit_passes_where_new_risk_is_denied() -> None:
    """Every limit on risk is at its tightest; the sell only shrinks the position, so it passes."""
    tight = limits(
        position_lots=1,
        position_fraction=D("0.0001"),
        adv_fraction=D("0.0001"),
        spread_ticks_max=1,
        account={
            "gross_fraction": D("0.0001"),
            "net_fraction": D("0.0001"),
            "gross_sent_fraction": D("0.0001"),
            "entries_session": 1,
        },
        breakers={"position": D("0.0001"), "daily_loss": D("-0.0001")},
    )
    held = control(8, has_doubt=True, entries_session=9, sent_usd_session=D(10**8))
    seen = view(control=held, equity_usd=D(900_000), worst_trade_usd=D(-1))
    assert child_codes(proposal(qty=8, side=Side.SELL), seen, tight) == set()
    assert isinstance(check_intent(intent(qty=8, side=Side.SELL), seen, tight), Approved)
    assert len(child_codes(proposal(qty=9, side=Side.SELL), seen, tight)) > 5


def test_an_exit_may_be_larger_than_one_child_and_its_children_may_not() -> None:
    held = limits(order_lots=5, order_value_usd=D(95_000))
    seen = view(control=control(8))
    assert isinstance(check_intent(intent(qty=8, side=Side.SELL), seen, held), Approved)
    refused = child_codes(proposal(qty=8, side=Side.SELL), seen, held)
    assert refused == {Reason.ORDER_LOTS, Reason.ORDER_VALUE}


def test_a_crossed_or_one_sided_market_is_measured_by_its_last_trade_then_its_close() -> None:
    assert reference_px(quote()) == D(380)
    assert reference_px(quote(bid_px=D(500), ask_px=D(400))) == D("380.25")
    assert reference_px(quote(ask_px=None)) == D("380.25")
    assert reference_px(quote(bid_px=D("NaN"), last_px=None)) == D(378)
    assert reference_px(quote(bid_px=None, last_px=None, close_px=None)) is None


def test_an_exit_is_still_held_to_price_market_and_messages() -> None:
    seen = view(
        control=control(8, messages=MessageCounts(last_second=10)),
        quote=quote(changed_at=NOW - timedelta(hours=1)),
    )
    held = limits(collar_pct=D("0.01"), account={"messages_second": TEN})
    refused = child_codes(proposal(qty=8, side=Side.SELL, limit_px=D(300)), seen, held)
    assert refused == {Reason.QUOTE_STALE, Reason.PRICE_COLLAR, Reason.MESSAGE_RATE}


def test_an_exit_does_not_need_to_know_equity() -> None:
    blind = view(equity_usd=None, control=control(8, equity_open_usd=None, equity_peak_usd=None))
    assert child_codes(proposal(qty=8, side=Side.SELL), blind) == set()
    assert Reason.EQUITY_UNKNOWN in child_codes(proposal(), blind)


def test_all_reasons_are_given_at_once_each_with_value_and_limit() -> None:
    held = limits(order_lots=5, position_lots=5, adv_fraction=D("0.01"))
    answer = check_intent(intent(qty=7), view(), held)
    assert codes(answer) == {Reason.ORDER_LOTS, Reason.POSITION_LOTS, Reason.VOLUME_CAP}
    assert "ORDER_LOTS: 7 lots, limit 5" in getattr(answer, "reasons", ())


def test_an_intent_is_not_denied_for_what_may_pass_within_seconds() -> None:
    """Its denial would stand for the whole session; its children are denied while the market is so."""
    for bad in (
        quote(changed_at=NOW - timedelta(hours=1)),
        quote(halted=True),
        quote(bid_px=D(382), ask_px=D(380)),
        quote(ask_px=D(700)),
    ):
        seen = view(quote=bad)
        assert isinstance(check_intent(intent(), seen, limits(spread_ticks_max=9)), Approved)
        assert child_codes(proposal(), seen, limits(spread_ticks_max=9)) != set()


def test_the_verdict_carries_the_child_and_its_time() -> None:
    given = verdict()
    assert given.verdict_id == f"H-20260821-ZO-1-C01@{NOW.isoformat()}"
    assert (given.qty, given.limit_px, given.side) == (2, D(380), Side.BUY)
    assert given.is_live_at(NOW + timedelta(seconds=5))
    assert not given.is_live_at(NOW + timedelta(seconds=5) + MICROSECOND)
    assert not given.is_live_at(NOW - MICROSECOND)


def test_no_limit_for_a_symbol_denies_even_an_exit() -> None:
    none_set = replace(ROOMY, instruments={})
    seen = view(control=control(8))
    assert child_codes(proposal(qty=8, side=Side.SELL), seen, none_set) == {Reason.NO_LIMIT}
    assert codes(check_intent(intent(), seen, none_set)) == {Reason.NO_LIMIT}
