"""One broker against one real gateway: connect, get a verdict, place, and hear what comes of it."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from hydra.broker import BrokerOptions, IbBroker
from hydra.clock import ScaledClock
from hydra.domain.contract import Contract
from hydra.domain.events import ChildSending
from hydra.domain.evidence import BrokerSnapshot, ExecutionReport, Report, WorkingOrder
from hydra.domain.ids import order_ref, parent_id
from hydra.domain.intent import ChildProposal
from hydra.domain.market import Quote
from hydra.domain.quantity import Side
from hydra.ports import NotSent, RecordedSending, Sent
from hydra.risk.gate import Verdict, check_child
from hydra.risk.last_hop import LastHop
from hydra.simgateway.process import read_clock
from tests.gateway_process import GatewayProcess
from tests.unit.risk.builders import ROOMY, control

T = TypeVar("T")
WAIT_S = 40.0
SESSION_ON = date(2026, 11, 23)
_client_ids = itertools.count(101)
_parents = itertools.count(1)

LIMITS = replace(ROOMY, instruments=dict.fromkeys(("ZO", "HE", "LE"), ROOMY.instruments["ZO"]))


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Runs one scene on a loop of its own."""
    return asyncio.run(scene)


def options_for(gateway: GatewayProcess, **changed: Any) -> BrokerOptions:
    return options_at(**{"host": gateway.host, "port": gateway.port, **changed})


def options_at(host: str, port: int, **changed: Any) -> BrokerOptions:
    """Fast waits, a client id nobody used before."""
    facts: dict[str, Any] = {
        "host": host,
        "port": port,
        "client_id": next(_client_ids),
        "connect_timeout_s": 3.0,
        "backoff_s": (0.1, 0.2, 0.4),
        "heartbeat_interval_s": 1.0,
        "heartbeat_deadline_s": 1.0,
        "settle_s": 0.3,
        "request_timeout_s": 2.0,
        "history_timeout_s": 3.0,
        "broker_zone": "America/New_York",
        "front_days_min": {"ZO": 14, "HE": 14, "LE": 14},
    }
    return BrokerOptions(**{**facts, **changed})


def clock_of(gateway: GatewayProcess) -> ScaledClock:
    clock = read_clock(gateway.state_dir)
    assert clock is not None
    return clock


async def until(condition: Callable[[], T], what: str, wait_s: float = WAIT_S) -> T:
    """Polls until the condition holds; AssertionError with `what` when it does not in time."""
    deadline = time.monotonic() + wait_s
    while not (met := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.01)
    return met


