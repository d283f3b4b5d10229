"""The ports: what the use cases need of the world, as small Protocols and the values that cross them.

Broker answers are three-valued: a value, a refusal (`Refused`), or `Unknown`. A timeout is Unknown, never
"empty". The ledger is synchronous on purpose: the write comes before the send.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from hydra.domain.alerts import Alert
from hydra.domain.champion import ArmRetired, AutonomyChanged, BookPlanned, ChampionChanged
from hydra.domain.contract import Contract
from hydra.domain.events import ChildSending, PaperSessionCounted, ParentEvent
from hydra.domain.evidence import BrokerSnapshot, ExecutionReport, Report, WorkingOrder
from hydra.domain.exposure import Exposure
from hydra.domain.market import DailyBar, Quote
from hydra.domain.parent import ParentOrder
from hydra.research.experiment import Experiment
from hydra.risk.gate import Verdict
from hydra.risk.view import AccountEvent, ControlState, Denied

Log = Callable[..., None]
"""Writes one event, as `eventlog.event` does: name `hydra.<noun>.<past>`, level, fields."""


def silent(event: str, level: str = "info", **fields: object) -> None:
    """A log that keeps nothing."""


class Clock(Protocol):
    """Market time and wall time; see hydra.clock."""

    speed: float

    def now(self) -> datetime: ...
    def wall_s(self) -> float: ...
    def wall_delay(self, until: datetime) -> float: ...
    def market(self, wall_s: float) -> timedelta: ...
    async def sleep_until(self, until: datetime) -> None: ...
    async def sleep_wall(self, seconds: float) -> None: ...


# --- the broker -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """The broker did not answer in time, or its answer is not whole: nothing may be concluded."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker answered, and the answer is no."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class Sent:
    """The child's frame left this process."""

    write_at: datetime


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was written to the socket, and this process knows it."""

    reason: str


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account as the broker values it."""

    account: str
    equity_usd: Decimal
    available_funds_usd: Decimal
    init_margin_usd: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Whether new children may be sent now, why not, and since when (wall seconds) it is wholly good."""

    is_good: bool
    reason: str
    good_since_wall_s: float
    connection_no: int
    skew_s: float | None


class Broker(Protocol):
    """One client id's view of IB; every method belongs to the loop that owns the connection."""

    client_id: int

    @property
    def account(self) -> str: ...
    @property
    def link(self) -> Link: ...

    def raise_ids_above(self, largest: int) -> None: ...
    def next_order_id(self) -> int: ...
    def place(self, recorded: "RecordedSending", contract: Contract, verdict: Verdict) -> Sent | NotSent: ...
    def cancel(self, sending: ChildSending) -> bool: ...
    def cancel_everything(self) -> bool: ...
    def reports(self) -> Sequence[Report]: ...
    async def wait_report(self, timeout_s: float) -> bool: ...
    def wake(self) -> None: ...
    async def snapshot(self) -> BrokerSnapshot | Unknown: ...
    async def qualify(self, symbol: str, month: str | None = None) -> Contract | Refused | Unknown: ...
    async def qualify_id(self, con_id: int) -> Contract | Refused | Unknown: ...
    async def watch(self, contract: Contract) -> Refused | Unknown | None: ...
    def symbol_of(self, con_id: int) -> str: ...
    def quote(self, con_id: int) -> Quote | None: ...
    async def daily_bars(self, contract: Contract, days: int) -> Sequence[DailyBar] | Refused | Unknown: ...
    async def account_state(self) -> AccountState | Unknown: ...


class Canceller(Protocol):
    """What a kill needs of a client id: no ledger, no quotes, no verdicts."""

    client_id: int

    async def connect(self) -> None: ...
    async def close(self) -> None: ...
    async def open_orders(self) -> Sequence[WorkingOrder] | Unknown: ...
    def cancel_id(self, ib_order_id: int) -> bool: ...
    def cancel_everything(self) -> bool: ...
    async def snapshot(self) -> BrokerSnapshot | Unknown: ...


# --- the ledger -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may send on a client id: only the holder of the current epoch."""

    client_id: int
    epoch: int
    holder: str
    build_id: str
    died: str = ""  # the holder before, when it ended without a word


@dataclass(frozen=True, slots=True)
class RecordedSending:
    """A `ChildSending` whose commit this process won; only the ledger makes one."""

    sending: ChildSending
    committed_wall_s: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another writer came first, or the state in the same transaction forbids it: nothing was written."""

    reason: str
    denied: Denied | None = None


@dataclass(frozen=True, slots=True)
class OtherBuild(Conflict):
    """Another build of this program holds a lease: two builds never both send."""


@dataclass(frozen=True, slots=True)
class InDoubtCommit:
    """COMMIT itself failed: whether the event is there is unknown; this process must not send it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as it stands in the outbox; numbers grow without end and are never given twice."""

    number: int
    at: datetime
    alert: Alert


class Outbox(Protocol):
    """Alerts on their way out; those of the ledger's own facts come into it with the facts."""

    def add(self, alerts: Sequence[Alert]) -> None: ...
    def untold(self, sink: str, limit: int) -> Sequence[Told]: ...
    def took(self, sink: str, number: int) -> None: ...


