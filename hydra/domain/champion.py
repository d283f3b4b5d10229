"""Which model leads, and what the book wants to hold in one session: the facts the execution session reads.

The pointer to the champion is the last `ChampionChanged` of its stream: it moves in one transaction with the
plan of the session that trades it first. A plan holds forecasts, not lots: the session sizes them, once, on
the equity and position of its moment.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

SEED_CHAMPION = "ewma-trend-8-32@1"
"""Leads until another was promoted; it learns nothing, so a session can ask it without any plan."""

BY_HAND = "by-hand"
FLATTEN = "flatten"
NO_BOOK = frozenset({BY_HAND, FLATTEN})
"""What stands in the champion's place where a person, not a book, wanted the position."""


class Change(StrEnum):
    """How a champion came to lead."""

    BEGUN = "BEGUN"
    PROMOTED = "PROMOTED"
    ROLLED_BACK = "ROLLED_BACK"


class Autonomy(StrEnum):
    """What the healing cycle may change by itself; stops of an instrument it may set at every level.

    SUPERVISED asks a person for each change of champion; SEMI only for one to an admitted challenger;
    AUTONOMOUS asks nobody; LOCKDOWN leaves the book as it is, also its weights.
    """

    SUPERVISED = "SUPERVISED"
    SEMI = "SEMI"
    AUTONOMOUS = "AUTONOMOUS"
    LOCKDOWN = "LOCKDOWN"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a book may do at most, held by the risk gate: instruments, order value and count, position.

    `orders_session` counts parent orders of all instruments in one session. ValueError for an empty or
    senseless one: no book trades without limits.
    """

    instruments: tuple[str, ...]
    order_value_usd: Decimal
    orders_session: int
    position_lots: int

    def __post_init__(self) -> None:
        if not self.instruments or len(set(self.instruments)) != len(self.instruments):
            raise ValueError("an envelope names its instruments, each once")
        for name in ("order_value_usd", "orders_session", "position_lots"):
            value = Decimal(getattr(self, name))
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{name} must be finite and above zero, not {value}")

    def breaches(
        self, symbol: str, worst_lots: int, order_value_usd: Decimal | None, orders: int
    ) -> tuple[str, ...]:
        """Every way in which this order, the `orders`-th of its session, leaves the envelope."""
        found = []
        if symbol not in self.instruments:
            found.append(f"{symbol} is not among {', '.join(self.instruments)}")
        if worst_lots > self.position_lots:
            found.append(f"a position of {worst_lots} lots, at most {self.position_lots}")
        if order_value_usd is not None and not order_value_usd <= self.order_value_usd:
            found.append(f"an order of {order_value_usd:.0f} USD, at most {self.order_value_usd:.0f}")
        if orders > self.orders_session:
            found.append(f"order {orders} of the session, at most {self.orders_session}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ChampionChanged:
    """Another model leads from `from_session` on; `sha256` of its artefact is checked at every load.

    `book_sha256` names the book's text; `evidence` is JSON with what spoke for the change.
    """

    champion_id: str
    sha256: str
    book_sha256: str
    predecessor_id: str
    predecessor_sha256: str
    change: Change
    from_session: date
    evidence: str
    by: str


@dataclass(frozen=True, slots=True)
class ArmRetired:
    """A named person took an arm out of the book, from `from_session` on; artefact and record stay."""

    model_id: str
    sha256: str
    from_session: date
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class PlannedForecast:
    """The book's weighted forecast of one instrument; with a `stop` it is not traded, and that is why."""

    symbol: str
    forecast: Decimal
    bars_hash: str
    stop: str


@dataclass(frozen=True, slots=True)
class BookPlanned:
    """What the book wants in one session; the last plan of a session stands for what was not sized before."""

    session_on: date
    champion_id: str
    sha256: str
    book_sha256: str
    envelope: Envelope
    vol_target_year: Decimal
    position_fraction: Decimal
    adv_fraction: Decimal
    forecasts: tuple[PlannedForecast, ...]
    by: str

    def of(self, symbol: str) -> PlannedForecast | None:
        """The plan of one instrument."""
        return next((one for one in self.forecasts if one.symbol == symbol), None)


@dataclass(frozen=True, slots=True)
class AutonomyChanged:
    """A named person said what the healing cycle may do; it holds over the configuration until the next."""

    level: Autonomy
    reason: str
    by: str