@dataclass
class Scene:
    """A supervised broker, what it heard, and one contract to trade."""

    process: GatewayProcess | None
    broker: IbBroker
    clock: ScaledClock
    heard: list[Report] = field(default_factory=list)
    children: int = 0
    parent: str = ""

    @property
    def gateway(self) -> GatewayProcess:
        assert self.process is not None, "this gateway runs on the test's own loop"
        return self.process

    async def fault(self, name: str, **options: object) -> dict[str, Any]:
        """Through the control channel, without stopping this loop."""
        return await asyncio.to_thread(self.gateway.fault, name, **options)

    async def contract(self, symbol: str = "HE") -> Contract:
        answer = await self.broker.qualify(symbol)
        assert isinstance(answer, Contract), answer
        assert await self.broker.watch(answer) is None
        return answer

    async def quote(self, contract: Contract) -> Quote:
        return await until(
            lambda: two_sided(self.broker.quote(contract.con_id)), f"a two-sided quote of {contract.symbol}"
        )

    def listen(self) -> list[Report]:
        self.heard.extend(self.broker.reports())
        return self.heard

    def of(self, kind: type[T]) -> list[T]:
        return [report for report in self.listen() if isinstance(report, kind)]

    def executions(self, ref: str) -> list[ExecutionReport]:
        return [one for one in self.of(ExecutionReport) if one.order_ref == ref]

    async def good(self, since_s: float = 0.0) -> None:
        """Waits until the link is wholly good, for so long."""
        clock = self.clock
        await until(
            lambda: clock.wall_s() - self.broker.link.good_since_wall_s >= since_s,
            f"a good link ({self.broker.link.reason})",
        )

    async def whole(self) -> BrokerSnapshot:
        answer = await self.broker.snapshot()
        assert isinstance(answer, BrokerSnapshot), answer
        return answer

    async def working(self, ref: str) -> WorkingOrder | None:
        return next((one for one in (await self.whole()).working if one.order_ref == ref), None)

    # --- a child ---

    def sending(
        self, contract: Contract, side: Side, qty: int, px: Decimal, live_s: float = 1800.0, **changed: Any
    ) -> ChildSending:
        """A child of a parent of its own, approved at the last hop; `live_s` is market time."""
        if not self.parent:
            self.parent = parent_id(SESSION_ON, contract.symbol, next(_parents))
            self.broker.last_hop.approve(self.parent, SESSION_ON, 100)
        self.children += 1
        hours = contract.interval_at(self.clock.now())
        assert hours is not None, "the tests outlasted the market's day"
        good_till = min(self.clock.now() + timedelta(seconds=live_s), hours.closes_at).replace(microsecond=0)
        facts: dict[str, Any] = {
            "order_ref": order_ref(self.parent, self.children),
            "parent": self.parent,
            "con_id": contract.con_id,
            "side": side,
            "qty": qty,
            "limit_px": px,
            "good_till": good_till,
            "client_id": self.broker.client_id,
            "ib_order_id": self.broker.next_order_id(),
            "lease_epoch": 1,
            "verdict": "",
            "champion_id": "ewma",
            "config_hash": "c",
            "build_id": "b",
            "approver": "rule",
        }
        return ChildSending(**{**facts, **changed})

    def verdict(self, contract: Contract, sending: ChildSending, valid_s: float = 300.0) -> Verdict:
        """The gate's own yes to this child, in a market of no width around its limit."""
        proposal = ChildProposal(
            sending.order_ref, sending.parent, contract.symbol, sending.con_id,
            sending.side, sending.qty, sending.limit_px, sending.good_till,
        )  # fmt: skip
        now, px = self.clock.now(), sending.limit_px
        quote = Quote(contract.con_id, px, 5, px, 5, px, px, 100, halted=False, changed_at=now)
        answer = check_child(proposal, view_of(now, contract, quote), LIMITS, timedelta(seconds=valid_s))
        assert isinstance(answer, Verdict), answer
        return answer

    def place(
        self, contract: Contract, side: Side, qty: int, px: Decimal, live_s: float = 1800.0
    ) -> ChildSending:
        """Places one child that must go out."""
        sending, answer = self.try_place(contract, side, qty, px, live_s)
        assert isinstance(answer, Sent), answer
        return sending

    def try_place(
        self, contract: Contract, side: Side, qty: int, px: Decimal, live_s: float = 1800.0
    ) -> tuple[ChildSending, Sent | NotSent]:
        sending = self.sending(contract, side, qty, px, live_s)
        verdict = self.verdict(contract, sending)
        sending = replace(sending, verdict=verdict.verdict_id)
        recorded = RecordedSending(sending, self.clock.wall_s())
        return sending, self.broker.place(recorded, contract, verdict)

    async def resting(self, contract: Contract, live_s: float = 18000.0) -> ChildSending:
        """A child far from the market, acknowledged by the gateway."""
        quote = await self.quote(contract)
        assert quote.bid_px is not None
        far = quote.bid_px - 40 * contract.tick
        sending = self.place(contract, Side.BUY, 2, far - far % contract.tick, live_s)
        await until(lambda: self.acknowledged(sending.order_ref), "the acknowledgement of a resting child")
        return sending

    def acknowledged(self, ref: str) -> list[WorkingOrder]:
        return [one for one in self.of(WorkingOrder) if one.order_ref == ref]

    async def filled(self, contract: Contract, qty: int = 1) -> ChildSending:
        """A child that pays whatever it takes, and its first execution heard."""
        quote = await self.quote(contract)
        assert quote.ask_px is not None
        sending = self.place(contract, Side.BUY, qty, quote.ask_px + 40 * contract.tick)
        await until(lambda: self.executions(sending.order_ref), "an execution")
        return sending

    def frames(self, ref: str) -> list[dict[str, object]]:
        """What the gateway's own journal says it received for this child."""
        return [frame for frame in self.gateway.books()["frames"] if frame["order_ref"] == ref]


def two_sided(quote: Quote | None) -> Quote | None:
    return quote if quote is not None and quote.mid_px is not None else None


def view_of(now: Any, contract: Contract, quote: Quote) -> Any:
    from hydra.risk.view import RiskView

    return RiskView(
        now=now, control=control(), contract=contract, quote=quote, equity_usd=Decimal(1_000_000),
        adv_lots=100_000, marks={}, usd_per_point={},
    )  # fmt: skip


@asynccontextmanager
async def broker_at(
    gateway: GatewayProcess,
    *,
    clock: ScaledClock | None = None,
    last_hop: LastHop | None = None,
    **changed: Any,
) -> AsyncIterator[Scene]:
    """A connected and supervised broker; everything ends with the block, the faults too."""
    own_clock = clock if clock is not None else clock_of(gateway)
    broker = IbBroker(options_for(gateway, **changed), own_clock, last_hop)
    await broker.connect()
    supervision = asyncio.ensure_future(broker.supervise())
    try:
        yield Scene(gateway, broker, own_clock)
    finally:
        await broker.close()
        await supervision
        if gateway.is_running:
            await asyncio.to_thread(gateway.fault, "thaw")
            await asyncio.to_thread(gateway.fault, "1102")
            await asyncio.to_thread(gateway.fault, "clear")
