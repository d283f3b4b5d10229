"""The research side's composition root: settings in, a working `Workshop` out.

Apart from `hydra.bootstrap`: this half loads numba and scipy, which the process that trades must not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from hydra.cluster import ClusterWalks
from hydra.config import Settings, ensure_data_dir
from hydra.domain.champion import Autonomy, Envelope
from hydra.domain.errors import UserError
from hydra.persistence import views
from hydra.persistence.artefacts import MODELS_FOLDER
from hydra.persistence.bars import ParquetBarStore
from hydra.persistence.cot import COT_FOLDER, ParquetCotStore
from hydra.persistence.journal import ExperimentJournal
from hydra.persistence.ledger import SqlLedger
from hydra.persistence.open import open_ledger, open_research_tables
from hydra.persistence.registry import ModelRegistry
from hydra.ports import Clock
from hydra.research.mutate import Budget
from hydra.research.panel import Listed
from hydra.sandbox.run import MIB, Limits
from hydra.sandbox.walks import IsolatedWalks
from hydra.usecases.improve.workshop import HealingPlan, Workshop
from hydra.wiring import BARS_FOLDER, LEDGER_FILE, build_id, clock_of


@contextmanager
def open_workshop(settings: Settings, clock: Clock | None = None) -> Iterator[Workshop]:
    """Ledger, bar store, journal, registry and sandbox of these settings, as long as the context lasts."""
    clock = clock or clock_of(settings)
    _register_families(settings)
    folder = ensure_data_dir(settings)
    given = settings.ledger.url
    place = given.get_secret_value() if given is not None else folder / LEDGER_FILE
    ledger = open_ledger(place, now=clock.now, wall_s=clock.wall_s, folder=folder, busy_timeout_s=5.0)
    try:
        tables, where = open_research_tables(place)
        sandbox = _sandbox(settings)
        try:
            yield Workshop(
                ledger=ledger,
                store=ParquetBarStore(folder / BARS_FOLDER),
                journal=ExperimentJournal(tables, where),
                registry=ModelRegistry(tables, where, folder / MODELS_FOLDER),
                sandbox=sandbox,
                clock=clock,
                plan=_sized(healing_plan(settings), ledger),
                build_id=build_id(),
                fills=partial(views.fills, ledger.database),
                breaks=_breaks(ledger),
                weeks=ParquetCotStore(folder / COT_FOLDER).weeks,
            )
        finally:
            sandbox.close()
            tables.close()
    finally:
        ledger.close()


def _sandbox(settings: Settings) -> IsolatedWalks | ClusterWalks:
    """On this machine, or on the machines of the cluster that is named."""
    given = settings.healing
    if given.dask_address is not None:
        return ClusterWalks(given.dask_address, _limits(settings), given.families)
    return IsolatedWalks(_limits(settings), families=given.families)


def _register_families(settings: Settings) -> None:
    """Imports the modules that register families; HY-869 names the one that cannot be."""
    for name in settings.healing.families:
        try:
            import_module(name)
        except Exception as error:
            raise UserError("HY-869", module=name, problem=f"{type(error).__name__}: {error}") from error


def healing_plan(settings: Settings) -> HealingPlan:
    """What the settings say of healing; HY-861 for an instrument of the book without its facts."""
    given = settings.healing
    symbols = given.symbols or settings.trading.symbols
    return HealingPlan(
        instruments={symbol: _listed(settings, symbol) for symbol in symbols},
        rule=given.rule,
        autonomy=Autonomy(given.autonomy.upper()),
        envelope=Envelope(symbols, given.order_value_usd, given.orders_session, given.position_lots),
        budget=Budget(given.budget, given.refill_days, given.cooldown_days),
        seed=given.seed,
        vol_target_year=given.vol_target_year,
        position_fraction=given.position_fraction,
        adv_fraction=given.adv_fraction,
        capital_usd=given.capital_usd,
        challengers_max=given.challengers_max,
    )


def _sized(plan: HealingPlan, ledger: SqlLedger) -> HealingPlan:
    """Judged at the account's own equity, once the ledger has seen it."""
    marked = views.last_equity(ledger.database)
    if marked is None or marked.equity_usd <= 0:
        return plan
    return replace(plan, capital_usd=float(marked.equity_usd))


def _listed(settings: Settings, symbol: str) -> Listed:
    found = settings.instruments.get(symbol)
    facts: Mapping[str, float | None] = {
        key: getattr(found, key, None) for key in ("usd_per_point", "cost_bps")
    }
    for key, value in facts.items():
        if value is None:
            raise UserError("HY-861", symbol=symbol, key=key)
    return Listed(symbol, float(facts["usd_per_point"] or 0), float(facts["cost_bps"] or 0))


def _limits(settings: Settings) -> Limits:
    given = settings.healing
    return Limits(
        wall_s=given.candidate_wall_s,
        cpu_s=max(1, int(given.candidate_wall_s)),
        memory_bytes=given.candidate_memory_mib * MIB,
    )


def _breaks(ledger: SqlLedger) -> Callable[[str], Sequence[str]]:
    """Differences of the books that still stop an instrument: the halts in force that reconciling set."""

    def breaks_of(symbol: str) -> Sequence[str]:
        states: Sequence[Mapping[str, Any]] = views.trading_states(ledger.database)
        return [
            f"{row['scope']} is {row['state']}: {row['reason']}"
            for row in states
            if row["scope"] in (symbol, "ALL") and row["state"] == "HALTED"
        ]

    return breaks_of
