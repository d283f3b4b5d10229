"""Orders over a restart of the gateway, and while its servers are away."""

from datetime import UTC, datetime, timedelta

import pytest

from hydra.simgateway.books import books_of
from hydra.simgateway.wire import number_text, utc_text
from tests.unit.simgateway.gateway_harness import Bench, order_rows, outcomes

NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_restart_keeps_orders_ids_and_positions(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5)
    bench.place(link, 6, lmtPrice=number_text(bench.crossing("BUY")))
    before = books_of(bench.gateway.core.state)
    again = bench.restart()
    assert books_of(again.gateway.core.state) == before
    back = again.client()
    assert back.of("nextValidId") == [["9", "1", "7"]]
    assert back.statuses(5) == ["Submitted"]
    again.place(back, 7)
    perm_ids = [row["perm_id"] for row in books_of(again.gateway.core.state)["orders"]]
    assert len(set(map(str, perm_ids))) == 3


def test_orders_whose_time_came_while_the_gateway_was_down_end_at_the_start(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, tif="GTD", goodTillDate=utc_text(bench.now + timedelta(seconds=60)))
    again = bench.restart(after=timedelta(minutes=5))
    assert order_rows(again) == [("H-5", "Cancelled", 0, "Expired")]


def test_a_resting_order_fills_after_a_restart_without_its_client(bench: Bench) -> None:
    link = bench.client()
    bid = bench.gateway.core.exchange.quote(bench.contract.con_id).bid
    assert bid is not None
    bench.place(link, 5, lmtPrice=number_text(bid + 3 * bench.contract.tick))
    again = bench.restart(after=timedelta(seconds=1))
    for _ in range(60):
        again.pass_time(minutes=4)
    assert order_rows(again)[0][2] == 1


def test_every_prefix_of_the_journal_is_a_whole_state(bench: Bench) -> None:
    """A kill leaves a prefix of the records: whichever it is, the gateway comes up and books agree."""
    from hydra.simgateway.state import BrokerState
    from hydra.simgateway.store import MemoryJournal

    link = bench.client()
    bench.place(link, 5, totalQuantity="40", lmtPrice=number_text(bench.crossing("BUY")))
    bench.place(link, 6)
    bench.cancel(link, 6)
    bench.place(link, 7, action="SELL", totalQuantity="9", lmtPrice=number_text(bench.crossing("SELL")))
    records = list(bench.journal.records())
    assert len(records) > 8
    for n in range(1, len(records) + 1):
        journal = MemoryJournal()
        for record in records[:n]:
            journal.append(record)
        state = BrokerState()
        for record in records[:n]:
            state.apply(record)
        for order in state.orders.by_perm.values():
            booked = sum(done.qty for done in state.account.executions() if done.perm_id == order.perm_id)
            assert booked == order.cum_qty <= order.qty
        again = Bench(bench.now, bench.settings, journal)
        again.pass_time(seconds=1)


# --- the link to the servers ------------------------------------------------------------------------


def test_orders_sent_while_the_servers_are_away_wait_and_are_then_taken(bench: Bench) -> None:
    link = bench.client()
    bench.gateway.lose_link()
    bench.place(link, 5)
    assert outcomes(bench) == [("placeOrder", "H-5", "held")]
    assert link.errors()[-1] == 1100
    bench.gateway.restore_link(data_lost=False)
    assert outcomes(bench) == [("placeOrder", "H-5", "accepted")]
    assert link.statuses(5)[-1] == "Submitted"
    assert 1102 in link.errors()


def test_an_order_that_waited_past_its_good_till_is_refused(bench: Bench) -> None:
    link = bench.client()
    bench.gateway.lose_link()
    bench.place(link, 5, tif="GTD", goodTillDate=utc_text(bench.now + timedelta(seconds=30)))
    bench.pass_time(seconds=60)
    bench.gateway.restore_link(data_lost=False)
    assert outcomes(bench) == [("placeOrder", "H-5", "refused:201")]


def test_what_waited_dies_with_the_gateway(bench: Bench) -> None:
    link = bench.client()
    bench.gateway.lose_link()
    bench.place(link, 5)
    again = bench.restart()
    assert outcomes(again) == [("placeOrder", "H-5", "held")]
    assert order_rows(again) == []
    assert again.client().of("nextValidId") == [["9", "1", "1"]]
