"""What the client library would get wrong about orders, provoked at the gateway: our evidence stays true.

Each test's name is in the table of docs/ib_hazards.md.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from hydra.domain.evidence import (
    CommissionReport,
    ErrorMeaning,
    ExecutionReport,
    OrderErrorReport,
    StatusReport,
)
from hydra.domain.ids import exec_root
from hydra.domain.quantity import Side
from hydra.ports import NotSent, RecordedSending, Refused, Sent
from hydra.risk.last_hop import LastHop
from tests.contract.broker_scene import Scene, broker_at, play, until
from tests.gateway_process import GatewayProcess

pytestmark = pytest.mark.process


def errors_on(scene: Scene, order_id: int) -> list[OrderErrorReport]:
    return [report for report in scene.of(OrderErrorReport) if report.ib_order_id == order_id]


@pytest.mark.parametrize(
    ("fault", "code", "meaning"),
    [
        ("wrong_cancelled", 10147, ErrorMeaning.DOUBT),
        ("wrong_cancelled", 10148, ErrorMeaning.DOUBT),
        ("wrong_cancelled", 161, ErrorMeaning.DOUBT),
        ("warn", 10349, ErrorMeaning.WARNING),
        ("warn", 10311, ErrorMeaning.WARNING),
    ],
)
def test_an_error_code_on_a_live_order_cancels_nothing(
    gateway: GatewayProcess, fault: str, code: int, meaning: ErrorMeaning
) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.resting(await here.contract())
            await here.fault(fault, code=code, order_ref=child.order_ref)
            (told,) = await until(lambda: errors_on(here, child.ib_order_id), f"code {code}")
            assert (told.code, told.meaning) == (code, meaning)
            statuses = {one.status for one in here.of(StatusReport) if one.ib_order_id == child.ib_order_id}
            assert statuses <= {"PreSubmitted", "Submitted"}
            assert await here.working(child.order_ref) is not None

    play(scene())


@pytest.mark.parametrize("code", [399, 2109])
def test_a_warning_makes_no_status_of_its_own(gateway: GatewayProcess, code: int) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.resting(await here.contract())
            await here.fault("warn", code=code, order_ref=child.order_ref)
            (told,) = await until(lambda: errors_on(here, child.ib_order_id), f"code {code}")
            assert told.meaning is ErrorMeaning.WARNING
            assert "ValidationError" not in {one.status for one in here.of(StatusReport)}

    play(scene())


def test_an_order_of_the_lost_connection_is_found_again_by_its_reference(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.resting(await here.contract())
            told = here.acknowledged(child.order_ref)[-1]
            await here.fault("drop", client_id=here.broker.client_id)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            await here.good()
            found = await here.working(child.order_ref)
            assert found is not None
            assert (found.perm_id, found.ib_order_id) == (told.perm_id, child.ib_order_id)
            assert here.broker.cancel(child)
            await until(
                lambda: [one for one in here.of(StatusReport) if one.status == "Cancelled"],
                "the cancellation",
            )

    play(scene())


def test_an_order_that_ended_while_we_were_away_is_completed_under_its_perm_id(
    gateway: GatewayProcess,
) -> None:
    """Its good_till passes while no connection stands."""

    async def scene() -> None:
        async with broker_at(gateway, backoff_s=(1.5,)) as here:
            child = await here.resting(await here.contract(), live_s=30)
            perm_id = here.acknowledged(child.order_ref)[-1].perm_id
            await here.fault("drop", client_id=here.broker.client_id)
            await until(lambda: here.clock.now() > child.good_till, "the child's own death")
            await here.good()
            books = await here.whole()
            assert books.completed is not None
            (ended,) = [one for one in books.completed if one.order_ref == child.order_ref]
            assert (ended.perm_id, ended.filled) == (perm_id, 0)
            assert child.order_ref not in {one.order_ref for one in books.working}

    play(scene())


def test_an_order_whose_acknowledgement_was_lost_counts_as_sent_and_is_found(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            await here.fault("lose_ack", client_id=here.broker.client_id)
            child = here.place(contract, Side.BUY, 2, quote.bid_px - 40 * contract.tick)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            await here.good()
            assert await here.working(child.order_ref) is not None
            assert [frame["kind"] for frame in here.frames(child.order_ref)] == ["placeOrder"]

    play(scene())


def test_an_order_lost_on_its_way_counts_as_sent_too(gateway: GatewayProcess) -> None:
    """Indistinguishable from a lost acknowledgement: only the books tell, and nothing is sent again."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            await here.fault("lose_request", client_id=here.broker.client_id)
            child = here.place(contract, Side.BUY, 2, quote.bid_px - 40 * contract.tick)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            await here.good()
            assert await here.working(child.order_ref) is None
            assert here.broker.last_hop.charged(child.parent) == 2

    play(scene())


