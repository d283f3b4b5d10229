"""The desk: what one process knows while it holds the lease, shared by every use case on its loop.

Parents are cached as last written by this process; a rival's write shows itself as a `Conflict` on append,
after which the stream is read again. Evidence (hints, snapshots) lives only here and may be lost at any
moment without harm.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from hydra.domain.champion import Envelope
from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.events import (
    ChildAcknowledged,
    ChildCommissioned,
    ChildFilled,
    ChildResolved,
    ParentEvent,
)
from hydra.domain.order import ChildOrder
from hydra.domain.parent import ParentOrder
from hydra.domain.roles import Duty
from hydra.execution.evidence import Incomplete, SeenSnapshot, TerminalHint
from hydra.execution.policy import ExecutionPolicy, Margins
from hydra.ports import AccountState, Broker, Clock, Conflict, Lease, Ledger, Log, silent
from hydra.risk.last_hop import LastHop
from hydra.risk.limits import Limits
from hydra.usecases.alerts import Sink

APPEND_ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends: stands in every ChildSending beside the champion that wanted the order."""

    config_hash: str
    build_id: str
    approver: str


class OnFork(StrEnum):
    """What follows when one of two live orders under one reference will not end."""

    ALERT = "ALERT"
    GLOBAL_CANCEL = "GLOBAL_CANCEL"


@dataclass(slots=True)
class Fork:
    """One reference with several permIds: since when, and what was done about it."""

    perm_ids: set[int]
    since_wall_s: float
    cancelled_wall_s: float = float("-inf")
    is_told: bool = False


class Signal:
    """Wakes everyone who waits, at once and only once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_s: float) -> bool:
        """True when notified within the time."""
        event = self._event
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        return True


@dataclass(slots=True)
class Desk:
    """The ports, the rules and the memory of one trading process.

    `proven` raises HY-855 unless the artefact of that sha256 is the one that was promoted.
    """

    ledger: Ledger
    broker: Broker
    clock: Clock
    policy: ExecutionPolicy
    limits: Limits
    lease: Lease
    identity: Identity
    broker_zone: ZoneInfo
    last_hop: LastHop
    next_maintenance: Callable[[datetime], datetime | None] = lambda _: None
    latch_path: Path | None = None
    bars_dir: Path | None = None
    duty: Duty = field(default_factory=Duty)
    on_fork: OnFork = OnFork.ALERT
    sinks: tuple[Sink, ...] = ()
    log: Log = silent
    proven: Callable[[str], object] = lambda sha256: None
    envelopes: dict[str, Envelope | None] = field(default_factory=dict)
    parents: dict[str, ParentOrder] = field(default_factory=dict)
    contracts: dict[int, Contract] = field(default_factory=dict)
    account: AccountState | None = None
    session_on: date | None = None
    worst_trade_usd: Decimal = Decimal(0)
    hints: dict[str, TerminalHint] = field(default_factory=dict)
    snapshots: deque[SeenSnapshot] = field(default_factory=deque)
    snapshot_attempt_wall_s: float = float("-inf")
    snapshot_failures: int = 0
    snapshot_running: "asyncio.Task[SeenSnapshot | Incomplete] | None" = None
    connection_seen: int = -1
    cancels_at_wall_s: dict[str, float] = field(default_factory=dict)
    sent_at_wall_s: dict[str, float] = field(default_factory=dict)
    never_written: dict[str, str] = field(default_factory=dict)
    broker_positions: dict[int, int] = field(default_factory=dict)
    position_gaps: dict[int, tuple[int, float]] = field(default_factory=dict)
    forks: dict[str, Fork] = field(default_factory=dict)
    halts_told: set[str] = field(default_factory=set)
    stop_reason: str = ""
    lease_lost: bool = False
    failure: Exception | None = None
    changed: Signal = field(default_factory=Signal)
    margins_of: tuple[ExecutionPolicy, Margins] | None = None

    @property
    def margins(self) -> Margins:
        """The policy's wall-time waits in the market time of this clock."""
        policy = self.policy
        if self.margins_of is None or self.margins_of[0] is not policy:
            margins = Margins(
                settle=self.clock.market(policy.settle_wall_s),
                cancel_settle=self.clock.market(policy.cancel_settle_wall_s),
                child_life_min=self.clock.market(policy.child_life_min_wall_s),
                safety=timedelta(seconds=policy.safety_s),
            )
            self.margins_of = (policy, margins)
        return self.margins_of[1]

    def live_children(self) -> list[ChildOrder]:
        """Children of this client id that are not proven ended: only its holder can prove or cancel them."""
        return [
            child
            for parent in self.parents.values()
            for child in parent.live_children
            if child.sending.client_id == self.broker.client_id
        ]

    def symbol_of(self, con_id: int) -> str:
        """The symbol of a contract that this process, this ledger or the broker names, else its number.

        A halt under the number holds for the contract, too (`Ledger.control`).
        """
        contract = self.contracts.get(con_id)
        if contract is not None:
            return contract.symbol
        for parent in self.parents.values():
            if parent.plan.con_id == con_id:
                return parent.plan.symbol
        return self.ledger.symbols().get(con_id) or self.broker.symbol_of(con_id) or str(con_id)


def append(desk: Desk, parent_id: str, events: Sequence[ParentEvent]) -> ParentOrder:
    """Append what is still news to the parent, reading it again as long as a rival writes in between."""
    for _ in range(APPEND_ATTEMPTS_MAX):
        parent = desk.parents[parent_id]
        fresh = [event for event in events if is_news(parent, event)]
        if not fresh:
            return parent
        outcome = desk.ledger.append(parent_id, parent.seq, fresh)
        if not isinstance(outcome, Conflict):
            return keep(desk, outcome)
        reload(desk, parent_id)
    problem = f"{APPEND_ATTEMPTS_MAX} other writes came first in a row"
    raise Unavailable("HY-406", where=parent_id, problem=problem)


def reload(desk: Desk, parent_id: str) -> ParentOrder | None:
    """Read the parent's stream again."""
    parent = desk.ledger.load(parent_id)
    return keep(desk, parent) if parent is not None else None


def keep(desk: Desk, parent: ParentOrder) -> ParentOrder:
    """Take the parent's newest state into memory and tell the counter at the last hop what it proves."""
    desk.parents[parent.parent_id] = parent
    desk.last_hop.restore([parent])
    desk.changed.notify()
    return parent


def is_news(parent: ParentOrder, event: ParentEvent) -> bool:
    """Whether the event still adds something: evidence may be repeated, and a rival may have booked it."""
    child = parent.child(getattr(event, "order_ref", ""))
    if child is None:
        return True
    if isinstance(event, ChildFilled):
        known = [one.revision for one in child.executions if one.exec_root == event.exec_root]
        return not known or known[0] < event.revision
    if isinstance(event, ChildCommissioned):
        return child.commissions.get(event.exec_root) != event.commission_usd
    if isinstance(event, ChildAcknowledged):
        return child.perm_id is None and not child.is_terminal
    return isinstance(event, ChildResolved) or not child.is_terminal
