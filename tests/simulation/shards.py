"""Worlds of two execution shards: two processes, two client ids, one ledger, one account, every fault.

A symbol is worked by one shard only (ZO and GF by the first). In every second world the account has room for
less than both want together, though for each alone: only a limit that counts both holds there.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from random import Random
from typing import Final

from hydra.domain.roles import Duty, Role, client_id_of, shard_of
from hydra.risk.limits import Limits
from hydra.simulation.crew import RETRY_S, SUCCESSOR_AFTER_S, Crew
from hydra.simulation.disk import Transaction
from hydra.simulation.process import SimProcess
from hydra.simulation.run import RunOptions, WorldResult, run_scenario
from hydra.simulation.scenario import Scenario, scenario_of
from hydra.simulation.verdict import judge_end
from hydra.simulation.world import BASE_CLIENT_ID, Tell, World
from hydra.usecases.plan import SessionState

SHARDS: Final = 2
EQUITY_USD: Final = 1_000_000
# The gate values by the last mark, we by the last limit price: a little apart, never a lot's worth.
PRICES_APART: Final = Decimal("1.05")
RUNS_MAX: Final = 400
_FIRST: Final = ("ZO", "GF")
_SECOND: Final = ("HE", "LE", "ZR", "OJ")
# About what a lot is worth in these worlds, whose prices differ by half.
_LOT_USD: Final = {"ZO": 16_000, "GF": 72_000, "HE": 30_000, "LE": 49_000, "ZR": 29_000, "OJ": 15_000}


@dataclass(frozen=True, slots=True)
class ShardScenario(Scenario):
    """A world's scenario with a limit over the whole account, as a fraction of equity."""

    gross_fraction: Decimal | None = None

    @property
    def limits(self) -> Limits:
        usual: Limits = Scenario.limits.fget(self)  # type: ignore[attr-defined]
        if self.gross_fraction is None:
            return usual
        return replace(usual, account=replace(usual.account, gross_fraction=self.gross_fraction))


def sharded(scenario: Scenario) -> ShardScenario:
    """The same world with a symbol for each shard."""
    rng = Random(f"shards/{scenario.seed}")
    wanted = {rng.choice(names): rng.choice((-1, 1)) * rng.randint(2, 8) for names in (_FIRST, _SECOND)}
    told = {one.name: getattr(scenario, one.name) for one in fields(scenario)}
    if "day_end" in {fault.kind for fault in scenario.faults}:
        wanted = {"ZO": 4, "ZR": -3}  # what trades at midnight
    fraction = None
    if rng.random() < 0.5:
        values = [abs(lots) * _LOT_USD[symbol] for symbol, lots in wanted.items()]
        fraction = Decimal(int(max(max(values) * 1.1, sum(values) * 0.6))) / EQUITY_USD
    return ShardScenario(**{**told, "targets": wanted, "gross_fraction": fraction})


