"""The shape of the configuration: every key, its type, its range, its default and what it means.

Seconds (`_s`) of the wire are wall time; those of the plan are market time (they run fast in a scaled
clock); each says which. Ratios are fractions, not percent.
"""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, model_validator

Ratio = Annotated[Decimal, Field(gt=0, le=1)]
Lots = Annotated[int, Field(gt=0, le=100_000)]
Usd = Annotated[Decimal, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
SIMULATED_ACCOUNT = "DUSIM001"


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]


class Section(BaseModel):
    """A table of the configuration: immutable, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class Trading(Section):
    """What kind of account may be traded."""

    mode: Literal["paper", "live"] = Field(
        "paper", description="proved by the account's prefix, not the port"
    )
    symbols: tuple[str, ...] = Field(
        ("ZO", "HE", "LE", "GF", "ZR", "OJ"), description="what a session trades unless told otherwise"
    )


class Gateway(Section):
    """Where IB Gateway, TWS or the simulated gateway listens."""

    host: str = Field("127.0.0.1", min_length=1, description="name or address")
    port: int = Field(4002, ge=1, le=65_535, description="4002 paper, 4001 live; TWS 7497 and 7496")
    client_id: int = Field(1, ge=1, le=999, description="the execution role's id; reading uses this + 4")
    account: str | None = Field(
        None, description="the account to trade; none = the only one the gateway names"
    )
    connect_timeout_s: Seconds = Field(4.0, description="wall seconds for one connection attempt")
    heartbeat_s: Seconds = Field(10.0, description="wall seconds between heartbeats")
    heartbeat_deadline_s: Seconds = Field(5.0, description="wall seconds after which a heartbeat is missed")
    skew_max_s: Seconds = Field(2.0, description="largest clock difference at which a child may be sent")


class Clock(Section):
    """The scaled clock: market time = start + (wall - anchor) × speed. Mode live takes none of it."""

    start: AwareDatetime | None = Field(None, description="ISO instant with its zone; none = the wall clock")
    speed: float = Field(1.0, gt=0, le=10_000, description="market seconds a wall second")
    anchor: float | None = Field(None, ge=0, description="Unix second of wall time at which start held")

    @model_validator(mode="after")
    def _is_whole(self) -> "Clock":
        if self.start is None and self.anchor is not None:
            raise ValueError("clock.anchor without clock.start means nothing; give both or neither")
        return self


class Ledger(Section):
    """Where the ledger is kept."""

    url: SecretStr | None = Field(None, description="database URL; none = SQLite in the data directory")


class MaintenanceWindow(Section):
    """A daily stretch in which the gateway is expected to be away."""

    start: time = Field(description="local time of day")
    end: time = Field(description="local time of day; may be past midnight")
    zone: ZoneName = Field("America/New_York", description="the zone of both")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), description="days on which it starts"
    )


class Simulated(Section):
    """Settle times against the simulated gateway, whose reports are late by less (account DUSIM001)."""

    settle_s: Seconds = Field(0.5, description="wall seconds; as execution.settle_s")
    cancel_settle_s: Seconds = Field(0.1, description="wall seconds; as execution.cancel_settle_s")


class Execution(Section):
    """How a parent order is worked and how its children are proven."""

    ladder_s: tuple[Seconds, Seconds, Seconds] = Field(
        (300.0, 150.0, 75.0),
        description="market seconds at mid, one tick inside the far touch, at the far touch",
    )
    twap_slices: int = Field(5, ge=1, le=100, description="slices of a parent that needs TWAP")
    twap_jitter: Decimal = Field(
        Decimal("0.20"), ge=0, lt=Decimal("0.5"), description="of a slice's interval"
    )
    twap_threshold_adv: Ratio = Field(
        Decimal("0.01"), description="a parent above this share of ADV is sliced"
    )
    participation_max: Ratio = Field(Decimal("0.05"), description="largest share of volume in one slice")
    horizon_s: Seconds = Field(2700.0, description="market seconds from plan to deadline, at most")
    children_max: int = Field(12, ge=1, le=1000, description="children a parent may ever have")
    settle_s: Seconds = Field(10.0, description="wall seconds; longer than the latest report of a sent order")
    cancel_settle_s: Seconds = Field(
        2.0, description="wall seconds; longer than the latest fill after a cancel"
    )
    cancel_grace_s: Seconds = Field(5.0, description="market seconds from a step's end to its good_till")
    deadline_margin_s: Seconds = Field(
        30.0, description="market seconds kept free before close or maintenance"
    )
    send_window_s: Seconds = Field(1.0, description="wall seconds from commit to write, at most")
    ack_deadline_s: Seconds = Field(
        5.0, description="wall seconds until an unacknowledged child is looked for"
    )
    verdict_ttl_s: Seconds = Field(5.0, description="wall seconds a risk verdict holds")
    snapshot_every_s: Seconds = Field(
        60.0, description="market seconds between snapshots while a child lives"
    )
    broker_day_zone: ZoneName = Field("America/New_York", description="the zone whose midnight ends IB's day")
    maintenance: tuple[MaintenanceWindow, ...] = Field((), description="when the gateway is expected away")
    maintenance_lead_s: Seconds = Field(600.0, description="market seconds before one without new children")
    simulated: Simulated = Field(Simulated(), description="settle times on the simulated gateway")

    def settle_times_s(self, account: str) -> tuple[float, float]:
        """(settle, cancel settle) in wall seconds for this account."""
        source = self.simulated if account == SIMULATED_ACCOUNT else self
        return source.settle_s, source.cancel_settle_s


class Instrument(Section):
    """How a symbol is found at IB."""

    exchange: str = Field(min_length=1, description="IB's exchange code")
    currency: str = Field("USD", min_length=3, max_length=3, description="currency of the contract")


class SymbolLimits(Section):
    """Hard limits of one symbol; a symbol without this table is denied."""

    position_lots_max: Lots = Field(description="|position|, at both ends of the exposure interval")
    order_lots_max: Lots = Field(description="lots of one parent order")
    child_lots_max: Lots = Field(description="lots of one child order")
    order_value_usd_max: Usd = Field(description="price × multiplier × lots of one parent order")
    collar_ticks: Annotated[int, Field(gt=0)] = Field(
        description="largest distance of a limit from the reference"
    )
    adv_share_max: Ratio = Field(description="largest share of average daily volume in one parent order")
    quote_age_max_s: Seconds = Field(120.0, description="market seconds after which a quote is stale")


class Limits(Section):
    """Hard limits of the account, and the table of each symbol's."""

    gross_exposure_max: Annotated[Decimal, Field(gt=0, le=100)] = Field(
        Decimal(4), description="Σ |exposure value| of all symbols over equity"
    )
    orders_per_session_max: Annotated[int, Field(gt=0)] = Field(
        500, description="children of one session date"
    )
    messages_per_s_max: Annotated[int, Field(gt=0)] = Field(
        20, description="orders and cancels; above: denied"
    )
    messages_per_s_halt: Annotated[int, Field(gt=0)] = Field(40, description="above: all trading halts")
    messages_per_min_max: Annotated[int, Field(gt=0)] = Field(
        200, description="orders and cancels; above: denied"
    )
    messages_per_min_halt: Annotated[int, Field(gt=0)] = Field(400, description="above: all trading halts")
    messages_cancel_reserve: Annotated[int, Field(ge=0)] = Field(10, description="of them only for cancels")
    symbols: dict[str, SymbolLimits] = Field(
        {}, description="by symbol; a file that has it replaces all of it"
    )

    @model_validator(mode="after")
    def _halts_after_it_denies(self) -> "Limits":
        for span in ("s", "min"):
            denies, halts = (
                getattr(self, f"messages_per_{span}_max"),
                getattr(self, f"messages_per_{span}_halt"),
            )
            if halts < denies:
                raise ValueError(f"messages_per_{span}_halt is below messages_per_{span}_max")
        if self.messages_cancel_reserve >= self.messages_per_s_max:
            raise ValueError("messages_cancel_reserve leaves no message for an order")
        return self


