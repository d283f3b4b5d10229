"""Bars of several markets on one calendar: what a day without a bar may not do."""

from datetime import timedelta

import numpy as np

from hydra.research.filters import deviation_before
from hydra.research.panel import VOLATILITY_SPAN, Listed, Market, Panel, panel_of
from tests.improve.worlds import FIRST, edge_bars

LISTED = {symbol: Listed(symbol, 50.0, 2.0) for symbol in ("ZO", "HE")}


def panel(days_of_he: int) -> Panel:
    bars = {"ZO": edge_bars(1, 400, sharpe=1.0), "HE": edge_bars(2, 400, sharpe=1.0)[:days_of_he]}
    markets = {symbol: Market(found) for symbol, found in bars.items()}
    return panel_of(markets, LISTED, FIRST + timedelta(days=900))


def test_volatility_known_at_a_close_is_that_of_the_changes_up_to_it() -> None:
    made = panel(400)
    changes = np.diff(made.close[:, 0], append=0.0)
    changes[-1] = 0.0
    np.testing.assert_allclose(made.sigma[:, 0], deviation_before(changes, VOLATILITY_SPAN))


def test_a_market_that_is_late_does_not_seem_quiet() -> None:
    """HE has no bar for 100 days: its close and its volatility stay, and so a position."""
    late, whole = panel(300), panel(400)
    assert len(late.days) == 400
    np.testing.assert_array_equal(late.sigma[:300], whole.sigma[:300])
    assert set(late.close[299:, 1]) == {late.close[299, 1]}
    assert set(late.sigma[299:, 1]) == {late.sigma[299, 1]}
    np.testing.assert_array_equal(late.sigma[:, 0], whole.sigma[:, 0])