def test_a_fill_that_happened_while_we_were_away_is_reported_after_reconnecting(
    gateway: GatewayProcess,
) -> None:
    """The socket drops between the execution and its report."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.ask_px is not None
            await here.fault("drop", on="fill", client_id=here.broker.client_id)
            child = here.place(contract, Side.BUY, 1, quote.ask_px + 40 * contract.tick)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            (execution,) = await until(lambda: here.executions(child.order_ref), "the execution")
            assert (execution.qty, execution.side, execution.con_id) == (1, Side.BUY, contract.con_id)
            await here.good()
            assert execution.exec_id in {one.exec_id for one in (await here.whole()).executions}
            assert len(here.executions(child.order_ref)) == 1, "told again on request, handed on once"

    play(scene())


def test_a_correction_is_another_revision_of_one_root_and_counts_once(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.filled(await here.contract(), qty=1)
            first = here.executions(child.order_ref)[0]
            await here.fault("correction", exec_id=first.exec_id, price=str(first.px + 1))
            await until(lambda: len(here.executions(child.order_ref)) == 2, "the correction")
            roots = {exec_root(one.exec_id)[0] for one in here.executions(child.order_ref)}
            revisions = [exec_root(one.exec_id)[1] for one in here.executions(child.order_ref)]
            assert len(roots) == 1
            assert revisions == [1, 2]
            assert here.broker.last_hop.charged(child.parent) == 1

    play(scene())


def test_a_fill_after_cancelled_is_still_reported(gateway: GatewayProcess) -> None:
    """The correction of a partly filled, cancelled child is an execution told after its terminal status."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract("ZO")
            quote = await here.quote(contract)
            assert quote.ask_px is not None
            child = here.place(contract, Side.BUY, 60, quote.ask_px)
            await until(lambda: here.executions(child.order_ref), "a partial fill")
            assert here.broker.cancel(child)
            await until(
                lambda: [
                    one
                    for one in here.of(StatusReport)
                    if one.ib_order_id == child.ib_order_id and one.status == "Cancelled"
                ],
                "the cancellation",
            )
            known = here.executions(child.order_ref)
            await here.fault("correction", exec_id=known[-1].exec_id, qty=known[-1].qty + 1)
            late = await until(lambda: here.executions(child.order_ref)[len(known) :], "the late execution")
            assert late[0].qty == known[-1].qty + 1

    play(scene())


class DeafLastHop(LastHop):
    """Fails where the adapter's own code must not take the connection with it."""

    is_deaf = False

    def executed(self, order_ref: str, exec_root: str, revision: int, qty: int) -> None:
        if self.is_deaf:
            raise RuntimeError("a defect in a handler")