class Breakers(Section):
    """Circuit breakers; a value exactly at its limit passes."""

    daily_loss_max: Ratio = Field(
        Decimal("0.02"), description="loss since the session's open, over equity then"
    )
    drawdown_paper_max: Ratio = Field(Decimal("0.05"), description="fall from the persisted peak, mode paper")
    drawdown_live_max: Ratio = Field(Decimal("0.02"), description="fall from the persisted peak, mode live")
    position_share_max: Annotated[Decimal, Field(gt=0, le=10)] = Field(
        Decimal("0.5"), description="value of one symbol's position over equity; one lot of GF is 0.15 of 1 M"
    )
    trade_loss_max: Ratio = Field(Decimal("0.01"), description="loss of one round trip over equity")
    cooldown_sessions: int = Field(
        1, ge=1, le=100, description="sessions a triggered breaker keeps trading shut"
    )


class Logging(Section):
    """How events are written to stderr."""

    format: Literal["human", "json"] = Field(
        "human", description="human = one aligned line; json = one object"
    )
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is shown")
    repeat_s: float = Field(60.0, ge=0, le=86_400, description="the same event within this is only counted")


class Settings(Section):
    """The whole configuration."""

    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "hydra",
        description="where the ledger lives; never relative to where a command was started",
    )
    trading: Trading = Trading()
    gateway: Gateway = Gateway()
    clock: Clock = Clock()
    ledger: Ledger = Ledger()
    execution: Execution = Execution()
    instruments: dict[str, Instrument] = Field(
        {}, description="by symbol; a file that has it replaces all of it"
    )
    limits: Limits = Limits()
    breakers: Breakers = Breakers()
    logging: Logging = Logging()
    broker_errors: dict[
        Annotated[int, Field(ge=-1)], Literal["ignore", "info", "warning", "link", "terminal", "doubt"]
    ] = Field({}, description="IB error code → how it is taken; overrides the built-in table")

    @model_validator(mode="after")
    def _live_is_not_scaled(self) -> "Settings":
        if self.trading.mode == "live" and (self.clock.start is not None or self.clock.speed != 1):
            raise ValueError("a scaled clock cannot trade live; remove clock.start and clock.speed")
        return self

    @property
    def drawdown_max(self) -> Decimal:
        """The drawdown limit of the mode in force."""
        is_live = self.trading.mode == "live"
        return self.breakers.drawdown_live_max if is_live else self.breakers.drawdown_paper_max
