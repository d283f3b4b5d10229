"""Every code the gate knows is provoked, alone, from a view in which all else passes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from hydra.domain.champion import Envelope
from hydra.domain.contract import PriceBand
from hydra.domain.events import TradingState
from hydra.domain.exposure import Exposure
from hydra.domain.quantity import Side
from hydra.risk.gate import check_intent, recheck
from hydra.risk.limits import MessageLimit
from hydra.risk.reasons import Reason
from hydra.risk.view import BreakerStatus, MessageCounts
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

NAN = Decimal("NaN")
TIGHT = MessageLimit(reject=4, halt=8, cancel_reserve=2)
BOUNDS = Envelope(("ZO",), D(38_000), 3, 2)
UNTIMED = NOW.replace(tzinfo=None)

PROVOKED: dict[Reason, list[Callable[[], set[str]]]] = {
    Reason.SIDE_INVALID: [
        lambda: child_codes(proposal(side="BUY"), view()),
        lambda: codes(check_intent(intent(side=1), view(), ROOMY)),
    ],
    Reason.SIZE_INVALID: [
        lambda: child_codes(proposal(qty=0), view()),
        lambda: child_codes(proposal(qty=-1), view()),
        lambda: child_codes(proposal(qty=float("nan")), view()),
        lambda: child_codes(proposal(qty=1.0), view()),
        lambda: child_codes(proposal(qty=True), view()),
        lambda: child_codes(proposal(qty=NAN), view()),
        lambda: codes(check_intent(intent(qty=0), view(), ROOMY)),
    ],
    Reason.PRICE_INVALID: [
        lambda: child_codes(proposal(limit_px=NAN), view()),
        lambda: child_codes(proposal(limit_px=Decimal("sNaN")), view()),
        lambda: child_codes(proposal(limit_px=Decimal("-Infinity")), view()),
        lambda: child_codes(proposal(limit_px=380.0), view()),
        lambda: child_codes(proposal(limit_px=None), view()),
        lambda: child_codes(proposal(limit_px=Decimal("1E+40")), view()),
    ],
    Reason.PRICE_OFF_GRID: [
        lambda: child_codes(proposal(limit_px=D("380.1")), view()),
        lambda: child_codes(
            proposal(limit_px=D("380.25")), view(contract=contract(bands=(PriceBand(D(0), D("0.5")),)))
        ),
    ],
    Reason.ORDER_REF_INVALID: [
        lambda: child_codes(proposal(order_ref="manual"), view()),
        lambda: child_codes(proposal(order_ref="H-20260821-HE-1-C01"), view()),
    ],
    Reason.GOOD_TILL_INVALID: [
        lambda: child_codes(proposal(good_till=NOW), view()),
        lambda: child_codes(proposal(good_till=UNTIMED + timedelta(minutes=1)), view()),
        lambda: child_codes(proposal(good_till=NOW + timedelta(days=1)), view()),
    ],
    Reason.NO_LIMIT: [lambda: child_codes(proposal(symbol="XX"), view(contract=contract(symbol="XX")))],
    Reason.CONTRACT_MISMATCH: [
        lambda: child_codes(proposal(con_id=HE), view()),
        lambda: child_codes(proposal(), view(quote=quote(con_id=HE))),
        lambda: child_codes(proposal(), view(contract=contract(symbol="HE"))),
    ],
    Reason.CONTRACT_INVALID: [
        lambda: child_codes(proposal(), view(contract=contract(currency="EUR"))),
        lambda: child_codes(proposal(), view(contract=contract(multiplier=NAN))),
        lambda: child_codes(proposal(), view(contract=contract(multiplier=D(0)))),
        lambda: child_codes(proposal(), view(contract=contract(price_magnifier=0))),
        lambda: child_codes(proposal(), view(contract=contract(min_tick=D(0)))),
        lambda: child_codes(proposal(), view(contract=contract(bands=(PriceBand(D(0), D(0)),)))),
    ],
    Reason.GOOD_TILL_UNSUPPORTED: [
        lambda: child_codes(proposal(), view(contract=contract(order_types=frozenset({"LMT"})))),
        lambda: codes(check_intent(intent(), view(contract=contract(order_types=frozenset())), ROOMY)),
    ],
    Reason.MARKET_CLOSED: [
        lambda: child_codes(
            proposal(good_till=NOW + timedelta(hours=4)),
            view(now=NOW + timedelta(hours=3), quote=quote(changed_at=NOW + timedelta(hours=3))),
        )
    ],
    Reason.MARKET_HALTED: [lambda: child_codes(proposal(), view(quote=quote(halted=True)))],
    Reason.QUOTE_INVALID: [
        lambda: child_codes(proposal(), view(quote=quote(bid_px=NAN))),
        lambda: child_codes(proposal(), view(quote=quote(ask_px=Decimal("Infinity")))),
    ],
    Reason.QUOTE_CROSSED: [
        lambda: child_codes(proposal(), view(quote=quote(bid_px=D("380.5"), ask_px=D("380.25"))))
    ],
    Reason.QUOTE_STALE: [
        lambda: child_codes(proposal(), view(quote=quote(changed_at=NOW - timedelta(hours=1))))
    ],
    Reason.NO_REFERENCE: [
        lambda: child_codes(proposal(), view(quote=None, marks={ZO: D(380)})),
        lambda: child_codes(
            proposal(), view(quote=quote(bid_px=None, last_px=NAN, close_px=None), marks={ZO: D(380)})
        ),
    ],
    Reason.SPREAD_WIDE: [lambda: child_codes(proposal(), view(), limits(spread_ticks_max=7))],
    Reason.PRICE_COLLAR: [
        lambda: child_codes(proposal(limit_px=D(400)), view(), limits(collar_pct=D("0.02"))),
        # one side only: the last trade is the reference, although the other side is far away
        lambda: child_codes(
            proposal(limit_px=D(400)),
            view(quote=quote(bid_px=None, ask_px=D(400))),
            limits(collar_pct=D("0.02")),
        ),
        # before the open: nothing but yesterday's close
        lambda: child_codes(
            proposal(limit_px=D(400)),
            view(quote=quote(bid_px=None, ask_px=None, last_px=None)),
            limits(collar_pct=D("0.02")),
        ),
    ],
    Reason.ORDER_LOTS: [
        lambda: child_codes(proposal(), view(), limits(order_lots=1)),
        lambda: codes(check_intent(intent(), view(), limits(order_lots=1))),
    ],
    Reason.ORDER_VALUE: [
        lambda: child_codes(proposal(), view(), limits(order_value_usd=D(30_000))),
        lambda: codes(check_intent(intent(), view(), limits(order_value_usd=D(30_000)))),
    ],
    Reason.VOLUME_CAP: [
        lambda: child_codes(proposal(), view(adv_lots=0)),
        lambda: codes(check_intent(intent(), view(), limits(adv_fraction=D("0.005")))),
    ],
    Reason.POSITION_LOTS: [lambda: child_codes(proposal(), view(), limits(position_lots=1))],
    Reason.POSITION_FRACTION: [
        lambda: child_codes(proposal(), view(), limits(position_fraction=D("0.03"))),
        lambda: codes(check_intent(intent(), view(), limits(position_fraction=D("0.03")))),
    ],
    Reason.GROSS_EXPOSURE: [
        lambda: child_codes(proposal(), view(), limits(account={"gross_fraction": D("0.03")}))
    ],
    Reason.NET_EXPOSURE: [
        lambda: child_codes(proposal(), view(), limits(account={"net_fraction": D("0.03")}))
    ],
    Reason.GROSS_SENT: [
        lambda: child_codes(proposal(), view(), limits(account={"gross_sent_fraction": D("0.03")}))
    ],
    Reason.ENVELOPE: [
        lambda: child_codes(proposal(), view(envelope=replace(BOUNDS, instruments=("HE",)))),
        lambda: child_codes(proposal(), view(envelope=replace(BOUNDS, order_value_usd=D(37_999)))),
        lambda: child_codes(proposal(), view(envelope=replace(BOUNDS, position_lots=1))),
        lambda: child_codes(proposal(), view(envelope=BOUNDS, control=control(orders_session=4))),
        lambda: codes(
            check_intent(intent(), view(envelope=BOUNDS, control=control(orders_session=3)), ROOMY)
        ),
        lambda: codes(recheck(verdict(), control(orders_session=4), view(envelope=BOUNDS), ROOMY)),
    ],
    Reason.EXPOSURE_UNPRICED: [
        lambda: child_codes(proposal(), view(control=control(exposures={HE: Exposure(1, 1)}))),
        lambda: child_codes(
            proposal(),
            view(
                control=control(exposures={HE: Exposure(0, 1)}), marks={HE: NAN}, usd_per_point={HE: D(400)}
            ),
        ),
    ],
    Reason.EQUITY_UNKNOWN: [
        lambda: child_codes(proposal(), view(equity_usd=None)) - {Reason.BREAKER_BREACHED},
        lambda: child_codes(proposal(), view(equity_usd=NAN)) - {Reason.BREAKER_BREACHED},
        lambda: child_codes(proposal(), view(equity_usd=D(0))) - {Reason.BREAKER_BREACHED},
    ],
    Reason.TRADING_HALTED: [
        lambda: child_codes(proposal(), view(control=control(trading_state=TradingState.HALTED))),
        lambda: child_codes(
            proposal(qty=8, side=Side.SELL), view(control=control(8, trading_state=TradingState.HALTED))
        ),
    ],
    Reason.REDUCE_ONLY: [
        lambda: child_codes(proposal(), view(control=control(trading_state=TradingState.REDUCING))),
        lambda: child_codes(
            proposal(qty=9, side=Side.SELL), view(control=control(8, trading_state=TradingState.REDUCING))
        ),
        lambda: child_codes(
            proposal(qty=8, side=Side.SELL),
            view(control=control(trading_state=TradingState.REDUCING, exposure=Exposure(7, 8))),
        ),
    ],
    Reason.STATE_CHANGED: [
        lambda: codes(
            recheck(
                verdict(proposal(qty=8, side=Side.SELL), view(control=control(8))),
                control(8, trading_state=TradingState.REDUCING),
                view(control=control(8)),
                ROOMY,
            )
        )
    ],
    Reason.IN_DOUBT: [lambda: child_codes(proposal(), view(control=control(has_doubt=True)))],
    Reason.BREAKER_OPEN: [
        lambda state=state: child_codes(
            proposal(), view(control=control(breakers={"drawdown": BreakerStatus(state, 2, "2026-08-20")}))
        )
        for state in ("TRIGGERED", "TRIGGERED_ACKED", "COOLDOWN", "COOLDOWN_ACKED", "AWAITING_ACK", "?")
    ],
    Reason.BREAKER_BREACHED: [
        lambda: child_codes(proposal(), view(control=control(equity_open_usd=None))),
        lambda: child_codes(proposal(), view(control=control(equity_peak_usd=NAN))),
        lambda: child_codes(proposal(), view(worst_trade_usd=NAN)),
        lambda: child_codes(proposal(), view(control=control(equity_open_usd=D(3_000_000)))),
    ],
    Reason.ENTRIES: [
        lambda: child_codes(
            proposal(), view(control=control(entries_session=2)), limits(account={"entries_session": 1})
        )
    ],
    Reason.MESSAGE_RATE: [
        lambda: child_codes(
            proposal(),
            view(control=control(messages=MessageCounts(last_minute=5))),
            limits(account={"messages_minute": TIGHT}),
        )
    ],
    Reason.MESSAGE_HALT: [
        lambda: child_codes(
            proposal(),
            view(control=control(messages=MessageCounts(last_second=8))),
            limits(account={"messages_second": TIGHT}),
        )
    ],
}


def test_every_code_is_provoked() -> None:
    assert set(PROVOKED) == set(Reason)


@pytest.mark.parametrize("reason", list(PROVOKED))
def test_the_gate_denies_for_this_reason_alone(reason: Reason) -> None:
    for ask in PROVOKED[reason]:
        assert ask() == {reason}


def test_the_view_the_cases_start_from_passes() -> None:
    assert child_codes(proposal(), view()) == set()
    assert codes(check_intent(intent(), view(), ROOMY)) == set()


def test_a_book_may_do_all_that_its_envelope_says_and_always_leave() -> None:
    assert child_codes(proposal(), view(envelope=BOUNDS, control=control(orders_session=3))) == set()
    narrow = replace(BOUNDS, instruments=("HE",), position_lots=1)
    held = control(position=2, orders_session=9)
    assert child_codes(proposal(side=Side.SELL), view(envelope=narrow, control=held)) == set()


def test_an_active_breaker_denies_nothing() -> None:
    active = control(breakers={"drawdown": BreakerStatus("ACTIVE", 0, "2026-08-20")})
    assert child_codes(proposal(), view(control=active)) == set()


def test_unknown_trading_hours_do_not_close_the_market() -> None:
    assert child_codes(proposal(), view(contract=contract(hours=()))) == set()


def test_a_good_till_of_another_zone_is_the_same_instant() -> None:
    chicago = datetime.fromisoformat("2026-08-21T10:01:00-05:00")
    assert child_codes(proposal(good_till=chicago), view()) == set()
