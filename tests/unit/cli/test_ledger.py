"""`hydra ledger` on a ledger with one parent, one child, one fill."""

import json
from pathlib import Path

import pytest

from tests.conftest import Hydra
from tests.contract.ledger_facts import Desk, Hands, opened_ledger

pytestmark = pytest.mark.process

PARENT = "20260821-ZO-1"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    hands = Hands()
    ledger = opened_ledger(tmp_path / "ledger.sqlite3", hands)
    desk = Desk(ledger, hands)
    desk.fill(desk.sent(desk.opened(), 4), 1)
    ledger.close()
    return {"HYDRA_DATA_DIR": str(tmp_path)}


def test_export_is_one_event_a_line_in_the_order_of_its_stream(hydra: Hydra, env: dict[str, str]) -> None:
    done = hydra("ledger", "export", "--json", env=env)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5]
    assert {tuple(event) for event in events} == {("stream", "seq", "kind", "payload", "recorded_at")}
    assert events[-1]["kind"] == "ChildFilled"
    assert events[-1]["payload"]["order_ref"] == f"H-{PARENT}-C01"
    assert events[-1]["payload"]["last_px"] == "350.50"


def test_verify_of_a_sound_ledger_counts_what_it_proved(hydra: Hydra, env: dict[str, str]) -> None:
    done = hydra("ledger", "verify", "--json", env=env)
    proof = json.loads(done.stdout)
    assert done.returncode == 0
    assert (proof["streams"], proof["events"], proof["findings"]) == (1, 5, [])


def test_verify_says_in_words_that_the_ledger_is_sound(hydra: Hydra, env: dict[str, str]) -> None:
    assert "Nothing was changed, removed or added" in hydra("ledger", "verify", env=env).stdout


def test_positions_show_the_lots_and_where_doubt_may_end(hydra: Hydra, env: dict[str, str]) -> None:
    done = hydra("ledger", "positions", "--json", env=env)
    assert json.loads(done.stdout) == {
        "positions": [{"con_id": 101, "symbol": "ZO", "lots": 1, "lo": 1, "hi": 4}]
    }


def test_show_tells_the_life_of_one_parent(hydra: Hydra, env: dict[str, str]) -> None:
    told = json.loads(hydra("ledger", "show", PARENT, "--json", env=env).stdout)
    assert (told["status"], told["cum_qty"], len(told["events"])) == ("WORKING", 1, 5)
    table = hydra("ledger", "show", PARENT, env=env)
    assert "ChildSending" in table.stdout
    assert "UTC" in table.stdout


def test_costs_tell_what_the_newest_session_paid_and_what_nobody_knows(
    hydra: Hydra, env: dict[str, str]
) -> None:
    """One of ten bought at 350.50, arrival 350.25; nobody looked at the market since the send."""
    told = json.loads(hydra("ledger", "costs", "--json", env=env).stdout)
    assert told["session_on"] == "2026-08-21"
    (row,) = told["orders"]
    assert (row["lots"], row["trading_usd"], row["shortfall_usd"]) == ("1 of 10", "12.50", None)
    table = hydra("ledger", "costs", "--on", "2026-08-21", env=env)
    assert "arrival ticks" in " ".join(table.stdout.split())
    assert "No order was filled" in hydra("ledger", "costs", "--on", "2026-08-22", env=env).stdout


def test_show_suggests_a_near_name(hydra: Hydra, env: dict[str, str]) -> None:
    done = hydra("ledger", "show", "20260821-ZO-2", env=env)
    assert done.returncode == 2
    assert f"did you mean {PARENT}?" in done.stderr
