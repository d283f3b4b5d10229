"""What one seed fixes: market, times, latencies, targets, faults. Pure: the same seed, the same scenario."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from hydra.execution.policy import ExecutionPolicy
from hydra.risk.limits import Limits, default_limits
from hydra.simgateway.core import GatewaySettings
from hydra.simulation.cells import LIVE, led_faults
from hydra.simulation.fault_kinds import FAULTS
from hydra.simulation.faults import Fault, draw_faults

EXCHANGES: Final = {"ZO": "CBOT", "HE": "CME", "LE": "CME", "GF": "CME", "ZR": "CBOT", "OJ": "NYBOT"}
BROKER_ZONE: Final = "America/Chicago"
SESSION_ON: Final = date(2026, 11, 23)
LADDER_S: Final = (60.0, 30.0, 15.0)
# Thin books first: there a session takes its time. The liquid ones fill within a ladder or two.
_SYMBOLS: Final = ("ZO", "ZO", "ZO", "ZR", "ZR", "OJ", "OJ", "GF", "LE", "HE")
# ZO trades through midnight in Chicago; this is 23:49 there.
_BEFORE_MIDNIGHT: Final = datetime(2026, 11, 24, 5, 49, tzinfo=UTC)
MIDNIGHT: Final = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
_MORNING: Final = datetime(2026, 11, 23, 14, 35, tzinfo=UTC)
TIGHT_FRACTION: Final = 0.4
NERVOUS_FRACTION: Final = 0.15
# Of a million dollars: a few ticks of a few lots trip the breaker, and the market may take them back.
_NERVOUS: Final = (Decimal("-0.00005"), Decimal("-0.0002"), Decimal("-0.0005"))
_WINDOW_FROM_S: Final = 150.0
_POLICY: Final = ExecutionPolicy(ladder_s=LADDER_S, horizon_s=780.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world, fixed before it begins; times in virtual seconds from its start."""

    seed: int
    start: datetime = _MORNING
    targets: Mapping[str, int] = field(default_factory=lambda: {"ZO": 6})
    policy: ExecutionPolicy = _POLICY
    gateway: GatewaySettings = field(default_factory=lambda: GatewaySettings(zone="US/Central"))
    heartbeat_s: float = 10.0
    latency_s: float = 0.0005
    faults: tuple[Fault, ...] = ()
    maintenance_at_s: float | None = None
    is_tight: bool = False
    daily_loss: Decimal | None = None

    @property
    def limits(self) -> Limits:
        """Paper's own; in a tight world no lot beyond the targets, and a breaker that noise may trip."""
        usual = default_limits("paper", EXCHANGES)
        own = dict(usual.instruments)
        if self.is_tight:
            for symbol, target in self.targets.items():
                own[symbol] = replace(own[symbol], position_lots=abs(target))
        breakers = usual.breakers
        if self.daily_loss is not None:
            breakers = replace(breakers, daily_loss=self.daily_loss)
        return replace(usual, instruments=own, breakers=breakers)

    @property
    def maintenance_at(self) -> datetime | None:
        """The start of the gateway's maintenance window, if this world has one."""
        if self.maintenance_at_s is None:
            return None
        return self.start + timedelta(seconds=self.maintenance_at_s)


def scenario_of(seed: int, kinds: Iterable[str] = FAULTS) -> Scenario:
    """The world of this seed; `kinds` are the faults it may draw from."""
    return scenario_with(seed, faults_of(seed, kinds))


def faults_of(seed: int, kinds: Iterable[str]) -> tuple[Fault, ...]:
    """What this seed draws from these kinds; two worlds in five walk through the matrix instead."""
    names, length_s = tuple(sorted(kinds)), _horizon_s(Random(f"world/{seed}")) * 0.8
    if names and seed % 5 in (1, 3):
        return led_faults(seed // 5 * 2 + seed % 5 // 2, names, length_s)
    return draw_faults(Random(f"faults/{seed}"), names, length_s)


def scenario_with(seed: int, faults: tuple[Fault, ...]) -> Scenario:
    """The world of this seed with other faults: what a regression keeps when the catalogue has grown."""
    rng = Random(f"world/{seed}")
    horizon_s = _horizon_s(rng)
    names = {fault.kind for fault in faults}
    symbols = [rng.choice(_SYMBOLS) for _ in range(rng.choice((1, 1, 1, 2)))]
    targets = {symbol: rng.choice((-1, 1)) * rng.randint(1, 10) for symbol in symbols}
    start = _MORNING + timedelta(minutes=rng.randrange(0, 180), seconds=rng.randrange(60))
    gateway = GatewaySettings(
        seed=seed,
        zone="US/Central",
        exec_time=rng.choice(("zone", "zone", "utc", "naive")),
        executions_visibility="all",
        pushes_open_orders=rng.random() < 0.8,
    )
    latency_s = round(rng.choice((0.0002, 0.0005, 0.002, 0.01)), 5)
    maintenance_at_s = None
    if "day_end" in names:
        start, targets = (
            _BEFORE_MIDNIGHT + timedelta(seconds=rng.randrange(240)),
            {"ZO": rng.choice((-3, 3, 6))},
        )
    if "nightly_restart" in names:
        faults = tuple(_in_window(fault) for fault in faults)
        maintenance_at_s = next(fault.at_s for fault in faults if fault.kind == "nightly_restart")
    policy = replace(_POLICY, horizon_s=horizon_s)
    if "instant_fill" in names:  # it fills a part of an order: there must be orders of more than one lot
        policy = replace(policy, participation_rate=1.0, twap_above_adv_fraction=1.0)
        targets = {symbol: lots if abs(lots) > 3 else 4 * lots for symbol, lots in targets.items()}
    if any(fault.kind == "kill_at_send" and fault.aim in LIVE for fault in faults):
        # Two parents in slices of their own times: one sends while a child of the other lives.
        policy = replace(policy, participation_rate=1.0, twap_above_adv_fraction=0.0)
        first = next(symbol for symbol in (*targets, "ZO") if symbol != "OJ")
        targets = {first: 10, "OJ": -10}
    strict = Random(f"limits/{seed}")
    is_tight = strict.random() < TIGHT_FRACTION
    daily_loss = strict.choice(_NERVOUS) if strict.random() < NERVOUS_FRACTION else None
    if "price_dip" in names:  # enough to buy for a trip, a return and a rest, in a market that takes its time
        targets, daily_loss = {"ZO": 10 if next(iter(targets.values())) > 0 else -10}, _NERVOUS[-1]
    return Scenario(
        seed=seed,
        start=start,
        targets=targets,
        policy=policy,
        gateway=gateway,
        latency_s=latency_s,
        faults=faults,
        maintenance_at_s=maintenance_at_s,
        is_tight=is_tight,
        daily_loss=daily_loss,
    )


def _horizon_s(rng: Random) -> float:
    return float(rng.randrange(700, 1100, 20))


def _in_window(fault: Fault) -> Fault:
    """The restart of the maintenance window: at its begin, with room for a session before it."""
    if fault.kind != "nightly_restart":
        return fault
    return replace(fault, at_s=fault.at_s + _WINDOW_FROM_S, aim="", after_s=0.0)