class ShardCrew(Crew):
    """Keeps both shards running; a fault that takes a process takes one of the two."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.watchers.append(self._check_account)
        self._rng = Random(f"victims/{world.scenario.seed}")
        self._failed: dict[int, str] = {}
        self._told: dict[int, Mapping[str, tuple[str, ...]]] = {}

    @property
    def current(self) -> SimProcess | None:
        alive = [one for one in self.world.processes if self.world.is_running(one)]
        return self._rng.choice(alive) if alive else None

    async def work(self) -> None:
        both = range(1, SHARDS + 1)
        await asyncio.gather(*(self._keep(shard) for shard in both))
        self.on_calm()
        await asyncio.sleep(self.linger_s + SUCCESSOR_AFTER_S)
        await asyncio.gather(*(self._once_more(shard) for shard in both))
        # what one saw at its end the other may have ended later: a third look finds nothing to do
        await asyncio.gather(*(self._once_more(shard) for shard in both))
        self.denied = {symbol: why for told in self._told.values() for symbol, why in told.items()}
        judge_end(self.world.oracle, self.denied, next(filter(None, self._failed.values()), ""))

    # --- inside ---

    async def _keep(self, shard: int) -> None:
        for number in range(RUNS_MAX):
            process = await self._run(shard)
            failed = self._failed.get(shard, "")
            is_done = not process.is_dead and not process.is_stopped and not failed
            if (is_done or failed.startswith(("HY-4", "HY-9"))) and self._is_late():
                return
            pause_s, self.restart_s = self.restart_s or min(RETRY_S * 1.1 ** min(number, 60), 900.0), None
            if is_done:
                pause_s = max(self.faults_end_s - self.world.loop.time(), RETRY_S)
            await asyncio.sleep(pause_s)
        self.world.oracle.breach("f", f"shard {shard}: {RUNS_MAX} runs, the last: {self._failed.get(shard)}")

    def _is_late(self) -> bool:
        return self.world.loop.time() >= self.faults_end_s

    async def _once_more(self, shard: int) -> None:
        for _ in range(40):
            process = await self._run(shard)
            failed = self._failed.get(shard, "")
            if not process.is_dead and (not failed or failed.startswith(("HY-4", "HY-9"))):
                return
            await asyncio.sleep(RETRY_S)
        self.world.oracle.breach("f", f"shard {shard}: 40 last runs failed: {self._failed.get(shard)}")

    async def _run(self, shard: int) -> SimProcess:
        """One process of the shard, to its end or until it has been found stopped for a while."""
        process = self._start(Duty(shard=shard, shards=SHARDS))
        while self.world.is_running(process):
            await asyncio.sleep(SUCCESSOR_AFTER_S / 4)
            if process.is_stopped:
                await asyncio.sleep(SUCCESSOR_AFTER_S)
                if process.is_stopped:
                    return process
        return process

    def _ended(self, process: SimProcess) -> None:
        super()._ended(process)
        is_told = not process.is_dead and process.main is not None and not process.main.cancelled()
        if is_told:
            self._failed[process.duty.shard] = self.failure

    def _finished(self, process: SimProcess, state: SessionState) -> None:
        super()._finished(process, state)
        shard = process.duty.shard
        own = {one.symbol: one.reasons for one in state.denied if shard_of(one.symbol, SHARDS) == shard}
        self._told[shard] = own

    def _check_account(self, done: Transaction) -> None:
        """(e) over the account, and each symbol by its own shard only."""
        for row in done.rows:
            if row.kind != "ChildSending":
                continue
            parent = self.world.oracle.ledger.parents[row.stream]
            own = client_id_of(BASE_CLIENT_ID, Role.EXECUTION, shard_of(parent.plan["symbol"], SHARDS))
            if row.payload["client_id"] != own:
                self.world.oracle.breach("d", f"{row.payload['order_ref']} is sent by the other shard")
            self._check_gross(row.payload["order_ref"])

    def _check_gross(self, order_ref: str) -> None:
        scenario = self.world.scenario
        assert isinstance(scenario, ShardScenario)
        if scenario.gross_fraction is None:
            return
        price: dict[int, Decimal] = {}
        for child in self.world.oracle.ledger.children.values():
            opened = self.world.oracle.ledger.parents[child.sending["parent"]].opened
            assert opened is not None
            point_usd = Decimal(opened["usd_per_point"])
            price[child.sending["con_id"]] = abs(Decimal(child.sending["limit_px"])) * point_usd
        ends = {con_id: self.world.oracle.ledger.exposure(con_id) for con_id in price}
        gross = sum(max(abs(low), abs(high)) * price[con_id] for con_id, (low, high) in ends.items())
        if gross > scenario.gross_fraction * EQUITY_USD * PRICES_APART:
            limit = scenario.gross_fraction * EQUITY_USD
            self.world.oracle.breach("e", f"{order_ref}: {gross:.0f} USD over both shards, limit {limit:.0f}")


def run_shards(seed: int, options: RunOptions, tell: Tell | None = None) -> WorldResult:
    """The world of this seed with two shards, to its end and judged."""
    return run_scenario(sharded(scenario_of(seed, options.kinds)), options, tell, ShardCrew)