class Champions(Protocol):
    """Which model leads, what its book wants in a session, and what healing may do by itself."""

    def pointer(self) -> ChampionChanged | None: ...
    def seq(self) -> int: ...
    def history(self) -> Sequence[tuple[str, ChampionChanged]]: ...
    def retired(self) -> Sequence[tuple[int, ArmRetired]]: ...
    def plan(self, session_on: date) -> BookPlanned | None: ...
    def latest_plan(self) -> BookPlanned | None: ...
    def autonomy(self) -> AutonomyChanged | None: ...


class Ledger(Protocol):
    """The append-only book of what was promised and what happened."""

    @property
    def outbox(self) -> Outbox: ...
    @property
    def champions(self) -> Champions: ...

    # streams of parents
    def load(self, parent_id: str) -> ParentOrder | None: ...
    def unfinished(self) -> Sequence[ParentOrder]: ...
    def session(self, session_on: date) -> Sequence[ParentOrder]: ...
    def append(
        self, parent_id: str, after_seq: int, events: Sequence[ParentEvent]
    ) -> ParentOrder | Conflict: ...
    def commit_sending(
        self,
        lease: Lease,
        after_seq: int,
        events: Sequence[ParentEvent],
        check: "Callable[[ControlState], Denied | None]",
    ) -> RecordedSending | Conflict | InDoubtCommit: ...

    # the account's own streams: foreign executions, adoptions, trading states, breakers, equity marks
    def record(self, events: Sequence[AccountEvent]) -> Sequence[AccountEvent]: ...  # those that were new
    def change_champion(self, after: int, events: Sequence[AccountEvent]) -> Conflict | None: ...
    def control(self, con_id: int, symbol: str, parent_id: str = "") -> ControlState: ...
    def paper_sessions(self) -> Sequence[PaperSessionCounted]: ...  # the latest count of each, in order
    def positions(self) -> Mapping[int, int]: ...
    def symbols(self) -> Mapping[int, str]: ...
    def exposure(self, con_id: int) -> Exposure: ...
    def known_executions(self, since: datetime) -> "Mapping[str, ExecutionReport]": ...
    def knows_order_ref(self, order_ref: str) -> bool: ...
    def largest_ib_order_id(self, client_id: int) -> int: ...
    def parent_of_order(self, client_id: int, ib_order_id: int) -> str | None: ...

    # leases
    def acquire(self, client_id: int, holder: str, build_id: str) -> Lease | Conflict: ...
    def renew(self, lease: Lease) -> bool: ...
    def release(self, lease: Lease) -> None: ...

    def checkpoint(self) -> bool: ...

    def export(self) -> Iterable[Mapping[str, object]]: ...


# --- research ---------------------------------------------------------------------------------------


class BarStore(Protocol):
    """Daily bars by series, readable as they were known at any moment."""

    def put(self, series: str, bars: Sequence[DailyBar], known_at: datetime, source: str) -> int: ...
    def bars(self, series: str, as_of: datetime | None = None) -> tuple[DailyBar, ...]: ...
    def series(self) -> tuple[str, ...]: ...


class ExperimentJournal(Protocol):
    """Every trial, failures included; a repetition changes nothing."""

    def record(self, experiment: Experiment) -> bool: ...
    def has(self, experiment: Experiment) -> bool: ...
    def experiments(self) -> Sequence[Experiment]: ...
    def trials(self) -> int: ...
    def record_book(
        self, session_on: date, champion_id: str, book: Mapping[str, object], recorded_at: str
    ) -> bool: ...
    def book(self, session_on: date) -> tuple[str, dict[str, Any]] | None: ...
    def books(self) -> Sequence[tuple[date, str, dict[str, Any]]]: ...
    def last_book(self, before: date) -> tuple[date, str, dict[str, Any]] | None: ...


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model's row: `spec` is canonical JSON, `sha256` of its artefact's bytes."""

    model_id: str
    family: str
    spec: str
    sha256: str
    registered_at: datetime
    build_id: str


class ModelRegistry(Protocol):
    """Text artefacts, loaded only by the sha256 of the promotion."""

    def register(
        self,
        model_id: str,
        family: str,
        spec: Mapping[str, object],
        artefact: str,
        *,
        build_id: str,
        registered_at: datetime,
    ) -> str: ...
    def load(self, model_id: str, sha256: str) -> str: ...
    def keep(self, text: str) -> str: ...
    def text(self, sha256: str) -> str: ...
    def models(self) -> Sequence[RegisteredModel]: ...
