"""Bars from a real gateway into the store: asked once, completed by what is missing, no day still open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from hydra.domain.contract import Contract
from hydra.domain.market import DailyBar
from hydra.persistence.bars import ParquetBarStore
from hydra.research.series_checks import DataProblem
from hydra.usecases.bars import HistoryPace, Wanted, fetch_bars
from tests.contract.broker_scene import broker_at, play
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.process


def test_missing_sessions_are_fetched_once_and_a_hole_is_filled(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.broker.qualify("ZO", "202612")
            assert isinstance(contract, Contract)
            all_bars = await here.broker.daily_bars(contract, 40)
            assert isinstance(all_bars, tuple)
            sessions = tuple(bar.on for bar in all_bars[:-1])  # the last day counts as still open
            store, pace = ParquetBarStore(tmp_path), HistoryPace()
            wanted = [Wanted(contract, "ZO-202612", sessions[-20:-3])]

            (first,) = await fetch_bars(here.broker, store, here.clock, wanted, pace)
            assert (first.problem, first.missing) == (None, ())
            assert first.added >= 17
            assert store.bars("ZO-202612")[-1].on == sessions[-4]
            (again,) = await fetch_bars(here.broker, store, here.clock, wanted, pace)
            assert (again.added, len(pace._asked)) == (0, 1)  # nothing was missing: nothing was asked

            wanted = [Wanted(contract, "ZO-202612", sessions)]
            (later,) = await fetch_bars(here.broker, store, here.clock, wanted, pace)
            assert later.added == 3
            assert store.bars("ZO-202612")[-1] == all_bars[-2]

    play(scene())


def test_a_refusal_leaves_the_store_and_the_others_alone(gateway: GatewayProcess, tmp_path: Path) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.broker.qualify("ZO", "202612")
            assert isinstance(contract, Contract)
            bars = await here.broker.daily_bars(contract, 5)
            assert isinstance(bars, tuple)
            sessions = tuple(bar.on for bar in bars)
            strange = replace(contract, con_id=1, local_symbol="ZZZZ")
            store = ParquetBarStore(tmp_path)
            wanted = [Wanted(strange, "strange", sessions), Wanted(contract, "ZO", sessions)]
            refused, fetched = await fetch_bars(here.broker, store, here.clock, wanted, HistoryPace())
            assert refused.problem is not None
            assert refused.missing == sessions
            assert fetched.problem is None
            assert store.series() == ("ZO",)

    play(scene())


def test_a_day_nobody_traded_is_asked_for_a_week_and_told_for_ever(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.broker.qualify("ZO", "202612")
            assert isinstance(contract, Contract)
            bars = await here.broker.daily_bars(contract, 30)
            assert isinstance(bars, tuple)
            holiday = next(
                day
                for day in (bars[0].on + timedelta(days=n) for n in range(1, 30))
                if day not in {bar.on for bar in bars}
            )
            sessions = tuple(sorted([*(bar.on for bar in bars), holiday]))
            store, pace = ParquetBarStore(tmp_path), HistoryPace()
            (first,) = await fetch_bars(
                here.broker, store, here.clock, [Wanted(contract, "ZO", sessions)], pace
            )
            assert first.missing == (holiday,)
            assert [one.on for one in first.findings if one.problem is DataProblem.MISSING_DAY] == [holiday]
            (second,) = await fetch_bars(
                here.broker, store, here.clock, [Wanted(contract, "ZO", sessions)], pace
            )
            assert len(pace._asked) == 1
            assert second.missing == (holiday,)

    play(scene())


def test_the_pace_is_kept_over_any_window() -> None:
    pace, now, asked = HistoryPace(requests=5, window_s=60), 0.0, []
    for _ in range(40):
        while (wait_s := pace.wait_s(now)) > 0:
            now += wait_s
        asked.append(now)
        now += 1.0
    assert all(later - earlier >= 60 for earlier, later in zip(asked, asked[5:], strict=False))
    assert asked[4] == 4.0


def test_a_late_correction_becomes_a_revision(tmp_path: Path) -> None:
    store = ParquetBarStore(tmp_path)
    at = datetime(2026, 8, 17, 21, tzinfo=UTC)
    px = Decimal(400)
    bar = DailyBar(at.date(), px, px, px, px, 10)
    store.put("ZO", [bar], at, "ib")
    store.put("ZO", [replace(bar, volume=12)], at + timedelta(days=1), "ib")
    assert [known_at for known_at, _ in store.revisions("ZO", at.date())] == [at, at + timedelta(days=1)]
