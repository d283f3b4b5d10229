"""Order, fill and slippage tables against numbers worked out by hand."""

from decimal import Decimal

from hydra.domain.quantity import Side
from hydra.reports.books import reconciliation_markdown, reconciliation_problem
from hydra.reports.costs import cost_rows
from hydra.reports.fills import fill_rows, slippage, slippage_rows
from hydra.reports.orders import markdown_table, order_rows
from hydra.reports.session_page import session_markdown
from tests.unit.reports.parents import denied, worked

BUY, SELL = Side.BUY, Side.SELL


def test_an_order_row_says_what_was_ordered_filled_and_why_it_ended() -> None:
    (row,) = order_rows([worked("ZO", BUY, 5, [(1, "400"), (2, "403")])])
    assert (row["ordered"], row["filled"], row["left"], row["avg_px"]) == (5, 3, 2, "402")
    assert (row["status"], row["reason"]) == ("REMAINDER", "2 lots left")
    assert row["deadline"] == "2026-11-23 15:40:00 UTC"


def test_a_denied_order_has_its_side_and_reason_and_nothing_ordered() -> None:
    (row,) = order_rows([denied("ZO", "NO_LIMIT: ZO")])
    assert (row["side"], row["ordered"], row["status"], row["reason"]) == ("BUY", 0, "DENIED", "NO_LIMIT: ZO")


def test_slippage_is_weighted_by_lots_and_a_cost_is_positive_on_both_sides() -> None:
    """Buys 1 at 401 and 3 at 400 over a mid of 400: (25 + 0) / 4 bps; a sale 2 below 400 costs 50 bps."""
    bought = worked("ZO", BUY, 4, [(1, "401"), (3, "400")], predicted="8")
    sold = worked("HE", SELL, 2, [(2, "398")], predicted="20")
    assert slippage([bought]).actual_bps == Decimal("6.25")
    assert slippage([sold]).actual_bps == Decimal(50)
    both = slippage([bought, sold])
    assert both.lots == 6
    assert both.predicted_bps == Decimal(4 * 8 + 2 * 20) / 6
    assert both.actual_bps == Decimal(25 + 2 * 50) / 6
    assert [row["symbol"] for row in slippage_rows([bought, sold])] == ["ZO", "HE", "all"]


def test_fills_stand_in_time_order_with_their_commission() -> None:
    rows = fill_rows([worked("ZO", BUY, 3, [(1, "401"), (2, "399.5")]), worked("HE", SELL, 1, [(1, "400")])])
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert {row["exec_id"]: row["actual_bps"] for row in rows} == {
        "ZO.1.01": "25.0",
        "ZO.2.01": "-12.5",
        "HE.1.01": "0.0",
    }
    assert {row["commission_usd"] for row in rows} == {"1.50"}


def test_without_a_mid_there_is_no_ratio_but_the_fill_stays() -> None:
    flat = worked("ZO", BUY, 1, [(1, "0")], mid="0")
    assert slippage([flat]) == slippage([flat])
    assert (slippage([flat]).lots, slippage([flat]).actual_bps) == (1, None)
    assert fill_rows([flat])[0]["actual_bps"] == "–"


def test_a_cell_cannot_break_out_of_its_table() -> None:
    table = markdown_table([{"reason": "a | b\n| <script>alert(1)</script>"}])
    assert table.splitlines()[2] == "| a \\| b \\| &lt;script>alert(1)&lt;/script> |"
    assert len(table.splitlines()) == 3


STATEMENT = {
    "positions": [
        {"symbol": "ZO", "con_id": 1, "ledger": 3, "broker": 3},
        {"symbol": "HE", "con_id": 2, "ledger": 1, "broker": -1},
    ],
    "equal": False,
    "live": [],
    "in_doubt": ["H-20261123-HE-1-C02"],
}


def test_a_reconciliation_names_every_difference_and_every_doubt() -> None:
    assert reconciliation_problem(STATEMENT) == "HE: ledger 1, broker -1; H-20261123-HE-1-C02 is in doubt"
    assert "**Differs:** HE: ledger 1, broker -1" in reconciliation_markdown(STATEMENT)


def test_equal_books_without_doubt_are_no_problem() -> None:
    equal = {**STATEMENT, "positions": STATEMENT["positions"][:1], "in_doubt": []}  # type: ignore[index]
    assert reconciliation_problem(equal) == ""
    assert "**Both books agree.**" in reconciliation_markdown(equal)


def test_the_page_says_first_whether_a_person_must_look() -> None:
    parents = [worked("ZO", BUY, 1, [(1, "400")])]
    rows = {
        "orders": order_rows(parents),
        "slippage": slippage_rows(parents),
        "costs": cost_rows(parents),
        "denied": [],
    }
    assert "**Done; both books agree.**" in session_markdown("Session", rows, "").splitlines()
    assert "**Look into it:** HE differs" in session_markdown("Session", rows, "HE differs").splitlines()
