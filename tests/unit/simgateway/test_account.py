"""Positions and money are what the executions add up to, in any order of trades and after any revision."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hydra.simgateway.account import Position
from hydra.simgateway.books import books_of
from hydra.simgateway.records import ExecutionRevised
from hydra.simgateway.wire import number_text
from tests.unit.simgateway.gateway_harness import Bench, Told, facts

TRADES = st.lists(
    st.tuples(
        st.integers(-9, 9).filter(bool),
        st.decimals(-50, 500, places=2).map(lambda d: d.quantize(Decimal("0.25"))),
    ),
    max_size=20,
)


@given(TRADES, st.decimals(-50, 500, places=2))
def test_realized_and_unrealized_add_up_to_the_cash_of_all_trades(
    trades: list[tuple[int, Decimal]], mark: Decimal
) -> None:
    position, cash = Position(1, "ZO"), Decimal(0)
    for qty, price in trades:
        position.take(qty, price)
        cash -= qty * price
    assert position.qty == sum(qty for qty, _ in trades)
    worth = cash + position.qty * mark
    assert abs(position.realized_points + (mark - position.avg_px) * position.qty - worth) < Decimal("1e-18")


def test_a_trade_through_zero_realizes_the_closed_part_only() -> None:
    position = Position(1, "ZO")
    assert position.take(2, Decimal(100)) is None
    assert position.take(-5, Decimal(110)) == Decimal(20)
    assert (position.qty, position.avg_px) == (-3, Decimal(110))


def trade(bench: Bench, link: Told, order_id: int, side: str, qty: int = 2) -> None:
    price = number_text(bench.crossing(side))
    bench.place(link, order_id, action=side, totalQuantity=str(qty), lmtPrice=price)


def values(link: Told) -> dict[str, str]:
    return {fields[2]: fields[3] for fields in link.of("accountValue")}


def test_account_values_follow_the_trades_to_the_cent() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 6, 2, 1, "")
    trade(bench, link, 5, "BUY")
    trade(bench, link, 6, "SELL")
    point = bench.contract.usd_per_point
    done = books_of(bench.gateway.core.state)["executions"]
    cash = sum(
        Decimal(str(row["price"])) * int(str(row["qty"])) * (1 if row["side"] == "SELL" else -1)
        for row in done
    )
    fees = sum(Decimal(str(row["commission_usd"])) for row in done)
    held = values(link)
    assert Decimal(held["TotalCashValue"]) == 1_000_000 + cash * point - fees
    assert held["NetLiquidation"] == held["TotalCashValue"]
    assert held["InitMarginReq"] == "0.00"


def test_an_account_subscription_repeats_only_what_changed() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 6, 2, 1, "")
    first = len(link.of("accountValue"))
    link.forget()
    trade(bench, link, 5, "BUY")
    again = link.of("accountValue")
    assert 0 < len(again) < first
    assert "AccountType" not in values(link)


def test_margin_counts_the_worse_side_of_position_and_working_orders() -> None:
    bench = Bench()
    link = bench.client()
    bench.place(link, 5, totalQuantity="4")
    one_side = bench.gateway.valuation.figures().initial
    bench.place(link, 6, action="SELL", totalQuantity="3", lmtPrice=number_text(bench.resting("SELL")))
    assert bench.gateway.valuation.figures().initial == one_side > 0
    bench.cancel(link, 5)
    assert bench.gateway.valuation.figures().initial == one_side * 3 / 4


def test_a_reducing_order_passes_whatever_the_margin() -> None:
    bench = Bench()
    link = bench.client()
    trade(bench, link, 5, "BUY", 20)
    bench.faults.margin_factor = 1000.0
    trade(bench, link, 6, "BUY", 1)
    assert link.errors(6) == [201]
    trade(bench, link, 7, "SELL", 20)
    assert link.errors(7) == []


def test_a_correction_replaces_its_execution_and_the_position_follows() -> None:
    bench = Bench()
    link = bench.client()
    trade(bench, link, 5, "BUY")
    core = bench.gateway.core
    done = core.state.account.newest()
    assert done is not None
    old, price = done.exec_id, done.price
    core.record(ExecutionRevised(bench.now, old[:-2] + "02", old, done.qty + 3, price + 1))
    ids = facts(books_of(core.state)["executions"], "exec_id")
    assert (old[:-2] + "02",) in ids
    assert (old,) not in ids
    total = sum(int(str(row["qty"])) for row in books_of(core.state)["executions"])
    assert core.state.account.qty(bench.contract.con_id) == total == 5
    assert books_of(bench.restart().gateway.core.state) == books_of(core.state)


def test_a_bust_takes_its_lots_and_its_fee_back() -> None:
    bench = Bench()
    link = bench.client()
    trade(bench, link, 5, "BUY", 1)
    core = bench.gateway.core
    done = core.state.account.newest()
    assert done is not None
    core.record(ExecutionRevised(bench.now, done.exec_id[:-2] + "02", done.exec_id, 0, done.price))
    assert core.state.account.qty(bench.contract.con_id) == 0
    assert core.state.account.fees_usd == 0
    assert books_of(core.state)["positions"] == []


def test_daily_profit_starts_anew_each_day() -> None:
    bench = Bench()
    link = bench.client()
    trade(bench, link, 5, "BUY", 1)
    fee = bench.contract.commission_usd
    done = bench.gateway.core.state.account.newest()
    assert done is not None
    mark = bench.gateway.valuation.mark(bench.contract)
    assert bench.gateway.valuation.daily_usd() == (mark - done.price) * bench.contract.usd_per_point - fee
    bench.pass_time(hours=24)
    quote = bench.gateway.core.exchange.quote(done.con_id)
    mark = bench.gateway.valuation.mark(bench.contract)
    assert bench.gateway.valuation.daily_usd() == (mark - quote.close) * bench.contract.usd_per_point


def test_positions_are_pushed_to_those_who_asked_and_only_them() -> None:
    bench = Bench()
    asking, silent = bench.client(1), bench.client(2)
    bench.ask(asking, 61, 1)
    trade(bench, asking, 5, "BUY")
    assert asking.of("position")[-1][14] == "2"
    assert silent.of("position") == []
    bench.ask(asking, 64, 1)
    asking.forget()
    trade(bench, asking, 6, "SELL", 1)
    assert asking.of("position") == []


def test_profit_subscriptions_answer_at_once_and_then_on_change() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 92, 900, "DUSIM001", "")
    bench.ask(link, 94, 901, "DUSIM001", "", bench.contract.con_id)
    assert [fields[1:] for fields in link.of("pnl")] == [["900", "0.00", "0.00", "0.00"]]
    assert link.of("pnlSingle")[0][2] == "0"
    trade(bench, link, 5, "BUY")
    assert link.of("pnlSingle")[-1][2] == "2"
    bench.ask(link, 93, 900)
    link.forget()
    bench.pass_time(minutes=5)
    trade(bench, link, 6, "SELL", 1)
    assert link.of("pnl") == []


def test_a_summary_answers_each_known_tag_and_the_ledger() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 62, 1, 900, "All", "NetLiquidation,BuyingPower,NoSuchTag,$LEDGER:ALL")
    tags = [fields[4] for fields in link.of("accountSummary")]
    assert tags[:2] == ["NetLiquidation", "BuyingPower"]
    assert "CashBalance" in tags
    assert "NoSuchTag" not in tags
    assert link.messages[-1][0] == "accountSummaryEnd"


def test_a_foreign_account_is_refused() -> None:
    bench = Bench()
    link = bench.client()
    bench.ask(link, 92, 900, "U999", "")
    assert link.errors(900) == [321]


def test_yesterdays_trades_carry_no_weight_in_todays_fees() -> None:
    bench = Bench()
    link = bench.client()
    trade(bench, link, 5, "BUY", 1)
    trade(bench, link, 6, "SELL", 1)
    bench.gateway.advance(bench.now + timedelta(hours=24))
    assert bench.gateway.valuation.daily_usd() == 0
