"""`hydra kill` with the sender running, hung, dead, unheard; the ledger dead; the client id not to be had.

What holds the client id is a process of its own (`tests.session.killed`), or a real session. The bounds are
the command's own seconds; importing is taken out of them, because the machine that tests is a busy one.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.gateway_client import client, resting
from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, Outcome, TradingDay

pytestmark = pytest.mark.process

Holder = subprocess.Popen[str]
BECAUSE = ("--by", "anna", "--reason", "a test")
ACTIVE = ("trading", "set", "ACTIVE", "--by", "anna", "--reason", "looked at")


@pytest.fixture
def holding() -> Iterator[Callable[[TradingDay, int], Holder]]:
    """Starts a process that holds client id 1 with so many orders working."""
    with ExitStack() as stack:

        def started(day: TradingDay, orders: int) -> Holder:
            command = [sys.executable, "-m", "tests.session.killed"]
            arguments = [str(day.gateway.port), str(day.data_dir), str(orders)]
            process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
            stack.callback(_end, process)
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            return process

        yield started


def _end(process: Holder) -> None:
    process.kill()
    process.communicate()


def kill(day: TradingDay, *scope: str) -> Outcome:
    return day.hydra("kill", *scope, *BECAUSE, "--json")


def told(done: Outcome) -> dict[str, Any]:
    assert done.code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["is_proven"]
    assert found["after_s"]["latched"] <= 1
    assert found["after_s"]["cancelled"] <= 2
    assert found["after_s"]["proven"] <= 10
    return found


def states(day: TradingDay) -> set[str]:
    return {str(order["status"]) for order in day.gateway.books()["orders"]}


@pytest.mark.parametrize(("sender", "orders"), [("running", 4), ("hung", 50), ("dead", 4), ("unheard", 4)])
def test_everything_is_blocked_cancelled_and_proven_gone(
    open_day: OpenDay, holding: Callable[[TradingDay, int], Holder], sender: str, orders: int
) -> None:
    day = open_day(speed=60)
    process = holding(day, orders)
    if sender == "unheard":
        day.gateway.fault("half_open", client_id=1)
    elif sender == "hung":
        os.kill(process.pid, signal.SIGSTOP)
    elif sender == "dead":
        process.kill()
        process.wait()
    found = told(kill(day, "--all"))
    assert process.wait(5) == -signal.SIGKILL
    assert (len(found["orders"]), found["is_global"], found["client_id"]) == (orders, False, 1)
    assert states(day) == {"Cancelled"}
    assert len(day.frames("cancelOrder")) == orders


@pytest.mark.parametrize("scope", [("--symbol", "ZO"), ("--parent", "20261123-ZO-1")], ids="-".join)
def test_orders_outside_the_scope_are_left_working(
    open_day: OpenDay, holding: Callable[[TradingDay, int], Holder], scope: tuple[str, str]
) -> None:
    day = open_day(speed=60)
    holding(day, 4)
    assert len(told(kill(day, *scope))["orders"]) == 2
    books = {str(order["order_ref"]): str(order["status"]) for order in day.gateway.books()["orders"]}
    assert {status for ref, status in books.items() if "-ZO-" in ref} == {"Cancelled"}
    assert {status for ref, status in books.items() if "-HE-" in ref} == {"Submitted"}


def test_a_session_is_stopped_and_what_it_traded_stays_whole(day: TradingDay) -> None:
    """Nothing is sent after the latch, the halt is on record by name, and only a name lifts it."""
    day.settings = dict(RESTING)
    running = day.begin(f"ZO={OATS}")
    day.until(day.sent, "an order is sent")
    found = told(kill(day, "--all"))
    assert running.end().code == -signal.SIGKILL
    assert found["ledger"] == ""
    sent = day.sent()
    again = day.session(f"ZO={OATS}")
    assert again.code == 0, again.stderr
    assert again.parents["ZO"]["status"] == "REMAINDER"
    assert "a test" in again.parents["ZO"]["reason"]
    assert day.sent() == sent
    halts = [one for one in day.of("TradingStateChanged") if one["scope"] == "ALL"]
    assert [(one["state"], one["by"]) for one in halts] == [("HALTED", "anna")]
    assert day.hydra(*ACTIVE, "--scope", "ALL").code == 0
    assert not (day.data_dir / "kill.latch").exists()
    after = day.session("HE=2")
    assert after.code == 0, after.stderr
    day.assert_reached(after, "HE", 2)
    day.judge()


@pytest.mark.parametrize("scope", [("--symbol", "ZO"), ("--parent", "20261123-ZO-1")], ids="-".join)
def test_a_subset_is_withdrawn_and_the_rest_may_go_on(day: TradingDay, scope: tuple[str, str]) -> None:
    day.settings = dict(RESTING)
    running = day.begin(f"ZO={OATS},HE=-2")
    day.until(lambda: {ref[11:13] for ref in day.sent()} == {"ZO", "HE"}, "both are sent")
    found = told(kill(day, *scope))
    assert running.end().code == -signal.SIGKILL
    assert {one["order_ref"][11:13] for one in found["orders"]} <= {"ZO"}
    oats = [ref for ref in day.sent() if "-ZO-" in ref]
    again = day.session(f"ZO={OATS},HE=-2")
    assert again.code == 0, again.stderr
    assert "a test" in again.parents["ZO"]["reason"]
    day.assert_reached(again, "HE", -2)
    assert [ref for ref in day.sent() if "-ZO-" in ref] == oats
    day.judge()


def test_positions_are_closed_in_reducing_and_the_halt_stays(day: TradingDay) -> None:
    day.settings = dict(RESTING)
    assert day.session("HE=3,LE=-2").code == 0
    running = day.begin(f"ZO={OATS}", on="2026-11-24")
    day.until(lambda: any("-ZO-" in ref for ref in day.sent()), "an order is sent")
    found = told(kill(day, "--all", "--flatten"))
    assert running.end().code == -signal.SIGKILL
    assert found["left"] == []
    assert {day.position(symbol) for symbol in ("HE", "LE", "ZO")} == {0}
    states_told = [one["state"] for one in day.of("TradingStateChanged") if one["scope"] == "ALL"]
    assert states_told[-2:] == ["REDUCING", "HALTED"]
    assert {one["champion_id"] for one in day.of("SessionPlanned")} >= {"flatten"}
    sent = day.sent()
    assert day.session("HE=1", on="2026-11-25").denied
    assert day.sent() == sent
    day.judge()


@pytest.mark.parametrize("damage", ["garbage", "a directory"])
def test_a_dead_ledger_hinders_no_kill_but_the_flatten(
    day: TradingDay, holding: Callable[[TradingDay, int], Holder], damage: str
) -> None:
    assert day.session("HE=2").code == 0
    for file in day.data_dir.glob("ledger*"):
        file.unlink()
    ledger = day.data_dir / "ledger.sqlite3"
    if damage == "garbage":
        ledger.write_bytes(b"no database at all" * 1000)
    else:
        ledger.mkdir()
    process = holding(day, 4)
    found = told(kill(day, "--all"))
    assert process.wait(5) == -signal.SIGKILL
    assert "ledger" in found["ledger"]
    assert len(found["orders"]) == 4
    refused = kill(day, "--all", "--flatten")
    assert (refused.code, refused.line[:6]) == (3, "HY-513")
    assert "+2 of con_id" in refused.line


def test_an_id_that_cannot_be_had_leaves_the_global_cancel_and_refuses_a_subset(
    open_day: OpenDay, holding: Callable[[TradingDay, int], Holder]
) -> None:
    """The gateway does not notice that the ended holder's connection is gone."""
    day = open_day(speed=60)
    holding(day, 2)
    day.gateway.fault("zombie_326", seconds=30, client_id=1)

    async def scene() -> tuple[Outcome, Outcome]:
        async with client(day.gateway, client_id=77) as manual:
            await resting(manual, ref="by hand")
            subset = await asyncio.to_thread(kill, day, "--symbol", "ZO")
            return subset, await asyncio.to_thread(kill, day, "--all")

    subset, whole = asyncio.run(scene())
    assert (subset.code, subset.line[:6]) == (3, "HY-511")
    assert "326" in subset.line
    found = told(whole)
    assert found["is_global"]
    assert len(found["orders"]) == 3
    assert [one["hits"] for one in whole.events("hydra.kill.global")] == ["manual orders, too"]
    assert states(day) == {"Cancelled"}
    assert [frame["client_id"] for frame in day.frames("globalCancel")] == [5]


def test_a_latch_that_cannot_be_written_is_said_after_everything_else_is_done(
    open_day: OpenDay, holding: Callable[[TradingDay, int], Holder]
) -> None:
    day = open_day(speed=60)
    process = holding(day, 2)
    (day.data_dir / "kill.latch").mkdir()
    done = kill(day, "--all")
    assert (done.code, done.line[:6]) == (3, "HY-510")
    assert process.wait(5) == -signal.SIGKILL
    assert states(day) == {"Cancelled"}


def test_a_gateway_that_is_away_leaves_the_latch(day: TradingDay) -> None:
    assert day.session("HE=1").code == 0
    day.gateway.kill()
    done = kill(day, "--all")
    assert (done.code, done.line[:6]) == (3, "HY-301")
    assert (day.data_dir / "kill.latch").exists()
    assert [one["by"] for one in day.of("TradingStateChanged")] == ["anna"]
