"""The reports' figures against values worked out by hand."""

from decimal import Decimal

import pytest

from hydra.domain.events import ChildCommissioned, ForeignExecutionBooked
from hydra.domain.parent import ParentOrder
from hydra.domain.quantity import Side
from hydra.persistence import views
from tests.contract.ledger_facts import START, Desk, Hands
from tests.contract.ledger_stores import Store


@pytest.fixture
def desk(store: Store) -> Desk:
    """Four of ten bought at 350.50; arrival and mid at 350.25; 50 dollars a point; 9.44 commission."""
    hands = Hands()
    desk = Desk(store.open(hands), hands)
    parent = desk.fill(desk.sent(desk.opened(qty=10), 4), 4)
    charge = ChildCommissioned(parent.children[0].order_ref, "0001.01", "0001", Decimal("9.44"))
    assert isinstance(desk.ledger.append(parent.parent_id, parent.seq, [charge]), ParentOrder)
    return desk


def test_a_fill_shows_predicted_and_actual_slippage(desk: Desk) -> None:
    (fill,) = views.fills(desk.ledger.database, "2026-08-21")
    assert float(fill["slippage_bps"]) == pytest.approx(10_000 * 0.25 / 350.25)
    assert (fill["predicted_slippage_bps"], fill["px"], fill["qty"]) == ("3.1", "350.50", 4)
    assert views.fills(desk.ledger.database, "2026-08-22") == []


def test_a_sells_slippage_has_the_other_sign(desk: Desk) -> None:
    parent = desk.sent(desk.opened("HE", qty=-3), 3)
    desk.fill(parent, 3, "0002.01")
    slippage = [
        float(row["slippage_bps"]) for row in views.fills(desk.ledger.database) if row["side"] == "SELL"
    ]
    assert slippage == [pytest.approx(-10_000 * 0.25 / 350.25)]


def test_shortfall_is_cost_against_arrival_with_commission_over_the_whole_order(desk: Desk) -> None:
    (row,) = views.shortfall(desk.ledger.database)
    assert float(row["cost_usd"]) == pytest.approx(4 * 0.25 * 50)
    assert float(row["avg_px"]) == pytest.approx(350.5)
    expected = 10_000 * (4 * 0.25 * 50 + 9.44) / (350.25 * 10 * 50)
    assert float(row["executed_shortfall_bps"]) == pytest.approx(expected)


def test_cash_and_a_mark_make_the_profit(desk: Desk) -> None:
    sold = ForeignExecutionBooked("F.01", "F", 1, 101, "ZO", Side.SELL, 1, Decimal("352"), START, 0, "")
    desk.ledger.record([sold])
    (row,) = views.cash(desk.ledger.database)
    assert row["lots"] == 3
    profit = (float(row["cash_points"]) + 3 * 351.0) * float(row["usd_per_point"]) - float(
        row["commission_usd"]
    )
    assert profit == pytest.approx((352 - 350.5) * 50 + 3 * (351 - 350.5) * 50 - 9.44)


def test_a_busted_fill_is_no_fill(desk: Desk) -> None:
    (parent,) = desk.ledger.unfinished()
    desk.fill(parent, 0, "0001.02")
    assert views.fills(desk.ledger.database) == []
    (row,) = views.shortfall(desk.ledger.database)
    assert row["avg_px"] is None
