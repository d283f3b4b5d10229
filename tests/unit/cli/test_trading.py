"""`hydra trading ack`: a breaker waits for a name, and with its release the peak starts anew."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from hydra.domain.events import BreakerMoved, EquityMarked
from hydra.domain.latch import Latched
from hydra.persistence.ledger import SqlLedger
from hydra.usecases.latch import LATCH_FILE, set_latch
from tests.conftest import Hydra
from tests.contract.ledger_facts import Desk, Hands, opened_ledger

pytestmark = pytest.mark.process

PEAK, LAST = Decimal(1_000_000), Decimal(900_000)
YESTERDAY, TODAY = date(2026, 8, 20), date(2026, 8, 21)


@dataclass
class Tripped:
    """A ledger whose drawdown breaker is in some state; equity fell from PEAK to LAST."""

    place: Path

    def set(self, state: str, cooldown_left: int) -> None:
        ledger = self.ledger()
        if ledger.control(0, "").equity_peak_usd is None:
            Desk(ledger, Hands()).opened()
            ledger.record([EquityMarked(YESTERDAY, PEAK, "session"), EquityMarked(TODAY, LAST, "session")])
        fell = BreakerMoved(
            "drawdown", state, cooldown_left, Decimal("-0.1"), Decimal("-0.05"), "2026-08-20", "gate"
        )
        ledger.record([fell])
        ledger.close()

    def ledger(self) -> SqlLedger:
        return opened_ledger(self.place / "ledger.sqlite3", Hands())

    def state_and_peak(self) -> tuple[str, Decimal | None]:
        ledger = self.ledger()
        control = ledger.control(0, "")
        ledger.close()
        return control.breakers["drawdown"].state, control.equity_peak_usd


@pytest.fixture
def tripped(tmp_path: Path) -> Tripped:
    return Tripped(tmp_path)


def test_the_last_yes_releases_the_breaker_and_starts_the_peak_anew(hydra: Hydra, tripped: Tripped) -> None:
    tripped.set("AWAITING_ACK", 0)
    assert tripped.state_and_peak() == ("AWAITING_ACK", PEAK)
    env = {"HYDRA_DATA_DIR": str(tripped.place)}
    done = hydra("trading", "ack", "drawdown", "--by", "anna", env=env)
    assert (done.returncode, done.stdout) == (0, "drawdown: ACTIVE\n"), done.stderr
    assert tripped.state_and_peak() == ("ACTIVE", LAST)
    told = [json.loads(line) for line in hydra("ledger", "export", "--json", env=env).stdout.splitlines()]
    (moved,) = [one["payload"] for one in told if one["payload"].get("by") == "anna"]
    assert (moved["breaker"], moved["state"]) == ("drawdown", "ACTIVE")
    again = hydra("trading", "ack", "drawdown", "--by", "bert", env=env)
    assert (again.returncode, again.stdout) == (0, "drawdown: ACTIVE, nobody's yes is awaited\n")


def test_a_yes_during_the_cooldown_shortens_nothing(hydra: Hydra, tripped: Tripped) -> None:
    tripped.set("COOLDOWN", 2)
    env = {"HYDRA_DATA_DIR": str(tripped.place)}
    done = hydra("trading", "ack", "DRAWDOWN", "--by", "anna", env=env)
    assert (done.returncode, done.stdout) == (0, "drawdown: COOLDOWN_ACKED\n"), done.stderr
    assert tripped.state_and_peak() == ("COOLDOWN_ACKED", PEAK)


def test_a_misspelt_breaker_is_refused_with_what_may_be_meant(hydra: Hydra, tripped: Tripped) -> None:
    tripped.set("AWAITING_ACK", 0)
    done = hydra("trading", "ack", "drawdwn", "--by", "anna", env={"HYDRA_DATA_DIR": str(tripped.place)})
    assert done.returncode == 2
    assert "HY-004" in done.stderr
    assert "did you mean drawdown?" in done.stderr
    assert tripped.state_and_peak() == ("AWAITING_ACK", PEAK)


def test_a_kill_that_no_ledger_knows_is_shown_all_the_same(hydra: Hydra, data_dir: Path) -> None:
    """`hydra kill` before the first session, or while the ledger could not be written."""
    kill = Latched("ALL", "anna", "prices look wrong", datetime(2026, 11, 23, 15, tzinfo=UTC))
    data_dir.mkdir(exist_ok=True)
    set_latch(data_dir / LATCH_FILE, kill)
    shown = hydra("trading", "show")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"ALL: nothing is sent from this machine, {kill.told}\n"
