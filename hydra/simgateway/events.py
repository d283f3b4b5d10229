"""What a market tells: frozen facts, each with the instant it happened at."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hydra.simgateway.calendar import SessionState


@dataclass(frozen=True, slots=True)
class Quote:
    """Top of book and the trade date so far; None = there is none, `close` is the previous settle."""

    bid: Decimal | None
    bid_size: int
    ask: Decimal | None
    ask_size: int
    last: Decimal | None
    last_size: int
    volume: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal
    halted: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """A client's order traded `qty` at `price` and has `leaves_qty` left."""

    key: int
    con_id: int
    qty: int
    price: Decimal
    leaves_qty: int
    at: datetime


@dataclass(frozen=True, slots=True)
class QuoteChanged:
    """The quote of a watched contract is another one."""

    con_id: int
    quote: Quote
    at: datetime


@dataclass(frozen=True, slots=True)
class TradePrinted:
    """A trade in a watched contract, whoever was in it."""

    con_id: int
    qty: int
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A watched contract, or one with client orders, entered another session state."""

    con_id: int
    state: SessionState
    at: datetime


MarketEvent = OrderFilled | QuoteChanged | TradePrinted | SessionChanged
