"""A session from its plan to equal books, over several symbols, by TWAP and by ladder, long and short."""

import json

import pytest

from tests.session.conftest import OpenDay
from tests.session.trading_day import TradingDay

pytestmark = pytest.mark.process

PARENT_KEYS = {"id", "symbol", "side", "order_qty", "cum_qty", "leaves_qty", "status", "reason"}
ORDER_KEYS = {"order_ref", "perm_id", "symbol", "side", "qty", "filled", "status"}
EXECUTION_KEYS = {"exec_id", "order_ref", "symbol", "side", "qty", "price"}
EVENT_KEYS = {"stream", "seq", "kind", "payload", "recorded_at"}


def test_a_session_trades_every_symbol_to_its_target_and_both_books_are_equal(open_day: OpenDay) -> None:
    """ZO is above 1 % of its daily volume and goes by TWAP; HE goes short."""
    day = open_day(speed=480)
    done = day.session("ZO=12,HE=-4,LE=2", execution__horizon_s=2400)
    assert done.code == 0, done.stderr
    assert [set(one) for one in json.loads(done.stdout)["parents"]] == [PARENT_KEYS] * 3
    algos = {opened["parent_id"]: opened["algo"] for opened in day.of("ParentOpened")}
    assert algos == {"20261123-ZO-1": "TWAP", "20261123-HE-1": "LADDER", "20261123-LE-1": "LADDER"}
    assert len([ref for ref in day.sent() if "-ZO-" in ref]) == 5
    for symbol, target in (("ZO", 12), ("HE", -4), ("LE", 2)):
        day.assert_reached(done, symbol, target)
    assert day.judge()["executions"] > 0


def test_the_books_and_the_ledger_tell_scripts_what_they_promise(day: TradingDay) -> None:
    assert day.session("HE=2").code == 0
    books = _json(day, "gateway", "books", "--state-dir", day.gateway.state_dir, "--json")
    assert set(books) == {"orders", "executions", "positions", "frames"}
    assert all(set(order) >= ORDER_KEYS for order in books["orders"])
    assert all(set(done) >= EXECUTION_KEYS for done in books["executions"])
    assert {"kind", "at", "client_id", "order_id", "order_ref"} <= set(books["frames"][0])
    lines = day.hydra("ledger", "export", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert events == day.ledger()
    assert all(set(event) == EVENT_KEYS for event in events)
    of_children = [event for event in events if event["kind"].startswith("Child")]
    assert of_children
    assert all(event["payload"]["order_ref"].startswith("H-20261123-HE-1-C") for event in of_children)
    assert [frame["order_ref"] for frame in books["frames"] if frame["kind"] == "placeOrder"] == [
        sending["order_ref"] for sending in day.of("ChildSending")
    ]


def test_a_session_run_again_changes_nothing_on_either_side(day: TradingDay) -> None:
    first = day.session("HE=2")
    ledger, books = day.ledger(), day.gateway.books()
    again = day.session("HE=2")
    assert (again.code, again.stdout) == (0, first.stdout)
    news = [event for event in day.ledger() if event not in ledger]
    assert {event["kind"] for event in news} <= {"EquityMarked"}
    assert day.gateway.books() == books


def test_another_session_sells_what_the_first_one_bought(day: TradingDay) -> None:
    assert day.session("HE=2").code == 0
    done = day.session("HE=-1", on="2026-11-24")
    assert done.parents["HE"]["side"] == "SELL"
    assert (done.parents["HE"]["cum_qty"], day.position("HE")) == (3, -1)
    day.judge()


def test_without_targets_the_strategy_sizes_the_session(open_day: OpenDay) -> None:
    day = open_day(seed=11)
    done = day.hydra(
        "session", "run", "--on", "2026-11-23", "--symbols", "HE,LE", "--json", execution__horizon_s=60
    )
    assert done.code == 0, done.stderr
    plans = day.of("SessionPlanned")
    assert {plan["symbol"] for plan in plans} == {"HE", "LE"}
    assert {plan["champion_id"] for plan in plans} == {"ewma-trend-8-32@1"}
    day.judge()


def _json(day: TradingDay, *command: object) -> dict[str, list[dict[str, object]]]:
    done = day.hydra(*command)
    assert done.code == 0, done.stderr
    return dict(json.loads(done.stdout))