def test_a_failing_handler_stops_new_children_and_not_the_reading(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        last_hop = DeafLastHop()
        async with broker_at(gateway, last_hop=last_hop) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.ask_px is not None
            last_hop.is_deaf = True
            here.place(contract, Side.BUY, 1, quote.ask_px + 40 * contract.tick)
            await until(lambda: not here.broker.link.is_good, "the alarm")
            assert "execDetails" in here.broker.link.reason
            _, answer = here.try_place(contract, Side.BUY, 1, quote.ask_px)
            assert isinstance(answer, NotSent)
            await until(lambda: here.of(CommissionReport), "the message behind the failing one")

    play(scene())


def test_the_same_recorded_child_is_never_written_twice(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            quote = await here.quote(contract)
            assert quote.bid_px is not None
            sending = here.sending(contract, Side.BUY, 1, quote.bid_px - 40 * contract.tick)
            verdict = here.verdict(contract, sending)
            recorded = RecordedSending(replace(sending, verdict=verdict.verdict_id), here.clock.wall_s())
            assert isinstance(here.broker.place(recorded, contract, verdict), Sent)
            again = here.broker.place(recorded, contract, verdict)
            assert isinstance(again, NotSent)
            assert "sent before" in again.reason
            await until(lambda: here.acknowledged(sending.order_ref), "the acknowledgement")
            assert len(here.frames(sending.order_ref)) == 1

    play(scene())


def test_a_cancel_changes_nothing_until_the_broker_says_so(gateway: GatewayProcess) -> None:
    """The library marks an unacknowledged order Cancelled by itself; here the gateway keeps silent."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.resting(await here.contract())
            here.listen()
            before = len(here.of(StatusReport))
            await here.fault("mute", kind="orderStatus", client_id=here.broker.client_id)
            await here.fault("mute", kind="error", client_id=here.broker.client_id)
            assert here.broker.cancel(child)
            await until(lambda: len(here.frames(child.order_ref)) == 2, "the cancel at the gateway")
            assert here.of(StatusReport)[before:] == []
            assert await here.working(child.order_ref) is None

    play(scene())


def test_an_error_on_a_request_never_touches_the_order_of_a_near_id(gateway: GatewayProcess) -> None:
    """Requests and orders share one counter, so 354 for a quote request can only be that request's."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract("HE")
            other = await here.broker.qualify("LE")
            child = await here.resting(contract)
            await here.fault("error_354_next_request", client_id=here.broker.client_id)
            assert not isinstance(other, Refused)
            answer = await here.broker.watch(other)  # type: ignore[arg-type]
            assert isinstance(answer, Refused)
            assert answer.code == 354
            assert here.of(OrderErrorReport) == []
            assert await here.working(child.order_ref) is not None
            assert await here.broker.watch(other) is None  # type: ignore[arg-type]

    play(scene())


def test_ids_of_orders_and_requests_come_from_one_rising_counter(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            here.broker.raise_ids_above(5000)
            first = here.broker.next_order_id()
            await here.whole()
            second = here.broker.next_order_id()
            assert first == 5001
            assert second > first + 1, "the snapshot's own request took an id between"
            await here.fault("drop", client_id=here.broker.client_id)
            await until(lambda: here.broker.link.connection_no == 2, "the second connection")
            assert here.broker.next_order_id() > second, "no id is used again on a new connection"

    play(scene())


def test_duplicated_reports_are_all_handed_on(gateway: GatewayProcess) -> None:
    """Evidence is folded by its root later; here nothing pushed is swallowed."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            await here.fault("duplicate_exec", client_id=here.broker.client_id)
            child = await here.filled(await here.contract())
            await until(lambda: len(here.executions(child.order_ref)) == 2, "the execution, twice")
            assert len({one.exec_id for one in here.executions(child.order_ref)}) == 1
            assert here.broker.last_hop.charged(child.parent) == 1

    play(scene())


def test_a_liquidation_is_an_execution_of_nobodys_order(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            child = await here.filled(contract)
            await until(
                lambda: here.executions(child.order_ref) and here.gateway.books()["positions"], "the position"
            )
            await here.fault("liquidate", symbol=contract.symbol)
            books = await here.whole()
            foreign = [one for one in books.executions if one.is_liquidation]
            assert foreign
            assert all(one.order_ref == "" for one in foreign)

    play(scene())


def test_no_price_is_too_strange_for_the_wire(gateway: GatewayProcess) -> None:
    """A negative limit reaches the gateway as it is, and is its to judge."""

    async def scene() -> None:
        async with broker_at(gateway) as here:
            contract = await here.contract()
            child = here.place(contract, Side.BUY, 1, Decimal("-37.625"))
            await until(
                lambda: here.acknowledged(child.order_ref) or errors_on(here, child.ib_order_id), "an answer"
            )
            (order,) = [o for o in here.gateway.books()["orders"] if o["order_ref"] == child.order_ref]
            assert Decimal(str(order["limit"])) == Decimal("-37.625")

    play(scene())


def test_executions_carry_their_own_time_and_not_this_machines(gateway: GatewayProcess) -> None:
    async def scene() -> None:
        async with broker_at(gateway) as here:
            child = await here.filled(await here.contract())
            (execution, *_) = here.executions(child.order_ref)
            assert isinstance(execution, ExecutionReport)
            assert abs((here.clock.now() - execution.executed_at).total_seconds()) < 300
            await asyncio.sleep(0)

    play(scene())
