"""The limits the gate holds: every one strict, so that a value exactly at its limit passes.

An instrument without an entry of its own may not be traded at all: no limit set = no order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final

from hydra.domain.champion import Envelope
from hydra.domain.errors import UserError


@dataclass(frozen=True, slots=True)
class InstrumentLimits:
    """One symbol's limits; `collar_ticks` and `collar_pct` bound the distance from the reference price.

    The collar is the wider of the two that are given: ticks keep it open where the price is near zero.
    `adv_fraction` bounds one session's order by average daily volume, `position_fraction` a position's
    notional (points × usd_per_point × lots) by equity; `collar_pct` is a fraction, too (0.02 = 2 %).
    """

    position_lots: int
    order_lots: int
    order_value_usd: Decimal
    position_fraction: Decimal
    adv_fraction: Decimal
    collar_ticks: int | None
    collar_pct: Decimal | None
    quote_age_s_max: int
    spread_ticks_max: int

    def __post_init__(self) -> None:
        _validate(self)
        if self.collar_ticks is None and self.collar_pct is None:
            raise _invalid("collar_ticks, collar_pct", None, "a price collar needs at least one of the two")


@dataclass(frozen=True, slots=True)
class MessageLimit:
    """Messages in one window: new orders are refused past `reject - cancel_reserve`, halted past `halt`.

    Cancels are counted and never refused; the reserve keeps room for them below `reject`.
    """

    reject: int
    halt: int
    cancel_reserve: int

    def __post_init__(self) -> None:
        _validate(self)
        if not self.cancel_reserve < self.reject <= self.halt:
            raise _invalid("reject", self.reject, "must lie above cancel_reserve and not above halt")


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The account's limits over all contracts; fractions are of equity.

    `entries_session` is the repeated-execution throttle: parents opened per instrument and session that
    may increase its position; past it only exits pass until a named person says otherwise.
    """

    gross_fraction: Decimal
    net_fraction: Decimal
    gross_sent_fraction: Decimal
    messages_second: MessageLimit
    messages_minute: MessageLimit
    messages_session: MessageLimit
    entries_session: int

    def __post_init__(self) -> None:
        _validate(self)


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """The circuit breakers' thresholds (losses as negative fractions) and cooldowns in sessions."""

    daily_loss: Decimal
    drawdown: Decimal
    position: Decimal
    trade_loss: Decimal
    daily_loss_cooldown: int = 1
    drawdown_cooldown: int = 5
    position_cooldown: int = 1
    trade_loss_cooldown: int = 1

    def __post_init__(self) -> None:
        for name in ("daily_loss", "drawdown", "trade_loss"):
            value = getattr(self, name)
            if not (isinstance(value, Decimal) and value.is_finite() and -1 < value < 0):
                raise _invalid(name, value, "must lie between -1 and 0: a loss as a fraction of equity")
        for name in ("position", *(one.name for one in fields(self) if one.name.endswith("_cooldown"))):
            _positive(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits in force; `instruments` maps a symbol to its own."""

    account: AccountLimits
    breakers: BreakerLimits
    instruments: Mapping[str, InstrumentLimits]


PAPER: Final = "paper"
LIVE: Final = "live"

# Four times the usual full spread of each market (thin books widen for minutes at a time), at least 20
# ticks; a symbol not measured gets what the usual thin market needs.
_SPREAD_TICKS_MAX: Final[Mapping[str, int]] = {
    "ZO": 60, "ZR": 40, "OJ": 180, "HE": 20, "LE": 20, "GF": 20,
}  # fmt: skip
_SPREAD_TICKS_MAX_OTHER: Final = 60


def default_limits(mode: str, symbols: Iterable[str]) -> Limits:
    """The limits where configuration says nothing; UserError for a mode that is neither paper nor live."""
    if mode not in (PAPER, LIVE):
        raise _invalid("mode", mode, "must be paper or live")
    return Limits(
        account=_default_account(mode),
        breakers=_default_breakers(mode),
        instruments={symbol: default_instrument(mode, symbol) for symbol in symbols},
    )


def default_instrument(mode: str, symbol: str) -> InstrumentLimits:
    """One symbol's limits: paper admits hand-given targets of a third of equity, live a seventh."""
    is_live = mode == LIVE
    return InstrumentLimits(
        # lots are the fat-finger guard that holds where the notional does not: near a price of zero
        position_lots=20 if is_live else 100,
        order_lots=10 if is_live else 50,
        order_value_usd=Decimal(150_000 if is_live else 500_000),
        position_fraction=Decimal("0.15" if is_live else "0.50"),
        # a twentieth of a day's volume: what the slices' participation rate can work off within a day
        adv_fraction=Decimal("0.05"),
        # below half of the narrowest daily price limit (5 %), above the widest usual half-spread (0.5 %)
        collar_pct=Decimal("0.02"),
        collar_ticks=20,
        # thin books go minutes without a change; five of them are a frozen feed
        quote_age_s_max=300,
        spread_ticks_max=_SPREAD_TICKS_MAX.get(symbol, _SPREAD_TICKS_MAX_OTHER),
    )


def widest_envelope(limits: Limits) -> Envelope:
    """What the limits leave a book that was given no envelope of its own: never more than they allow."""
    every = limits.instruments.values()
    return Envelope(
        instruments=tuple(limits.instruments),
        order_value_usd=max(one.order_value_usd for one in every),
        orders_session=limits.account.entries_session * len(limits.instruments),
        position_lots=max(one.position_lots for one in every),
    )


def _default_account(mode: str) -> AccountLimits:
    is_live = mode == LIVE
    return AccountLimits(
        gross_fraction=Decimal("0.75" if is_live else "2.00"),
        net_fraction=Decimal("0.50" if is_live else "2.00"),
        # a patient parent sends its lots about three times over: mid, near touch, far touch
        gross_sent_fraction=Decimal(3 if is_live else 10),
        # the broker's own pace limit is 50 messages a second; a whole day of six parents needs about 200
        messages_second=MessageLimit(reject=20, halt=40, cancel_reserve=5),
        messages_minute=MessageLimit(reject=400, halt=800, cancel_reserve=100),
        messages_session=MessageLimit(reject=2000, halt=4000, cancel_reserve=500),
        entries_session=3,
    )


def _default_breakers(mode: str) -> BreakerLimits:
    is_live = mode == LIVE
    return BreakerLimits(
        daily_loss=Decimal("-0.02"),
        drawdown=Decimal("-0.02" if is_live else "-0.05"),
        # live trips inside the hard limit; paper, whose hard limit is wide, when drift carries past it
        position=Decimal("0.10" if is_live else "0.60"),
        trade_loss=Decimal("-0.01"),
    )


def _validate(limits: InstrumentLimits | MessageLimit | AccountLimits) -> None:
    for one in fields(limits):
        value = getattr(limits, one.name)
        if isinstance(value, MessageLimit) or (value is None and one.name.startswith("collar_")):
            continue
        _positive(one.name, value)


def _positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _invalid(name, value, "must be a whole number or a decimal")
    if not (Decimal(value).is_finite() and value > 0):
        raise _invalid(name, value, "must be finite and above zero")


def _invalid(key: str, value: object, problem: str) -> UserError:
    return UserError("HY-701", key=key, value=value, problem=problem)
