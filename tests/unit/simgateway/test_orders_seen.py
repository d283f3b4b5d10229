"""Who is told of which order and execution, and what no message brings down."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hydra.simgateway.books import books_of
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.wire import number_text
from tests.unit.simgateway.gateway_harness import Bench, Told, order_rows, outcomes

NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ask_executions(bench: Bench, link: Told, client_id: int = 0) -> list[str]:
    link.forget()
    bench.ask(link, 7, 3, 900, client_id, "", "", "", "", "", "")
    assert [kind for kind, _ in link.messages][-1] == "execDetailsEnd"
    return [fields[26] for fields in link.of("execDetails")]


@pytest.mark.parametrize(
    ("rule", "zero", "one"),
    [("all", ["A", "B"], ["A", "B"]), ("own", [], ["A"]), ("zero_only", ["A", "B"], ["A"])],
)
def test_executions_are_visible_by_rule(rule: str, zero: list[str], one: list[str]) -> None:
    bench = Bench(settings=GatewaySettings(pacing_per_s=0, executions_visibility=rule))
    links = {client_id: bench.client(client_id) for client_id in (0, 1, 2)}
    for client_id, ref in ((1, "A"), (2, "B")):
        bench.place(links[client_id], 5, orderRef=ref, lmtPrice=number_text(bench.crossing("BUY")))
    assert ask_executions(bench, links[0]) == zero
    assert ask_executions(bench, links[1]) == one


def test_executions_of_yesterday_are_not_told_but_stay_in_the_books(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    assert ask_executions(bench, link) == ["H-5"]
    bench.pass_time(hours=16)
    assert ask_executions(bench, link) == []
    assert len(books_of(bench.gateway.core.state)["executions"]) == 1


def test_a_client_is_pushed_only_its_own_orders(bench: Bench) -> None:
    mine, other = bench.client(1), bench.client(2)
    other.forget()
    bench.place(mine, 5, lmtPrice=number_text(bench.crossing("BUY")))
    assert other.of("openOrder", "orderStatus", "execDetails", "commissionReport") == []
    bench.place(mine, 6)
    other.forget()
    bench.ask(other, 5, 1)
    assert other.of("openOrder") == []
    bench.ask(other, 16, 1)
    assert [fields[1] for fields in other.of("openOrder")] == ["6"]
    assert len(other.of("openOrderEnd")) == 2


def test_completed_orders_are_those_of_today(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    bench.place(link, 6)
    bench.cancel(link, 6)
    link.forget()
    bench.ask(link, 99, 0)
    assert len(link.of("completedOrder")) == 2
    bench.pass_time(hours=16)
    link.forget()
    bench.ask(link, 99, 0)
    assert [kind for kind, _ in link.messages] == ["completedOrdersEnd"]


@pytest.mark.parametrize("message", ["0", "12", "22", "104", "9999", "", "x", "-3", "99999999999"])
def test_a_message_that_is_not_simulated_is_answered_by_321(bench: Bench, message: str) -> None:
    link = bench.client()
    bench.gateway.handle(link, [message, "1", "42", "z"])
    assert link.errors(42) == [321]


def test_no_message_whatever_its_fields_raises(bench: Bench) -> None:
    link = bench.client()
    for message in range(1, 105):
        for tail in (
            [],
            ["1"],
            ["x"] * 30,
            [""] * 130,
            ["1"] * 130,
            ["-1"] * 130,
            ["1.5"] * 130,
            ["9" * 40] * 130,
        ):
            bench.gateway.handle(link, [str(message), *tail])
    assert link.is_open


def test_ids_roll_back_only_for_what_is_done(bench: Bench) -> None:
    from hydra.simgateway.records import IdsRolledBack

    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    bench.place(link, 6)
    bench.gateway.core.record(IdsRolledBack(bench.now, 1, 4))
    bench.ask(link, 8, 1, 1)
    assert link.of("nextValidId")[-1] == ["9", "1", "5"]
    bench.place(link, 5, orderRef="again")
    bench.place(link, 6, totalQuantity="2", orderRef="H-6")
    assert [row[0] for row in order_rows(bench)] == ["H-5", "H-6", "again"]
    assert outcomes(bench)[-1] == ("placeOrder", "H-6", "modified")


def test_a_price_limit_is_where_a_crossing_order_stops(bench: Bench) -> None:
    assert bench.crossing("BUY") - bench.resting("BUY") > Decimal(10)
