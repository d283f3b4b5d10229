"""What the broker's messages may do to one session: lost, doubled, late, corrected, or simply wrong."""

import pytest

from tests.session.conftest import OpenDay
from tests.session.trading_day import OATS, RESTING, NotProvoked, TradingDay

pytestmark = pytest.mark.process


@pytest.mark.parametrize("fault", ["lose_ack", "lose_request"])
def test_an_order_whose_fate_nobody_told_is_never_sent_again(day: TradingDay, fault: str) -> None:
    """The connection is lost with the order on the books, or with the request unread."""
    day.settings = dict(RESTING)
    day.gateway.fault(fault)
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    day.until_fired(fault)
    day.assert_reached(done, "ZO", OATS)
    lapsed = {child["order_ref"] for child in day.of("ChildLapsed")}
    assert lapsed == ({"H-20261123-ZO-1-C01"} if fault == "lose_request" else set())
    day.judge()


def test_doubled_late_and_reordered_reports_book_every_execution_once(day: TradingDay) -> None:
    for fault, options in (
        ("duplicate_exec", {}),
        ("duplicate_status", {}),
        ("late_commission", {"seconds": 0.8}),
        ("reorder", {"count": 20}),
    ):
        day.gateway.fault(fault, **options)
    done = day.session("HE=-4,LE=2")
    assert done.code == 0, done.stderr
    day.assert_reached(done, "HE", -4)
    day.assert_reached(done, "LE", 2)
    day.judge()
    late = {one["exec_id"] for one in day.of("ChildFilled")} - {
        one["exec_id"] for one in day.of("ChildCommissioned")
    }
    if late:  # the session was over before its commissions came: the next reconciliation books them
        day.gateway.fault("clear")
        assert day.hydra("session", "reconcile").code == 0
    assert {one["exec_id"] for one in day.of("ChildCommissioned")} == {
        one["exec_id"] for one in day.of("ChildFilled")
    }
    day.judge()


@pytest.mark.parametrize("code", [10147, 10148, 161])
def test_a_false_word_of_a_cancel_changes_nothing(day: TradingDay, code: int) -> None:
    """The gateway says the order is gone while it works, and fills it later."""
    day.settings = dict(RESTING)
    day.gateway.fault("wrong_cancelled", code=code, on="ack")
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    day.until_fired("wrong_cancelled")
    day.assert_reached(done, "ZO", OATS)
    day.judge()


def test_warnings_on_a_live_order_leave_it_alive(day: TradingDay) -> None:
    day.settings = dict(RESTING)
    for nth, code in enumerate((399, 2109, 10349, 10311), start=1):
        day.gateway.fault("warn", code=code, on="ack", nth=nth)
    done = day.session("ZO=2,HE=-2,GF=1,OJ=1")
    assert done.code == 0, done.stderr
    for symbol, target in (("ZO", 2), ("HE", -2), ("GF", 1), ("OJ", 1)):
        day.assert_reached(done, symbol, target)
    assert not day.of("ChildRejected")
    day.judge()


def test_a_rejected_order_costs_its_step_and_nothing_else(day: TradingDay) -> None:
    day.settings = dict(RESTING)
    day.gateway.fault("reject", count=1)
    done = day.session("ZO=2")
    assert done.code == 0, done.stderr
    assert [one["code"] for one in day.of("ChildRejected")] == [201]
    day.assert_reached(done, "ZO", 2)
    day.judge()


def test_a_correction_after_the_session_moves_the_books_and_is_not_traded_against(day: TradingDay) -> None:
    """First another price, then one lot less: the broker's own revision of one execution."""
    assert day.session("HE=4").code == 0
    biggest = max(day.gateway.books()["executions"], key=lambda one: int(str(one["qty"])))
    day.gateway.fault("correction", exec_id=biggest["exec_id"])
    revised = str(biggest["exec_id"])[:-2] + "02"
    day.gateway.fault("correction", exec_id=revised, qty=int(str(biggest["qty"])) - 1 or 1)
    sent = day.sent()
    assert day.hydra("session", "reconcile").code == 0
    assert day.session("HE=4").code == 0
    assert day.sent() == sent
    day.judge()


def test_a_bust_is_booked_and_not_traded_again(day: TradingDay) -> None:
    assert day.session("HE=4").code == 0
    day.gateway.fault("bust")
    sent, held = day.sent(), day.position("HE")
    assert held < 4
    again = day.session("HE=4")
    assert (again.code, again.parents["HE"]["cum_qty"]) == (0, held)
    assert day.sent() == sent
    day.judge()


@pytest.mark.parametrize(("fault", "options"), [("fill", {}), ("late_fill", {"seconds": 0.1})])
def test_a_fill_around_its_cancel_is_waited_for_before_more_is_sent(
    open_day: OpenDay, fault: str, options: dict[str, object]
) -> None:
    """All lots fill while the cancel arrives, or are heard of within cancel_settle after the end.

    Slower than other days: on a busy machine the order must still be cancelled, not outlive its time.
    """
    day = open_day(speed=90.0)
    day.settings = {**RESTING, "simulated.cancel_settle_wall_s": 0.4}
    day.gateway.fault(fault, **options)
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    day.until_fired(fault)
    day.judge()
    if day.of("ChildExpired"):
        raise NotProvoked("the order outlived its time before its cancel arrived")
    assert (done.parents["ZO"]["status"], day.position("ZO")) == ("FILLED", OATS)
    assert len(day.sent()) == 1


def test_a_fill_later_than_any_settle_is_booked_and_halts_and_is_not_traded_back(open_day: OpenDay) -> None:
    """One lot is heard of after its order's proven end: the broker's late report, told to a person."""
    day = open_day(speed=90.0)
    day.settings = dict(RESTING)
    day.gateway.fault("late_fill", seconds=0.6, qty=1)
    done = day.session(f"ZO={OATS}")
    assert done.code == 0, done.stderr
    day.until_fired("late_fill")
    first = day.until(
        lambda: [one for one in day.gateway.books()["orders"] if str(one["order_ref"]).endswith("C01")], "C01"
    )[0]
    day.hydra("session", "reconcile")
    booked = sum(
        int(one["last_qty"]) for one in day.of("ChildFilled") if one["order_ref"] == first["order_ref"]
    )
    assert booked == int(str(day.gateway.books()["orders"][0]["filled"]))
    (found,) = [one for one in day.of("ReconciliationFound") if one["kind"] == "LATE_FILL"]
    assert str(first["order_ref"]) in found["theirs"]
    assert "ZO HALTED" in " ".join(day.hydra("trading", "show").stdout.split())
    assert not [one for one in day.of("ChildSending") if one["side"] == "SELL"]
