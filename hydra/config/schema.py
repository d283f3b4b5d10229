"""The shape of the configuration: every key, its type, its range, its default and what it means.

Execution keys have the names and defaults of `ExecutionPolicy`, limits those of `hydra.risk.limits`, which
also owns their ranges; both are market time unless a name ends in `_wall_s`. Gateway times are wall time.
Fractions are fractions, not percent.
"""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from hydra.config.shipped import SYMBOLS
from hydra.domain.evidence import ErrorMeaning
from hydra.domain.roles import Role
from hydra.execution.policy import ExecutionPolicy

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,8}$")]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


def _named_once(symbols: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(symbols)) < len(symbols):
        raise ValueError("a symbol is named twice")
    return symbols


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


_POLICY = ExecutionPolicy()
Meaning = Annotated[ErrorMeaning, BeforeValidator(_upper)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]


class Section(BaseModel):
    """A table of the configuration: immutable, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class Trading(Section):
    """What kind of account may be traded, and what."""

    mode: Literal["paper", "live"] = Field("paper", description="the account's prefix must agree")
    symbols: Annotated[tuple[Symbol, ...], AfterValidator(_named_once)] = Field(
        tuple(SYMBOLS), min_length=1, description="what a session trades unless told otherwise"
    )


class Gateway(Section):
    """Where IB Gateway, TWS or the simulated gateway listens, and how the connection is watched."""

    host: str = Field("127.0.0.1", min_length=1, description="name or address")
    port: int = Field(4002, ge=1, le=65_535, description="4002 paper, 4001 live; TWS 7497 and 7496")
    client_id: int = Field(1, ge=1, le=999, description="the execution role's id; reading uses this + 4")
    account: str | None = Field(None, description="the account traded; none = the only one there is")
    connect_timeout_s: Seconds = Field(4.0, description="one connection attempt")
    request_timeout_s: Seconds = Field(5.0, description="one request; after it the answer is unknown")
    history_timeout_s: Seconds = Field(15.0, description="one request for bars")
    heartbeat_interval_s: float = Field(2.0, ge=1, le=600, description="between two heartbeats")
    heartbeat_deadline_s: Seconds = Field(2.0, description="until a heartbeat counts as missed")
    heartbeat_misses_max: int = Field(3, ge=1, le=100, description="missed in a row: the link is lost")
    skew_s_max: Seconds = Field(2.0, description="clock difference up to which a child may be sent")
    broker_zone: ZoneName = Field("America/New_York", description="the zone whose midnight ends IB's day")


class Worker(Section):
    """What this process is among the workers, and how it ends."""

    role: Role = Field(Role.EXECUTION, description="what it is for; only execution sends orders")
    shards: int = Field(0, ge=0, le=80, description="execution in this many processes; 0 = in one")
    shard: int = Field(0, ge=0, le=80, description="which of them this is, from 1; 0 where there are none")
    on_stop: Literal["rest", "cancel"] = Field(
        "rest", description="working children at SIGTERM: rest to their good_till, or are cancelled first"
    )
    stall_s: Seconds = Field(5.0, description="the ib loop stands still with work open: the process ends")
    global_cancel: bool = Field(
        False, description="two live orders under one reference: cancel all the gateway has, manual ones too"
    )


class ScaledClock(Section):
    """Market time = start + (wall - anchor) × speed. Mode live takes none of it."""

    start: AwareDatetime | None = Field(None, description="ISO instant with its zone; none = the wall clock")
    speed: float = Field(1.0, gt=0, le=10_000, description="market seconds a wall second")
    anchor: float | None = Field(None, ge=0, description="Unix second of wall time at which start held")

    @model_validator(mode="after")
    def _is_whole(self) -> "ScaledClock":
        if self.start is None and self.anchor is not None:
            raise ValueError("clock.anchor without clock.start means nothing; give both or neither")
        return self


class LedgerPlace(Section):
    """Where the ledger is kept."""

    url: SecretStr | None = Field(None, description="database URL; none = SQLite in the data directory")


class Execution(Section):
    """How a parent order is worked and how its children are proven."""

    ladder_s: tuple[Seconds, Seconds, Seconds] = Field(
        _POLICY.ladder_s, description="at the mid, one tick inside the far touch, at the far touch"
    )
    ladder_rounds_max: int = Field(
        _POLICY.ladder_rounds_max, ge=1, le=100, description="ladders a slice may run"
    )
    twap_slices: int = Field(_POLICY.twap_slices, ge=1, le=100, description="slices of a sliced parent")
    twap_jitter: float = Field(_POLICY.twap_jitter, ge=0, lt=0.5, description="share of a slice's interval")
    twap_above_adv_fraction: Fraction = Field(
        _POLICY.twap_above_adv_fraction, description="of average daily volume; a larger parent is sliced"
    )
    horizon_s: Seconds = Field(_POLICY.horizon_s, description="from the plan to the deadline, at most")
    participation_rate: Fraction = Field(_POLICY.participation_rate, description="of the volume of a slice")
    child_grace_s: Seconds = Field(_POLICY.child_grace_s, description="from a step's end to its good_till")
    safety_s: Seconds = Field(_POLICY.safety_s, description="kept free before any end, besides settle")
    child_life_min_wall_s: Seconds = Field(
        _POLICY.child_life_min_wall_s, description="a child that would live shorter is not sent"
    )
    gross_factor_max: int = Field(
        _POLICY.gross_factor_max, ge=1, le=1000, description="gross sent over approved quantity of a parent"
    )
    settle_wall_s: Seconds = Field(
        _POLICY.settle_wall_s, description="longer than the latest report of an order"
    )
    cancel_settle_wall_s: Seconds = Field(
        _POLICY.cancel_settle_wall_s, description="longer than the latest fill after a cancel"
    )
    send_window_wall_s: Seconds = Field(
        _POLICY.send_window_wall_s, description="from commit to write, at most"
    )
    ack_deadline_wall_s: Seconds = Field(
        _POLICY.ack_deadline_wall_s, description="then an unacknowledged child is looked for"
    )
    cancel_retry_wall_s: Seconds = Field(_POLICY.cancel_retry_wall_s, description="between repeated cancels")
    snapshot_every_wall_s: Seconds = Field(
        _POLICY.snapshot_every_wall_s, description="between snapshots while a child lives"
    )
    snapshot_gap_wall_s: Seconds = Field(
        _POLICY.snapshot_gap_wall_s, description="between two snapshots, at least"
    )
    verdict_wall_s: Seconds = Field(_POLICY.verdict_wall_s, description="how long a risk verdict holds")


class Simulated(Section):
    """Settle times against the simulated gateway, whose reports are late by less."""

    settle_wall_s: Seconds = Field(0.5, description="as execution.settle_wall_s")
    cancel_settle_wall_s: Seconds = Field(0.1, description="as execution.cancel_settle_wall_s")


class MaintenanceWindow(Section):
    """A daily stretch in which the gateway is expected to be away."""

    start: time = Field(description="local time of day")
    end: time = Field(description="local time of day; may be past midnight")
    zone: ZoneName = Field("America/New_York", description="the zone of both")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), description="days on which it starts"
    )


class Maintenance(Section):
    """When the gateway is expected to be away."""

    windows: tuple[MaintenanceWindow, ...] = Field((), description="start, end, zone, days of each")
    lead_s: Seconds = Field(600.0, description="before a window no new child is placed")


class Instrument(Section):
    """How a symbol is found at IB."""

    exchange: str = Field(min_length=1, description="IB's exchange code")
    currency: str = Field("USD", min_length=3, max_length=3, description="currency of the contract")
    usd_per_point: float | None = Field(None, gt=0, description="dollars a lot earns per quoted point")
    cost_bps: float | None = Field(
        None, ge=0, le=1000, description="half the spread and commission a side, in bps of the price"
    )
    front_days_min: int = Field(
        20, ge=0, le=400, description="days to its last trade that the expiry traded must have left"
    )


class InstrumentLimits(Section):
    """Hard limits of one symbol; a symbol without this table is denied."""

    position_lots: int = Field(description="|position|, at both ends of the exposure interval")
    order_lots: int = Field(description="lots of one parent order")
    order_value_usd: Decimal = Field(description="price × multiplier × lots of one parent order")
    position_fraction: Decimal = Field(description="value of the position over equity")
    adv_fraction: Decimal = Field(description="parent order over average daily volume")
    collar_ticks: int | None = Field(description="a limit's distance from the reference, in ticks")
    collar_pct: Decimal | None = Field(description="the same as a fraction; the wider of both holds")
    quote_age_s_max: int = Field(description="market seconds after which a quote is stale")
    spread_ticks_max: int = Field(description="no increasing order into a wider book")


class MessageLimit(Section):
    """Messages to the broker in one span of time."""

    reject: int = Field(description="above it, less the reserve, new orders are refused")
    halt: int = Field(description="above it all trading halts")
    cancel_reserve: int = Field(description="kept for cancels, which are never refused")


class AccountLimits(Section):
    """Hard limits over all symbols; fractions of equity."""

    gross_fraction: Decimal = Field(description="Σ |exposure value|")
    net_fraction: Decimal = Field(description="|Σ exposure value|")
    gross_sent_fraction: Decimal = Field(description="value of everything sent in a session")
    messages_second: MessageLimit
    messages_minute: MessageLimit
    messages_session: MessageLimit
    entries_session: int = Field(description="parents that may increase one symbol in a session")


class BreakerLimits(Section):
    """Circuit breakers; a value exactly at its limit passes."""

    daily_loss: Decimal = Field(description="since the session's open, over equity then; negative")
    drawdown: Decimal = Field(description="from the persisted peak; negative")
    position: Decimal = Field(description="value of one symbol's position over equity")
    trade_loss: Decimal = Field(description="worst round trip over equity; negative")
    daily_loss_cooldown: int = Field(description="sessions it keeps trading shut")
    drawdown_cooldown: int = Field(description="sessions it keeps trading shut")
    position_cooldown: int = Field(description="sessions it keeps trading shut")
    trade_loss_cooldown: int = Field(description="sessions it keeps trading shut")


class LimitTables(Section):
    """Every limit the risk gate holds; the defaults are those of the mode."""

    account: AccountLimits
    breakers: BreakerLimits
    instruments: dict[Symbol, InstrumentLimits]


class Healing(Section):
    """What the daily cycle may do, and the bounds of the book it decides."""

    autonomy: Literal["supervised", "semi", "autonomous", "lockdown"] = Field(
        "supervised", description="who is asked before the champion changes; `hydra pause` overrides it"
    )
    rule: Literal[
        "never", "ddstop", "shadowstop", "insured", "cost", "strong", "mild", "statistical", "windows"
    ] = Field("insured", description="how the book's weights are decided (docs/healing.md)")
    symbols: tuple[Symbol, ...] = Field((), description="what the book trades; none = trading.symbols")
    order_value_usd: Decimal = Field(
        Decimal(150_000), gt=0, description="envelope: value of one parent order"
    )
    orders_session: int = Field(40, ge=1, description="envelope: parent orders of one session, all symbols")
    position_lots: int = Field(50, ge=1, description="envelope: |position| of one symbol")
    vol_target_year: float = Field(0.10, gt=0, le=1, description="of the whole book")
    position_fraction: float = Field(0.15, gt=0, le=1, description="value of one position over equity")
    adv_fraction: float = Field(0.02, gt=0, le=1, description="of average daily volume, per session")
    capital_usd: float = Field(
        1_000_000.0, gt=0, description="what candidates are judged at until the account is known"
    )
    budget: int = Field(12, ge=0, le=1000, description="experiments at once")
    refill_days: float = Field(7.0, gt=0, description="days until one more experiment is allowed")
    cooldown_days: int = Field(21, ge=0, description="days an operator rests after it was used")
    challengers_max: int = Field(4, ge=0, le=20, description="admitted candidates in the book at once")
    families: tuple[str, ...] = Field((), description="modules of your own that register model families")
    candidate_wall_s: Seconds = Field(120.0, description="one candidate's run in the sandbox")
    candidate_memory_mib: int = Field(1024, ge=64, description="on top of what its libraries take")
    dask_address: str | None = Field(
        None,
        pattern=r"^(tcp|tls)://[^\s/]+:\d+$",
        description="a Dask scheduler whose workers run the candidates, tcp://HOST:PORT; none = this machine",
    )
    seed: int = Field(1, ge=0, description="of every bootstrap")


class Logging(Section):
    """How events are written to stderr."""

    format: Literal["human", "json"] = Field("human", description="a line for people, or one object a line")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is shown")
    repeat_s: float = Field(60.0, ge=0, le=86_400, description="a repeat within this is only counted")


class Settings(Section):
    """The whole configuration."""

    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "hydra",
        description="where the ledger lives; in a file relative to that file",
    )
    trading: Trading = Trading()
    gateway: Gateway = Gateway()
    clock: ScaledClock = ScaledClock()
    ledger: LedgerPlace = LedgerPlace()
    execution: Execution = Execution()
    worker: Worker = Worker()
    simulated: Simulated = Simulated()
    maintenance: Maintenance = Maintenance()
    instruments: dict[Symbol, Instrument]
    limits: LimitTables
    healing: Healing = Healing()
    logging: Logging = Logging()
    broker_errors: dict[int, Meaning] = Field(
        {}, description="IB error code → REJECTED, CANCELLED, WARNING or DOUBT; overrides the built-in table"
    )

    @model_validator(mode="after")
    def _live_is_not_scaled(self) -> "Settings":
        if self.trading.mode == "live" and (self.clock.start is not None or self.clock.speed != 1):
            raise ValueError("a scaled clock cannot trade live; remove clock.start and clock.speed")
        return self
