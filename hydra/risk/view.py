"""What the risk gate looks at: the ledger's control state, the market, the account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from hydra.domain.champion import ArmRetired, AutonomyChanged, BookPlanned, ChampionChanged, Envelope
from hydra.domain.contract import Contract
from hydra.domain.events import (
    BreakerMoved,
    EquityMarked,
    ForeignExecutionBooked,
    PaperGateJudged,
    PaperSessionCounted,
    PositionAdopted,
    ReconciliationFound,
    TradingState,
    TradingStateChanged,
)
from hydra.domain.exposure import Exposure
from hydra.domain.market import Quote

AccountEvent = (
    ForeignExecutionBooked
    | PositionAdopted
    | TradingStateChanged
    | BreakerMoved
    | EquityMarked
    | ReconciliationFound
    | PaperSessionCounted
    | PaperGateJudged
    | ChampionChanged
    | ArmRetired
    | BookPlanned
    | AutonomyChanged
)


@dataclass(frozen=True, slots=True)
class Denied:
    """The gate's no, with every reason, each `CODE: what, value, limit`."""

    reasons: tuple[str, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The reasons' codes alone, see `hydra.risk.reasons.Reason`."""
        return tuple(reason.partition(":")[0] for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """The persisted state of one circuit breaker; `period` is the session (ISO date) of its last move."""

    state: str
    cooldown_left: int
    period: str


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """New orders and cancels this account sent: within the last second, minute, and this session."""

    last_second: int = 0
    last_minute: int = 0
    session: int = 0


@dataclass(frozen=True, slots=True)
class ControlState:
    """What the ledger knows that bears on one more order in one contract, read in one transaction.

    `entries_session` counts the parents opened for this symbol in this session, the present one included
    once it is open, `orders_session` those of all symbols; `sent_usd_session` sums qty × |limit price| ×
    usd_per_point over the children this account sent in this session (those proven not sent left out).
    """

    trading_state: TradingState
    trading_reason: str
    exposure: Exposure
    exposures: Mapping[int, Exposure]
    has_doubt: bool
    breakers: Mapping[str, BreakerStatus] = field(default_factory=dict)
    equity_open_usd: Decimal | None = None
    equity_peak_usd: Decimal | None = None
    messages: MessageCounts = MessageCounts()
    entries_session: int = 0
    orders_session: int = 0
    sent_usd_session: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class RiskView:
    """Everything a verdict is based on, at one instant; `envelope` where a book wanted the order."""

    now: datetime
    control: ControlState
    contract: Contract
    quote: Quote | None
    equity_usd: Decimal | None
    adv_lots: int
    marks: Mapping[int, Decimal]
    usd_per_point: Mapping[int, Decimal]
    worst_trade_usd: Decimal = Decimal(0)
    envelope: Envelope | None = None
