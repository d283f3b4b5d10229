"""Every message finds its place; what cannot be read is never taken for nothing."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hydra.broker.connectivity import LinkWatch
from hydra.broker.intake import Books, Intake
from hydra.broker.market_data import MarketData
from hydra.broker.options import BrokerOptions
from hydra.broker.reports import Inbox
from hydra.broker.requests import Requests
from hydra.clock import LoopClock
from hydra.domain.evidence import ErrorMeaning, ExecutionReport, OrderErrorReport
from hydra.risk.last_hop import LastHop
from tests.unit.broker.test_translate import exec_fields

NOW = datetime(2026, 11, 20, 16, 15, tzinfo=UTC)


async def no_pace() -> None:
    """Nothing else is sent."""


class Desk:
    """An intake on a link that has been good for a minute."""

    def __init__(self) -> None:
        clock = LoopClock(asyncio.get_running_loop(), NOW)
        begun = clock.wall_s() - 60
        self.watch = LinkWatch(heartbeat_age_s_max=999, skew_s_max=2, relevant_farms=frozenset())
        self.watch.connecting(begun)
        self.watch.connected(begun)
        self.watch.synced(begun)
        self.watch.heart_beat(begun, 0.0)
        self.clock = clock
        self.inbox = Inbox()
        options = BrokerOptions("127.0.0.1", 4002, 1, account="DUSIM001", settle_s=10.0)
        self.requests = Requests(no_pace)
        books = Books(options, clock, self.inbox, MarketData(allow_delayed=False), self.watch, LastHop())
        self.intake = Intake(books, self.requests)

    @property
    def fault(self) -> str:
        return self.watch.reason(self.clock.wall_s())

    def fill(self, exec_id: str, ago: timedelta = timedelta(0)) -> None:
        """A pushed execution that claims to be that old."""
        assert self.intake.raw(exec_fields(execId=exec_id, time=f"{NOW - ago:%Y%m%d-%H:%M:%S}"))

    def resync(self) -> None:
        self.watch.synced(self.clock.wall_s() - 60)
        self.watch.heart_beat(self.clock.wall_s(), 0.0)


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_two_fills_in_a_row_in_another_hour_stop_new_children_for_good() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fill("a.01", timedelta(hours=6))
        assert "broker_zone" in desk.fault
        desk.resync()
        assert desk.fault == ""
        desk.watch._good_since_wall_s = desk.clock.wall_s() - 60
        desk.fill("b.01", timedelta(hours=6))
        desk.resync()
        assert "broker_zone" in desk.fault

    play(scene())


def test_a_fill_in_the_right_hour_clears_the_suspicion() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.misdated, desk.watch.zone_fault = 1, ""
        desk.fill("a.01")
        assert desk.intake.misdated == 0
        assert desk.fault == ""

    play(scene())


def test_a_correction_may_be_of_any_age() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fill("a.02", timedelta(hours=6))
        assert desk.fault == ""

    play(scene())


def test_what_an_outage_held_back_may_be_of_any_age() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.failed(-1, 1102, "restored")
        desk.resync()
        desk.watch._good_since_wall_s = desk.clock.wall_s() - 1
        desk.fill("a.01", timedelta(hours=6))
        assert desk.fault == ""

    play(scene())


def test_another_accounts_evidence_is_not_ours() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.raw(exec_fields(account="DU999"))
        assert desk.inbox.drain() == ()

    play(scene())


def test_an_execution_asked_for_is_reported_once_and_a_pushed_one_always() -> None:
    async def scene() -> None:
        desk = Desk()
        for req_id in ("5", "5", "-1"):
            desk.intake.raw(exec_fields(reqId=req_id, time=f"{NOW:%Y%m%d-%H:%M:%S}"))
        assert [type(one) for one in desk.inbox.drain()] == [ExecutionReport, ExecutionReport]

    play(scene())


def test_an_execution_first_told_by_a_snapshot_is_reported_too() -> None:
    async def scene() -> None:
        desk = Desk()
        asked = asyncio.ensure_future(desk.requests.ask(5, lambda: None, 1.0))
        await asyncio.sleep(0)
        desk.intake.raw(exec_fields(reqId="5"))
        desk.intake.end(5)
        (row,) = await asked  # type: ignore[misc]
        assert desk.inbox.drain() == (row,)

    play(scene())


@pytest.mark.parametrize("kind", ["3", "5", "11", "59", "61"])
def test_unreadable_evidence_is_an_alarm(kind: str) -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.undecodable([kind, "?"], ValueError("?"))
        assert desk.fault
        assert desk.intake.alarms == 1
        assert desk.watch.wants_sync

    play(scene())


@pytest.mark.parametrize("kind", ["1", "2", "17", "999"])
def test_an_unreadable_tick_is_none(kind: str) -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.undecodable([kind, "?"], ValueError("?"))
        assert desk.fault == ""

    play(scene())


def test_an_error_belongs_to_the_request_or_the_order_whose_id_it_carries() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.requests.claim(8)
        desk.intake.failed(8, 354, "not subscribed")
        assert desk.inbox.drain() == ()
        desk.intake.failed(7, 201, "rejected")
        (told,) = desk.inbox.drain()
        assert isinstance(told, OrderErrorReport)
        assert (told.ib_order_id, told.code, told.meaning) == (7, 201, ErrorMeaning.REJECTED)

    play(scene())


def test_a_connection_that_is_history_is_not_heard() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.intake.detach("replaced")
        desk.fill("a.01")
        desk.intake.failed(-1, 1100, "lost")
        desk.intake.failed(7, 201, "rejected")
        assert desk.inbox.drain() == ()
        assert desk.fault == ""

    play(scene())


@pytest.mark.parametrize("skew_s", [-1.9, 0.0, 1.9, 5.0])
def test_the_gateways_clock_is_compared_in_wall_seconds(skew_s: float) -> None:
    async def scene() -> None:
        desk = Desk()
        told = int((NOW + timedelta(seconds=skew_s)).timestamp())
        desk.intake.raw(["49", "1", str(told)])
        assert desk.watch.skew_s == pytest.approx(skew_s, abs=0.6)
        assert bool(desk.fault) is (skew_s > 2)

    play(scene())
