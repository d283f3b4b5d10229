"""A market, an account and limits in which everything passes; a test changes one thing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hydra.domain.contract import Contract, TradingInterval
from hydra.domain.events import ChildSending, TradingState
from hydra.domain.exposure import Exposure
from hydra.domain.ids import order_ref
from hydra.domain.intent import ChildProposal, OrderIntent
from hydra.domain.market import Quote
from hydra.domain.quantity import Side
from hydra.risk.gate import Verdict, check_child
from hydra.risk.limits import (
    AccountLimits,
    BreakerLimits,
    InstrumentLimits,
    Limits,
    MessageLimit,
)
from hydra.risk.view import ControlState, Denied, RiskView

D = Decimal
MID = Decimal(380)
NOW = datetime(2026, 8, 21, 15, 0, tzinfo=UTC)
SESSION_ON = date(2026, 8, 21)
ZO = 1001
HE = 1002
PARENT = "20260821-ZO-1"
VALID_FOR = timedelta(seconds=5)

ROOMY_MESSAGES = MessageLimit(reject=10_000, halt=20_000, cancel_reserve=10)
ROOMY = Limits(
    account=AccountLimits(
        gross_fraction=D(1000),
        net_fraction=D(1000),
        gross_sent_fraction=D(10_000),
        messages_second=ROOMY_MESSAGES,
        messages_minute=ROOMY_MESSAGES,
        messages_session=ROOMY_MESSAGES,
        entries_session=100,
    ),
    breakers=BreakerLimits(daily_loss=D("-0.5"), drawdown=D("-0.5"), position=D(1000), trade_loss=D("-0.5")),
    instruments={
        "ZO": InstrumentLimits(
            position_lots=10_000,
            order_lots=10_000,
            order_value_usd=D(10**9),
            position_fraction=D(1000),
            adv_fraction=D(100),
            collar_ticks=None,
            collar_pct=D("0.5"),
            quote_age_s_max=300,
            spread_ticks_max=10_000,
        )
    },
)


def limits(
    *, account: Mapping[str, Any] | None = None, breakers: Mapping[str, Any] | None = None, **own: Any
) -> Limits:
    """ROOMY with the named limits set: `own` are ZO's."""
    return Limits(
        account=replace(ROOMY.account, **(account or {})),
        breakers=replace(ROOMY.breakers, **(breakers or {})),
        instruments={"ZO": replace(ROOMY.instruments["ZO"], **own)},
    )


def contract(**changed: Any) -> Contract:
    """ZO as IB reports it: quoted in cents, multiplier 5000 over magnifier 100 = 50 USD a point."""
    facts: dict[str, Any] = {
        "con_id": ZO,
        "symbol": "ZO",
        "exchange": "CBOT",
        "currency": "USD",
        "local_symbol": "ZOZ6",
        "contract_month": "202612",
        "last_trade_on": date(2026, 12, 14),
        "multiplier": D(5000),
        "price_magnifier": 100,
        "min_tick": D("0.0025"),
        "order_types": frozenset({"LMT", "GTD"}),
        "time_zone": "America/Chicago",
        "hours": (TradingInterval(NOW - timedelta(hours=2), NOW + timedelta(hours=3)),),
    }
    return Contract(**{**facts, **changed})


def quote(**changed: Any) -> Quote:
    """A fresh two-sided market around 380 cents."""
    facts: dict[str, Any] = {
        "con_id": ZO,
        "bid_px": D("379"),
        "bid_qty": 2,
        "ask_px": D("381"),
        "ask_qty": 3,
        "last_px": D("380.25"),
        "close_px": D("378"),
        "volume": 120,
        "halted": False,
        "changed_at": NOW - timedelta(seconds=2),
    }
    return Quote(**{**facts, **changed})


def control(position: int = 0, **changed: Any) -> ControlState:
    """Nothing live, nothing in doubt, a million dollars at the open and at the peak."""
    facts: dict[str, Any] = {
        "trading_state": TradingState.ACTIVE,
        "trading_reason": "",
        "exposure": Exposure(position, position),
        "exposures": {},
        "has_doubt": False,
        "equity_open_usd": D(1_000_000),
        "equity_peak_usd": D(1_000_000),
    }
    return ControlState(**{**facts, **changed})


def view(**changed: Any) -> RiskView:
    """The view in which a child of ZO passes every limit of ROOMY."""
    facts: dict[str, Any] = {
        "now": NOW,
        "control": control(),
        "contract": contract(),
        "quote": quote(),
        "equity_usd": D(1_000_000),
        "adv_lots": 300,
        "marks": {},
        "usd_per_point": {},
    }
    return RiskView(**{**facts, **changed})


def proposal(qty: Any = 2, limit_px: Any = MID, side: Any = Side.BUY, **changed: Any) -> ChildProposal:
    """One child of ZO, good for a minute."""
    facts: dict[str, Any] = {
        "order_ref": order_ref(PARENT, 1),
        "parent_id": PARENT,
        "symbol": "ZO",
        "con_id": ZO,
        "side": side,
        "qty": qty,
        "limit_px": limit_px,
        "good_till": NOW + timedelta(minutes=1),
    }
    return ChildProposal(**{**facts, **changed})


def intent(qty: Any = 2, side: Any = Side.BUY, **changed: Any) -> OrderIntent:
    """A wanted change of ZO's position."""
    facts: dict[str, Any] = {
        "parent_id": PARENT,
        "symbol": "ZO",
        "con_id": ZO,
        "side": side,
        "qty": qty,
        "target": 2,
        "reason": "test",
    }
    return OrderIntent(**{**facts, **changed})


def codes(answer: object) -> set[str]:
    """The codes of a denial; empty for anything that is none."""
    return set(answer.codes) if isinstance(answer, Denied) else set()


def child_codes(of: ChildProposal, seen: RiskView, held: Limits = ROOMY) -> set[str]:
    """The codes with which the gate refuses this child, empty when it passes."""
    return codes(check_child(of, seen, held, VALID_FOR))


def verdict(of: ChildProposal | None = None, seen: RiskView | None = None, held: Limits = ROOMY) -> Verdict:
    """A verdict the gate gave."""
    answer = check_child(of or proposal(), seen or view(), held, VALID_FOR)
    assert isinstance(answer, Verdict), answer
    return answer


def sending(qty: int = 2, child_no: int = 1, parent: str = PARENT, **changed: Any) -> ChildSending:
    """The record of one child's promise."""
    facts: dict[str, Any] = {
        "order_ref": order_ref(parent, child_no),
        "parent": parent,
        "con_id": ZO,
        "side": Side.BUY,
        "qty": qty,
        "limit_px": D(380),
        "good_till": NOW + timedelta(minutes=1),
        "client_id": 1,
        "ib_order_id": 100 + child_no,
        "lease_epoch": 1,
        "verdict": f"{order_ref(parent, child_no)}@{NOW.isoformat()}",
        "champion_id": "ewma",
        "config_hash": "c",
        "build_id": "b",
        "approver": "rule",
    }
    return ChildSending(**{**facts, **changed})
