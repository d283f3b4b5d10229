"""A session trades the book's plan on record, inside its envelope, and under the champion's own name."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hydra.clock import SystemClock
from hydra.domain.champion import BookPlanned, ChampionChanged, Change, Envelope, PlannedForecast
from hydra.persistence.artefacts import keep_artefact
from hydra.persistence.open import open_ledger
from hydra.persistence.verify import verify
from tests.session.trading_day import ON, TradingDay

pytestmark = pytest.mark.process

SESSION = ("session", "run", "--on", ON, "--json")
ENVELOPE = Envelope(("HE", "LE"), Decimal(150_000), 6, 2)
ARTEFACT = b'{"parts":[""],"spec":"of the test"}'


def plan(champion: str = "trend-2@1", stop: Mapping[str, str] = {}, **changes: object) -> BookPlanned:
    """HE long and LE short as far as anything goes."""
    forecasts = tuple(
        PlannedForecast(symbol, Decimal(said), "bars", stop.get(symbol, ""))
        for symbol, said in (("HE", "2"), ("LE", "-2"))
    )
    made = BookPlanned(
        session_on=date.fromisoformat(ON),
        champion_id=champion,
        sha256=hashlib.sha256(ARTEFACT).hexdigest(),
        book_sha256="b",
        envelope=ENVELOPE,
        vol_target_year=Decimal("0.10"),
        position_fraction=Decimal("0.40"),
        adv_fraction=Decimal("0.02"),
        forecasts=forecasts,
        by="test",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def promotion(champion: str = "trend-2@1") -> ChampionChanged:
    sha256 = hashlib.sha256(ARTEFACT).hexdigest()
    on = date.fromisoformat(ON)
    return ChampionChanged(champion, sha256, "b", "", "", Change.PROMOTED, on, "{}", "anna")


def decide(day: TradingDay, *events: ChampionChanged | BookPlanned) -> Path:
    """Writes what a cycle decides, pointer and plan at once; returns the folder of artefacts."""
    clock = SystemClock()
    day.data_dir.mkdir(exist_ok=True)
    ledger = open_ledger(day.data_dir / "ledger.sqlite3", now=clock.now, wall_s=clock.wall_s)
    try:
        assert ledger.change_champion(ledger.champions.seq(), events) is None
        assert verify(ledger.database, ledger.heads).findings == ()
    finally:
        ledger.close()
    keep_artefact(day.data_dir / "models", ARTEFACT)
    return day.data_dir / "models"


def test_the_session_trades_the_plan_of_the_champion_that_leads(day: TradingDay) -> None:
    decide(day, promotion(), plan(stop={"LE": "DATA_FAULT: a bar is missing"}))
    done = day.hydra(*SESSION, "--symbols", "HE,LE,ZO", execution__horizon_s=60)
    assert done.code == 0, done.stderr
    assert done.denied == {
        "LE": ["STOPPED: DATA_FAULT: a bar is missing"],
        "ZO": [f"NOT_IN_BOOK: the book of {ON} does not trade ZO"],
    }
    assert done.parents["HE"]["order_qty"] == 2, "the envelope's position, not what the forecast asks for"
    assert {one["champion_id"] for one in day.of("ChildSending")} == {"trend-2@1"}
    day.judge()


def test_nothing_is_traded_on_a_plan_of_another_champion_or_without_one(day: TradingDay) -> None:
    decide(day, promotion("other"), plan("trend-2@1"))
    done = day.hydra(*SESSION, "--symbols", "HE")
    assert done.denied["HE"][0].startswith("BOOK_PLAN_STALE: of trend-2@1, other leads")
    done = day.hydra("session", "run", "--on", "2026-11-24", "--json", "--symbols", "HE")
    assert done.denied["HE"] == ["NO_BOOK_PLAN: other has no targets yet: hydra run --on 2026-11-24"]
    assert day.sent() == []


def test_a_swapped_artefact_stops_the_session_before_anything_is_sent(day: TradingDay) -> None:
    folder = decide(day, promotion(), plan())
    (path,) = folder.iterdir()
    path.chmod(0o600)
    path.write_text("another model")
    done = day.hydra(*SESSION, "--symbols", "HE")
    assert (done.code, done.line.split()[0], day.sent()) == (1, "HY-855", [])
