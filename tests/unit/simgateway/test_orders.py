"""What becomes of orders: accepted, refused by IB's code, modified, filled, cancelled, expired."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.simgateway.books import books_of
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.wire import number_text, utc_text
from tests.unit.simgateway.gateway_harness import MONDAY, Bench, Told, facts

NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def touch(bench: Bench) -> str:
    """The best bid: an order there trades now and then."""
    bid = bench.gateway.core.exchange.quote(bench.contract.con_id).bid
    assert bid is not None
    return number_text(bid)


def order_rows(bench: Bench) -> list[tuple[object, ...]]:
    return facts(books_of(bench.gateway.core.state)["orders"], "order_ref", "status", "filled", "reason")


def outcomes(bench: Bench) -> list[tuple[object, ...]]:
    return facts(books_of(bench.gateway.core.state)["frames"], "kind", "order_ref", "outcome")


def test_an_accepted_order_is_told_presubmitted_then_submitted(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5)
    assert link.statuses(5) == ["PreSubmitted", "Submitted"]
    assert outcomes(bench) == [("placeOrder", "H-5", "accepted")]
    (row,) = books_of(bench.gateway.core.state)["orders"]
    assert (row["client_id"], row["order_id"], row["side"], row["qty"]) == (1, 5, "BUY", 1)


REFUSED = [
    ("no contract", {"conId": "999"}, 200),
    ("ambiguous", {"conId": "0", "lastTradeDateOrContractMonth": "", "localSymbol": ""}, 200),
    ("no exchange", {"exchange": ""}, 321),
    ("off the grid", {"lmtPrice": "385.30"}, 110),
    ("no price", {"lmtPrice": ""}, 321),
    ("size zero", {"totalQuantity": "0"}, 434),
    ("no size", {"totalQuantity": ""}, 434),
    ("negative size", {"totalQuantity": "-3"}, 321),
    ("half a lot", {"totalQuantity": "1.5"}, 10243),
    ("NaN size", {"totalQuantity": "nan"}, 320),
    ("NaN price", {"lmtPrice": "NaN"}, 320),
    ("other side", {"action": "HOLD"}, 321),
    ("other type", {"orderType": "TRAIL"}, 387),
    ("other tif", {"tif": "FOK"}, 201),
    ("other account", {"account": "U123"}, 321),
    ("a good-till date that is none", {"tif": "GTD", "goodTillDate": "soon"}, 334),
    ("a good-till date gone by", {"tif": "GTD", "goodTillDate": utc_text(MONDAY)}, 201),
    ("combo", {"secType": "BAG"}, 387),
]


@pytest.mark.parametrize(("fields", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_an_unsound_order_gets_its_code_and_never_exists(
    bench: Bench, fields: dict[str, str], code: int
) -> None:
    link = bench.client()
    bench.place(link, 5, **fields)
    assert link.errors(5) == [code]
    assert link.of("openOrder", "orderStatus") == []
    assert order_rows(bench) == []
    assert outcomes(bench) == [("placeOrder", "H-5", f"refused:{code}")]


def test_an_order_id_not_above_the_last_one_is_a_duplicate(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice="385.30")
    for order_id in (5, 4):
        bench.place(link, order_id)
        assert link.errors(order_id)[-1] == 103
    bench.place(link, 6)
    assert link.statuses(6)[-1] == "Submitted"


def test_order_ids_are_the_clients_own(bench: Bench) -> None:
    for client_id in (1, 2):
        bench.place(bench.client(client_id), 5, orderRef=f"R{client_id}")
    assert facts(books_of(bench.gateway.core.state)["orders"], "order_ref", "client_id", "order_id") == [
        ("R1", 1, 5),
        ("R2", 2, 5),
    ]


def test_an_order_behind_an_open_id_modifies_and_is_recorded_as_that(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5)
    bench.place(link, 5, totalQuantity="4")
    assert facts(books_of(bench.gateway.core.state)["orders"], "qty") == [(4,)]
    assert outcomes(bench) == [("placeOrder", "H-5", "accepted"), ("placeOrder", "H-5", "modified")]


@pytest.mark.parametrize("fields", [{"action": "SELL"}, {"orderType": "MKT"}])
def test_a_modify_may_not_make_another_order_of_it(bench: Bench, fields: dict[str, str]) -> None:
    link = bench.client()
    bench.place(link, 5)
    bench.place(link, 5, **fields)
    assert link.errors(5) == [105]


def test_a_filled_order_cannot_be_modified(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    assert order_rows(bench)[0][1] == "Filled"
    bench.place(link, 5)
    assert link.errors(5) == [104]


def test_a_cancelled_order_cannot_be_placed_again_under_its_id(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5)
    bench.cancel(link, 5)
    bench.place(link, 5)
    assert link.errors(5) == [202, 103]


def test_a_fill_is_reported_with_execution_status_and_fee(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice=number_text(bench.crossing("BUY")))
    execution, report = link.of("execDetails")[0], link.of("commissionReport")[0]
    assert execution[1] == "-1"
    assert execution[14] == report[2]
    assert link.statuses(5)[-1] == "Filled"
    assert bench.gateway.core.state.account.qty(bench.contract.con_id) == 1


def test_the_fee_comes_after_its_execution_in_every_order_of_reports() -> None:
    seen = set()
    for order_id in range(1, 12):
        bench = Bench(settings=GatewaySettings(seed=order_id, pacing_per_s=0))
        link = bench.client()
        bench.place(link, order_id, lmtPrice=number_text(bench.crossing("BUY")))
        kinds = [kind for kind, fields in link.messages if kind in ("execDetails", "commissionReport")]
        assert kinds == ["execDetails", "commissionReport"] * (len(kinds) // 2)
        tail = [
            kind for kind, _ in link.messages if kind in ("execDetails", "commissionReport", "openOrder")
        ][-3:]
        seen.add(tuple(tail))
    assert len(seen) > 1


def test_a_large_order_fills_in_parts_and_rests_with_what_is_left(bench: Bench) -> None:
    link = bench.client()
    ask = bench.gateway.core.exchange.quote(bench.contract.con_id).ask
    assert ask is not None
    bench.place(link, 5, totalQuantity="300", lmtPrice=number_text(ask))
    (row,) = books_of(bench.gateway.core.state)["orders"]
    assert row["status"] == "Submitted"
    assert 0 < int(str(row["filled"])) < 300
    ids = [fields[14] for fields in link.of("execDetails")]
    assert len(ids) == len(set(ids))
    last = link.of("orderStatus")[-1]
    assert int(last[3]) + int(last[4]) == 300


def test_immediate_or_cancel_leaves_nothing_resting(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, tif="IOC")
    assert order_rows(bench) == [("H-5", "Cancelled", 0, "Immediate or cancel")]


def test_cancel_ends_the_order_and_says_202(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5)
    bench.cancel(link, 5)
    assert link.statuses(5)[-1] == "Cancelled"
    assert link.errors(5) == [202]
    assert outcomes(bench)[-1] == ("cancelOrder", "H-5", "cancelled")
    bench.pass_time(hours=1)
    assert order_rows(bench) == [("H-5", "Cancelled", 0, "Cancelled by Trader")]


def test_cancelling_what_is_unknown_done_or_anothers_is_refused(bench: Bench) -> None:
    mine, other = bench.client(1), bench.client(2)
    bench.place(mine, 5)
    bench.cancel(other, 5)
    assert other.errors(5) == [10147]
    bench.cancel(mine, 77)
    assert mine.errors(77) == [10147]
    bench.cancel(mine, 5)
    bench.cancel(mine, 5)
    assert mine.errors(5) == [202, 10148]
    assert [outcome for _, _, outcome in outcomes(bench)][1:] == [
        "refused:10147",
        "refused:10147",
        "cancelled",
        "refused:10148",
    ]


def test_a_global_cancel_ends_every_clients_orders(bench: Bench) -> None:
    links = [bench.client(1), bench.client(2)]
    for link in links:
        bench.place(link, 5)
    bench.ask(links[0], 58, 1)
    assert [row[1] for row in order_rows(bench)] == ["Cancelled", "Cancelled"]
    assert links[1].statuses(5)[-1] == "Cancelled"
    assert outcomes(bench)[-1][0] == "globalCancel"


def test_gtd_ends_at_its_second_and_not_before(bench: Bench) -> None:
    link = bench.client()
    till = bench.now + timedelta(seconds=90)
    bench.place(link, 5, tif="GTD", goodTillDate=utc_text(till))
    assert bench.gateway.next_event_at() is not None
    bench.gateway.advance(till - timedelta(milliseconds=1))
    assert order_rows(bench)[0][1] == "Submitted"
    bench.gateway.advance(till)
    (row,) = books_of(bench.gateway.core.state)["orders"]
    assert (row["status"], row["reason"], row["ended_at"]) == ("Cancelled", "Expired", till.isoformat())


def test_gtd_ends_on_time_even_if_the_gateway_looks_late(bench: Bench) -> None:
    link = bench.client()
    till = bench.now + timedelta(seconds=90)
    bench.place(link, 5, tif="GTD", goodTillDate=utc_text(till), totalQuantity="90", lmtPrice=touch(bench))
    bench.pass_time(hours=2)
    (row,) = books_of(bench.gateway.core.state)["orders"]
    assert row["ended_at"] == till.isoformat()
    late = [
        done
        for done in books_of(bench.gateway.core.state)["executions"]
        if str(done["at"]) > till.isoformat()
    ]
    assert late == []


def test_a_day_order_ends_with_its_session(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, tif="DAY")
    bench.gateway.advance(datetime(2026, 11, 23, 19, 19, 59, tzinfo=UTC))
    assert order_rows(bench)[0][1] == "Submitted"
    bench.gateway.advance(datetime(2026, 11, 23, 19, 20, 0, tzinfo=UTC))
    assert order_rows(bench)[0][1] == "Cancelled"


def test_an_empty_tif_and_outside_rth_bring_warnings_on_a_live_order(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, tif="", outsideRth="1")
    assert sorted(link.errors(5)) == [2109, 10349]
    assert link.statuses(5)[-1] == "Submitted"


def test_between_sessions_an_order_waits_and_goes_to_the_exchange_at_the_open() -> None:
    bench = Bench(at=NIGHT)
    link = bench.client()
    bench.place(link, 5, tif="GTC")
    assert (link.statuses(5), link.errors(5)) == (["PreSubmitted"], [399])
    bench.pass_time(hours=2)
    assert bench.now < datetime(2026, 11, 24, 1, 0, 1, tzinfo=UTC)
    bench.gateway.advance(datetime(2026, 11, 24, 1, 0, 1, tzinfo=UTC))
    assert link.statuses(5) == ["PreSubmitted", "Submitted"]


def test_an_order_the_account_cannot_carry_is_rejected_inactive(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, totalQuantity="5000")
    assert link.errors(5) == [201]
    assert link.statuses(5) == ["Inactive"]
    assert order_rows(bench)[0][:3] == ("H-5", "Inactive", 0)
    assert outcomes(bench) == [("placeOrder", "H-5", "refused:201")]


def test_what_if_answers_margins_and_creates_nothing(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, whatIf="1", totalQuantity="10")
    assert len(link.of("openOrder")) == 1
    assert link.of("orderStatus") == []
    assert order_rows(bench) == []
    assert outcomes(bench) == [("placeOrder", "H-5", "what_if")]


def test_a_read_only_gateway_refuses_every_order_action() -> None:
    bench = Bench(settings=GatewaySettings(pacing_per_s=0, is_read_only=True))
    link = bench.client()
    bench.place(link, 5)
    bench.cancel(link, 5)
    assert link.errors(5) == [321, 321]
    assert order_rows(bench) == []


def test_zero_and_negative_prices_are_prices(bench: Bench) -> None:
    link = bench.client()
    bench.place(link, 5, lmtPrice="0")
    bench.place(link, 6, lmtPrice="-0.25")
    assert facts(books_of(bench.gateway.core.state)["orders"], "limit") == [("0",), ("-0.25",)]


def test_an_order_message_that_ends_early_is_answered_and_recorded(bench: Bench) -> None:
    link = bench.client()
    bench.gateway.handle(link, ["3", "5", "610202703", "ZO"])
    assert link.errors(5) == [320]
    assert outcomes(bench) == [("placeOrder", "", "refused:320")]


# --- restart ----------------------------------------------------------------------------------------


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


# --- who sees what ----------------------------------------------------------------------------------


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
