"""The Broker port over a real gateway: what each answer means, and when a child does not leave."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hydra.domain.contract import Contract
from hydra.domain.errors import Unavailable
from hydra.domain.evidence import CommissionReport, ErrorMeaning, OrderErrorReport, StatusReport
from hydra.domain.quantity import Side
from hydra.ports import AccountState, NotSent, RecordedSending, Refused, Sent, Unknown
from tests.contract.broker_scene import broker_at, play, until
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.process


# --- contracts, quotes, history, account ---


def test_the_front_by_rule_has_enough_days_left(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, front_days_min={"ZO": 30}) as here:
            contract = await here.broker.qualify("ZO")
            assert isinstance(contract, Contract)
            days = (contract.last_trade_on - here.clock.now().date()).days
            assert days >= 30
            near = await here.broker.qualify("ZO", "202612")
            assert isinstance(near, Contract)
            assert near.last_trade_on < contract.last_trade_on

    play(scene())


def test_a_contract_obeys_ibs_magnifier(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            oats = await here.broker.qualify("ZO", "202612")
            rice = await here.broker.qualify("ZR")
            assert isinstance(oats, Contract)
            assert isinstance(rice, Contract)
            assert (oats.tick, oats.usd_per_point) == (Decimal("0.25"), Decimal(50))
            assert oats.tick_at(Decimal("380")) == Decimal("0.25")
            assert (rice.tick, rice.usd_per_point) == (Decimal("0.005"), Decimal(2000))
            assert oats.supports_good_till
            assert oats.interval_at(datetime(2026, 11, 23, 15, 0, tzinfo=UTC)) is not None
            assert oats.interval_at(datetime(2026, 11, 23, 14, 0, tzinfo=UTC)) is None

    play(scene())


@pytest.mark.parametrize(("symbol", "month"), [("XX", None), ("ZO", "203001"), ("", None)])
def test_what_does_not_exist_is_refused(gateway: GatewayProcess, symbol: str, month: str | None) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            assert isinstance(await here.broker.qualify(symbol, month), Refused)

    play(scene())


def test_daily_bars_come_oldest_first_and_the_account_is_told(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            bars = await here.broker.daily_bars(contract, 260)
            assert not isinstance(bars, Refused | Unknown)
            days = [bar.on for bar in bars]
            assert days == sorted(set(days))
            assert len(days) == 260
            assert all(bar.low_px <= bar.close_px <= bar.high_px for bar in bars)
            state = await here.broker.account_state()
            assert isinstance(state, AccountState)
            assert state.account == "DUSIM001"
            assert state.equity_usd > 0

    play(scene())


def test_an_account_that_does_not_answer_is_unknown(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, request_timeout_s=0.4) as here:
            await here.fault("mute", kind="accountSummaryEnd", count=1, client_id=here.broker.client_id)
            assert isinstance(await here.broker.account_state(), Unknown)
            await here.fault("mute", kind="accountSummary", count=3, client_id=here.broker.client_id)
            answer = await here.broker.account_state()
            assert isinstance(answer, Unknown)
            assert "lacks" in answer.reason

    play(scene())


# --- snapshots ---


def test_a_snapshot_holds_positions_working_orders_and_executions(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            filled = await here.filled(contract)
            await until(lambda: here.of(CommissionReport), "the commission")
            resting = await here.resting(contract)
            await here.good(since_s=here.broker.options.settle_s)
            books = await here.whole()
            rows = {str(row["symbol"]): row for row in here.gateway.books()["positions"]}
            assert books.positions[contract.con_id] == int(str(rows["HE"]["qty"]))
            (working,) = [one for one in books.working if one.order_ref == resting.order_ref]
            assert (working.qty, working.side, working.limit_px) == (2, Side.BUY, resting.limit_px)
            assert (working.client_id, working.ib_order_id) == (resting.client_id, resting.ib_order_id)
            done = [one for one in books.executions if one.order_ref == filled.order_ref]
            assert sum(one.qty for one in done) == 1
            assert {one.exec_id for one in done} <= {one.exec_id for one in books.commissions}
            assert books.link_was_good
            assert books.broker_day == date(2026, 11, 23)

    play(scene())


def test_a_snapshot_too_soon_after_a_break_says_that_the_link_was_not_good(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway, settle_s=0.5) as here:
            assert not (await here.whole()).link_was_good
            await here.good(since_s=0.5)
            assert (await here.whole()).link_was_good
            await here.fault("1102")
            await here.good()
            assert not (await here.whole()).link_was_good

    play(scene())


def test_without_a_connection_everything_is_unknown_or_not_sent(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            sending = here.sending(contract, Side.BUY, 1, Decimal(70))
            verdict = here.verdict(contract, sending)
            recorded = RecordedSending(replace(sending, verdict=verdict.verdict_id), here.clock.wall_s())
            await here.broker.close()
            assert isinstance(await here.broker.snapshot(), Unknown)
            assert isinstance(await here.broker.qualify("HE"), Unknown)
            assert isinstance(await here.broker.daily_bars(contract, 5), Unknown)
            assert isinstance(await here.broker.account_state(), Unknown)
            assert isinstance(here.broker.place(recorded, contract, verdict), NotSent)
            assert not here.broker.cancel(sending)
            with pytest.raises(Unavailable):
                here.broker.next_order_id()

    play(scene())


# --- placing and cancelling ---


def test_a_child_goes_out_whole_and_is_answered_to_the_end(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            child = await here.resting(contract)
            (order,) = [o for o in here.gateway.books()["orders"] if o["order_ref"] == child.order_ref]
            assert (order["side"], order["qty"], order["client_id"]) == ("BUY", 2, child.client_id)
            assert order["order_id"] == child.ib_order_id
            assert Decimal(str(order["limit"])) == child.limit_px
            assert datetime.fromisoformat(str(order["good_till"])) == child.good_till
            assert here.broker.cancel(child)
            await until(
                lambda: "Cancelled" in {one.status for one in here.of(StatusReport)}, "the cancelled status"
            )
            said = [one for one in here.of(OrderErrorReport) if one.ib_order_id == child.ib_order_id]
            assert {one.meaning for one in said} == {ErrorMeaning.CANCELLED}
            assert here.broker.cancel(child), "a cancel may be repeated"
            await until(
                lambda: {one.code for one in here.of(OrderErrorReport)} & {10147, 10148}, "its answer"
            )

    play(scene())


def test_a_price_off_the_grid_is_the_brokers_rejection(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            child = here.sending(contract, Side.BUY, 1, quote.bid_px - contract.tick / 2)
            finer = replace(contract, min_tick=contract.min_tick / 2, bands=())
            verdict = here.verdict(finer, child)
            child = replace(child, verdict=verdict.verdict_id)
            recorded = RecordedSending(child, here.clock.wall_s())
            assert isinstance(here.broker.place(recorded, contract, verdict), Sent)
            (told,) = await until(
                lambda: [o for o in here.of(OrderErrorReport) if o.ib_order_id == child.ib_order_id],
                "code 110",
            )
            assert (told.code, told.meaning) == (110, ErrorMeaning.REJECTED)

    play(scene())


async def refusal_of(gateway: GatewayProcess, reason: str, **options: Any) -> None:
    """Provokes one reason not to send; nothing may reach the gateway, the last hop must not count it."""
    async with broker_at(gateway, **options) as here:
        contract = await here.contract()
        sending = here.sending(contract, Side.BUY, 1, Decimal(70))
        verdict = here.verdict(contract, sending, valid_s=0.001 if reason == "verdict expired" else 300)
        sending = replace(sending, verdict=verdict.verdict_id)
        committed_s = here.clock.wall_s()
        if reason == "since the commit":
            committed_s -= 2 * here.broker.options.send_window_s
        elif reason == "for another child":
            sending = replace(sending, qty=2)
        elif reason == "belongs to client":
            sending = replace(sending, client_id=1)
        elif reason == "the contract is":
            contract = replace(contract, con_id=1)
        elif reason == "verdict expired":
            await asyncio.sleep(0.01)
        answer = here.broker.place(RecordedSending(sending, committed_s), contract, verdict)
        assert isinstance(answer, NotSent)
        assert reason in answer.reason
        await here.whole()
        assert here.frames(sending.order_ref) == []
        assert here.broker.last_hop.charged(sending.parent) == 0


@pytest.mark.parametrize(
    "reason",
    ["since the commit", "for another child", "belongs to client", "the contract is", "verdict expired"],
)
def test_a_child_that_is_not_as_it_was_permitted_is_not_sent(gateway: GatewayProcess, reason: str) -> None:
    play(refusal_of(gateway, reason))


def test_the_kill_latch_stops_every_child_and_no_cancel(gateway: GatewayProcess, tmp_path: Path) -> None:
    latch = tmp_path / "latch"

    async def scene() -> None:
        async with broker_at(gateway, latch_path=latch) as here:
            contract = await here.contract()
            child = await here.resting(contract)
            latch.touch()
            _, answer = here.try_place(contract, Side.BUY, 1, child.limit_px)
            assert isinstance(answer, NotSent)
            assert "latch" in answer.reason
            assert here.broker.cancel(child)

    play(scene())


def test_a_latch_that_cannot_be_looked_at_counts_as_set(gateway: GatewayProcess, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def scene() -> None:
        async with broker_at(gateway, latch_path=tmp_path / "file" / "latch") as here:
            _, answer = here.try_place(await here.contract(), Side.BUY, 1, Decimal(70))
            assert isinstance(answer, NotSent)
            assert "latch" in answer.reason

    play(scene())


def test_a_frame_that_could_not_be_built_is_surely_not_sent(gateway: GatewayProcess) -> None:
    """The library fails on the way to the socket; the last hop takes its count back."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = replace(await here.contract(), local_symbol="\udc80")
            child, answer = here.try_place(contract, Side.BUY, 1, Decimal(70))
            assert isinstance(answer, NotSent)
            assert "UnicodeEncodeError" in answer.reason
            assert here.broker.last_hop.charged(child.parent) == 0
            await here.whole()
            assert here.frames(child.order_ref) == []

    play(scene())


