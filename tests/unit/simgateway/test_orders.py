"""What becomes of orders: accepted, refused by IB's code, modified, filled, cancelled, expired."""

from datetime import UTC, datetime, timedelta

import pytest

from hydra.simgateway.books import books_of
from hydra.simgateway.core import GatewaySettings
from hydra.simgateway.wire import number_text, utc_text
from tests.unit.simgateway.gateway_harness import MONDAY, Bench, facts, order_rows, outcomes, touch

NIGHT = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture
def bench() -> Bench:
    return Bench()


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
