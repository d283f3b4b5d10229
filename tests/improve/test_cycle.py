"""The loop closes: what is planted in market or fills is named, healed by the right channel, and traded.

Evenings are cycles over a real ledger, journal, registry and bar store; only the calendar is made up.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydra.domain.champion import SEED_CHAMPION, Change
from hydra.domain.errors import BrokenLaw, UserError
from hydra.persistence.artefacts import artefact_path
from hydra.persistence.verify import verify
from hydra.research.observation import Cause
from hydra.usecases.improve.cycle import begin
from hydra.usecases.improve.decide import apply, heal, proposal_of, settle
from hydra.usecases.improve.run import look, run_cycle
from tests.improve.worlds import (
    BORN,
    DAYS,
    FIRST,
    REVERSED,
    SESSIONS,
    SYMBOLS,
    TURNED,
    World,
    edge_bars,
    evening,
    until_change,
    weekdays,
)

# --- (c) replacement, and its way back -----------------------------------------------------------------


def test_a_turned_edge_is_named_insured_and_at_last_replaced_by_the_reversed_arm(world: World) -> None:
    born = evening(world, BORN, autonomy="autonomous").cycle.decision
    assert born is not None
    assert (born.change, born.book.champion) == (Change.BEGUN, SEED_CHAMPION)
    insured = evening(world, 840, autonomy="autonomous").cycle
    assert insured.decision is not None
    assert insured.decision.book.weights("ZO")[SEED_CHAMPION] < 0.8, "insurance comes before replacement"
    day, ran = until_change(world, range(900, DAYS, 40), autonomy="autonomous")
    decided = ran.cycle.decision
    assert decided is not None
    assert (decided.book.champion, decided.predecessor) == (REVERSED, SEED_CHAMPION)
    assert json.loads(decided.evidence)["sharpe_difference"] > 0
    with world.workshop() as shop:
        pointer, plan = shop.ledger.champions.pointer(), shop.ledger.champions.plan(SESSIONS[day])
        assert pointer is not None
        assert plan is not None
        assert (pointer.champion_id, pointer.change, plan.champion_id) == (
            REVERSED,
            Change.PROMOTED,
            REVERSED,
        )
        old = float(ran.cycle.arena.forecasts[-1, 0, ran.cycle.arena.ids.index(SEED_CHAMPION)])
        assert abs(float(plan.forecasts[0].forecast) - old) > 0.2, "the next session holds something else"
        assert decided.book.weights("ZO")[REVERSED] > 0.5
        assert verify(shop.ledger.database, shop.ledger.heads).findings == ()  # type: ignore[attr-defined]


def test_a_healthy_edge_keeps_its_champion_and_its_size(tmp_path: Path) -> None:
    world = World(tmp_path)
    for seed, symbol in enumerate(SYMBOLS, start=1):
        world.bars(symbol, edge_bars(seed, 1000, sharpe=1.5))
    for day in (560, 700, 850, 1000):
        decided = evening(world, day, autonomy="autonomous").cycle.decision
        assert decided is not None
        assert decided.book.champion == SEED_CHAMPION
        assert decided.book.weights("ZO")[SEED_CHAMPION] > 0.85


def test_an_edge_that_comes_back_brings_its_arm_back_by_the_same_rule(tmp_path: Path) -> None:
    world, days = World(tmp_path), 2100
    for seed, symbol in enumerate(SYMBOLS, start=1):
        world.bars(symbol, edge_bars(seed, days, sharpe=3.0, flip_at=TURNED, back_at=1200))
    sessions = weekdays(FIRST, days + 1)
    seen = []
    for day in (BORN, *range(900, days, 120)):
        world.at(sessions[day])
        with world.workshop(autonomy="autonomous", rule="strong") as shop:
            cycle = begin(shop, sessions[day])
            heal(shop, cycle)
            settle(shop, cycle, proposal_of(shop, cycle))
            decided = apply(shop, cycle)
            seen.append((decided.change, decided.book.champion))
    changes = [one for one in seen if one[0] is not None]
    assert changes[:3] == [
        (Change.BEGUN, SEED_CHAMPION),
        (Change.PROMOTED, REVERSED),
        (Change.ROLLED_BACK, SEED_CHAMPION),
    ]


# --- (a) cost, and data faults --------------------------------------------------------------------------


def fills_of(days: Sequence[date], multiplier: Sequence[float]) -> list[dict[str, Any]]:
    """A fill a day and market, its slippage lognormal around what was predicted, times the multiplier."""
    rng = np.random.default_rng(3)
    return [
        {
            "session_on": day.isoformat(), "symbol": symbol, "side": "BUY" if at % 2 else "SELL", "qty": 1,
            "px": "400.1", "mid_px": "400", "commission_usd": "2.5", "predicted_slippage_bps": "10",
            "slippage_bps": 10 * times * float(rng.lognormal(-0.32, 0.8)),
        }
        for at, (day, times) in enumerate(zip(days, multiplier, strict=True))
        for symbol in SYMBOLS
    ]  # fmt: skip


def test_execution_three_times_dearer_moves_the_book_to_slower_arms_within_days(tmp_path: Path) -> None:
    world = World(tmp_path)
    for seed, symbol in enumerate(SYMBOLS, start=1):
        world.bars(symbol, edge_bars(seed, 700, sharpe=1.0))
    quiet, dear = list(range(500, 620)), list(range(620, 640))
    dates = [SESSIONS[day] for day in quiet]
    world.fills = fills_of(dates, [1.0] * len(dates))
    before = evening(world, 620, autonomy="autonomous").cycle.decision
    assert before is not None
    assert not before.book.moved
    dates += [SESSIONS[day] for day in dear]
    world.fills = fills_of(dates, [1.0] * len(quiet) + [3.0] * len(dear))
    ran = evening(world, 640, autonomy="autonomous").cycle
    assert {one.cause for one in ran.diagnoses} == {Cause.EXECUTION_COST}
    assert ran.decision is not None
    moved = dict(ran.decision.book.moved)
    assert moved.get("ZO") in ("trend-16-64@708e78", "trend-32-128@fa7270"), "the dear market trades slower"
    slower = float(ran.arena.forecasts[-1, 0, ran.arena.ids.index(moved["ZO"])])
    assert ran.decision.forecasts["ZO"] == pytest.approx(slower, abs=0.25), "so does its next target"
    assert ran.decision.book.champion == SEED_CHAMPION


def test_a_missing_week_of_bars_stops_the_instrument_and_no_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    whole = edge_bars(1, 400, sharpe=1.0)
    world.bars("ZO", whole[:-6] + whole[-1:])
    world.bars("HE", edge_bars(2, 400, sharpe=1.0))
    ran = evening(world, 400)
    assert ran.cycle.decision is not None
    assert set(ran.cycle.decision.stops) == {"ZO"}
    with world.workshop() as shop:
        plan = shop.ledger.champions.plan(SESSIONS[400])
        assert plan is not None
        assert {one.symbol: bool(one.stop) for one in plan.forecasts} == {"ZO": True, "HE": False}
    world.bars("ZO", whole, world.clock.now())
    again = evening(world, 400).cycle.decision
    assert again is not None
    assert set(again.stops) == {"ZO"}, "the session is decided: a rerun decides nothing anew"


def test_bars_that_are_too_old_stop_all_and_negative_prices_stop_nothing(tmp_path: Path) -> None:
    """Back-adjusted prices may lie below zero: everything works on differences."""
    world = World(tmp_path)
    for seed, symbol in enumerate(SYMBOLS, start=1):
        above = edge_bars(seed, 400, sharpe=1.0)
        below = [
            replace(
                bar,
                **{name: getattr(bar, name) - 450 for name in ("open_px", "high_px", "low_px", "close_px")},
            )
            for bar in above
        ]
        assert min(bar.close_px for bar in below) < 0
        world.bars(symbol, below)
    fresh = evening(world, 400).cycle.decision
    cycle = evening(world, 420).cycle
    late = cycle.decision
    assert {one.cause for one in cycle.diagnoses} == {Cause.DATA_FAULT}, "the diagnosis says so, too"
    assert fresh is not None
    assert late is not None
    assert not fresh.stops
    assert set(late.stops) == set(SYMBOLS)


# --- reruns and crashes ---------------------------------------------------------------------------------


def test_a_cycle_run_again_decides_nothing_anew_and_writes_nothing_twice(world: World) -> None:
    first = evening(world, BORN).cycle.decision
    again = evening(world, BORN).cycle.decision
    assert first is not None
    assert again is not None
    assert (again.book, again.forecasts) == (first.book, first.forecasts)
    with world.workshop() as shop:
        kinds = [str(row["kind"]) for row in shop.ledger.export()]
        assert sorted(kinds) == ["BookPlanned", "ChampionChanged"]


def test_a_crash_between_the_record_and_the_ledger_is_made_good_by_the_rerun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.workshop() as shop:
        world.at(SESSIONS[BORN])

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(shop.ledger, "change_champion", killed)
        with pytest.raises(KeyboardInterrupt):
            run_cycle(shop, SESSIONS[BORN])
        assert shop.journal.book(SESSIONS[BORN]) is not None
        assert shop.ledger.champions.pointer() is None
    evening(world, BORN)
    with world.workshop() as shop:
        assert shop.ledger.champions.pointer() is not None
        assert shop.ledger.champions.plan(SESSIONS[BORN]) is not None


def test_two_cycles_of_one_session_decide_once_between_them(world: World) -> None:
    world.at(SESSIONS[BORN])
    with world.workshop() as shop, world.workshop() as rival:
        cycle = look(shop, SESSIONS[BORN])
        heal(shop, cycle)
        settle(shop, cycle, None)
        run_cycle(rival, SESSIONS[BORN])
        apply(shop, cycle)
        assert sorted(str(row["kind"]) for row in shop.ledger.export()) == ["BookPlanned", "ChampionChanged"]


def test_sessions_that_were_missed_are_caught_up_one_by_one(world: World) -> None:
    """One cycle after thirty sessions remembers what thirty cycles do."""
    evening(world, BORN)
    late = evening(world, BORN + 5).cycle.decision
    other = World(world.folder / "other", world.clock)
    for seed, symbol in enumerate(SYMBOLS, start=1):
        other.bars(symbol, edge_bars(seed, DAYS, sharpe=3.0, flip_at=TURNED))
    for day in range(BORN, BORN + 6):
        daily = evening(other, day).cycle.decision
    assert late is not None
    assert daily is not None
    assert late.mind.sessions == daily.mind.sessions == 5
    np.testing.assert_allclose(late.mind.state["weights"], daily.mind.state["weights"])


# --- artefacts ------------------------------------------------------------------------------------------


def test_a_swapped_artefact_is_found_at_the_next_load(world: World) -> None:
    evening(world, BORN)
    with world.workshop() as shop:
        pointer = shop.ledger.champions.pointer()
        assert pointer is not None
        path = artefact_path(world.folder / "models", pointer.sha256)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == pointer.sha256
    path.chmod(0o600)
    path.write_text(path.read_text().replace("32", "33"))
    with pytest.raises(BrokenLaw, match="HY-855"):
        evening(world, BORN + 1)


def test_a_session_before_the_last_decided_one_is_refused(world: World) -> None:
    evening(world, BORN)
    with pytest.raises(UserError, match="HY-867"):
        evening(world, BORN - 1)
