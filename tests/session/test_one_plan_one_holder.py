"""One plan per session and symbol, one process per client id; whoever else comes is told so in one line."""

import asyncio

import pytest

from hydra.clock import SystemClock
from hydra.persistence.open import open_ledger
from hydra.persistence.seat import this_holder
from tests.gateway_client import client
from tests.session.trading_day import OATS, RESTING, Outcome, TradingDay

pytestmark = pytest.mark.process


def test_of_two_processes_at_once_the_second_is_refused_and_changes_nothing(day: TradingDay) -> None:
    day.settings = dict(RESTING)
    first = day.begin(f"ZO={OATS}")
    day.until(day.sent, "an order is sent")
    second = day.session(f"ZO={OATS}")
    assert (second.code, second.line[:6], second.stdout) == (3, "HY-509", "")
    assert f"/{first.pid}/" in second.line
    done = first.end()
    assert done.code == 0, done.stderr
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_a_client_id_in_use_at_the_gateway_is_named_with_its_code(day: TradingDay) -> None:
    """Another program of this machine is connected as client 1; it has no lease of ours."""

    async def refused() -> Outcome:
        async with client(day.gateway, client_id=1):
            return await asyncio.to_thread(day.session, "HE=1")

    outcome = asyncio.run(refused())
    assert (outcome.code, outcome.line[:6]) == (3, "HY-305")
    assert "326" in outcome.line
    assert day.session("HE=1").code == 0


def test_orders_of_ours_that_the_ledger_does_not_know_halt_everything_before_the_first_send(
    day: TradingDay,
) -> None:
    """A second ledger, or one restored from before: the same references would be given out again."""
    assert day.session("HE=2").code == 0
    sent = day.sent()
    for file in day.data_dir.glob("ledger*"):
        file.unlink()
    blind = day.session("HE=3,LE=1")
    assert blind.code == 0, blind.stderr
    assert "POSITION_DIFFERS" in blind.denied["HE"][0]
    assert "UNKNOWN_OWN_REF" in blind.denied["LE"][0]
    assert day.sent() == sent
    # a person takes each execution into the books, then widens trading again
    for done in day.gateway.books()["executions"]:
        adopted = day.hydra("adopt", done["exec_id"], "--by", "anna", "--reason", "ledger was lost")
        assert adopted.code == 0, adopted.stderr
    for scope in ("HE", "ALL"):  # the position that differed halted its own market, the reference everything
        by = ("--by", "anna", "--reason", "adopted")
        widened = day.hydra("trading", "set", "ACTIVE", "--scope", scope, *by)
        assert widened.code == 0, widened.stderr
    again = day.session("HE=4,LE=1")
    assert again.code == 0, again.stderr
    assert (day.position("HE"), day.position("LE")) == (4, 1), again
    assert again.parents["HE"]["id"] == "20261123-HE-2"
    assert len(set(day.sent())) == len(day.sent())


def test_a_holder_in_the_middle_of_a_transaction_is_named_in_one_line(day: TradingDay) -> None:
    """This process holds the lease and the ledger's write lock, as a stalled session may."""
    assert day.session("HE=1").code == 0
    clock = SystemClock()
    ledger = open_ledger(day.data_dir / "ledger.sqlite3", now=clock.now, wall_s=clock.wall_s)
    try:
        ledger.acquire(1, this_holder(), "test")
        with ledger.database.transaction():
            refused = day.session("HE=1")
    finally:
        ledger.close()
    assert (refused.code, refused.line[:6]) == (3, "HY-509")


def test_other_targets_for_a_planned_session_are_refused_until_a_named_person_amends(day: TradingDay) -> None:
    assert day.session("HE=2").code == 0
    other = day.session("HE=3")
    assert (other.code, other.stdout) == (2, "")
    assert other.line.startswith("HY-503")
    assert "HE=2" in other.line
    assert "HE=3" in other.line
    nameless = day.session("HE=3", "--amend")
    assert (nameless.code, nameless.line[:6]) == (2, "HY-003")
    amended = day.session("HE=3", "--amend", "--by", "anna")
    assert amended.code == 0, amended.stderr
    assert amended.parents["HE"]["id"] == "20261123-HE-2"
    assert (amended.parents["HE"]["order_qty"], day.position("HE")) == (1, 3)
    assert [plan["by"] for plan in day.of("SessionPlanned")][1:] == ["anna"]
    assert day.session("HE=2").line.startswith("HY-503")
    day.judge()


def test_a_plan_that_is_still_worked_is_not_amended(day: TradingDay) -> None:
    day.settings = dict(RESTING)
    running = day.begin(f"ZO={OATS}")
    day.gateway.fault("kill", pid=running.pid, on="ack")
    running.killed()
    early = day.session("ZO=1", "--amend", "--by", "anna")
    assert early.code == 0, early.stderr
    assert early.denied["ZO"][0].startswith("NOT_TERMINAL")
    assert len(day.of("SessionPlanned")) == 1
    day.assert_reached(day.session(f"ZO={OATS}"), "ZO", OATS)
    day.judge()


def test_a_session_without_amendment_keeps_its_size_when_the_position_moved(day: TradingDay) -> None:
    """A rerun never sizes again: what another session traded meanwhile does not change the first plan."""
    assert day.session("HE=2").code == 0
    assert day.session("HE=5", on="2026-11-24").code == 0
    assert day.session("HE=2").parents["HE"]["order_qty"] == 2
    assert day.position("HE") == 5
    day.judge()