def test_a_child_about_to_die_is_not_sent(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            sending = here.sending(contract, Side.BUY, 1, Decimal(70), live_s=30)
            verdict = here.verdict(contract, sending)
            sending = replace(sending, verdict=verdict.verdict_id)
            await until(
                lambda: here.clock.now() >= sending.good_till - timedelta(seconds=1), "its last second"
            )
            answer = here.broker.place(RecordedSending(sending, here.clock.wall_s()), contract, verdict)
            assert isinstance(answer, NotSent)
            assert "good_till" in answer.reason

    play(scene())


def test_the_last_hop_has_the_last_word(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            child = await here.resting(contract)
            sending = here.sending(contract, Side.BUY, 99, child.limit_px)
            verdict = here.verdict(contract, sending)
            recorded = RecordedSending(replace(sending, verdict=verdict.verdict_id), here.clock.wall_s())
            answer = here.broker.place(recorded, contract, verdict)
            assert isinstance(answer, NotSent)
            assert "last hop" in answer.reason
            assert here.frames(sending.order_ref) == []

    play(scene())


def test_only_the_sender_of_a_child_cancels_it(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here, broker_at(gateway) as other:
            child = await here.resting(await here.contract())
            assert not other.broker.cancel(child)
            assert await here.working(child.order_ref) is not None

    play(scene())


def test_a_waiter_wakes_for_a_report_for_the_link_and_for_wake(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            here.listen()
            while await here.broker.wait_report(0.1):
                here.listen()
            here.broker.wake()
            assert await here.broker.wait_report(0.05)
            await here.resting(contract)
            assert {type(report).__name__ for report in here.heard} >= {"WorkingOrder", "StatusReport"}
            here.listen()
            await here.fault("farm", code=2103, farm="usfuture")
            while here.broker.link.is_good:
                assert await here.broker.wait_report(2.0), "the link changed and nobody was told"
                here.listen()
            await here.fault("farm", code=2104, farm="usfuture")

    play(scene())
