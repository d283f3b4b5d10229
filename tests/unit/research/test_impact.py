"""Y of the square-root law: recovered from orders that were made with a known one, and never overbelieved."""

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from hydra.domain.quantity import Side
from hydra.execution.slippage import IMPACT_Y, impact_paid_px
from hydra.research.impact import ORDERS_MIN, PRIOR_ORDERS, PRIOR_Y, Calibration, calibrate
from tests.unit.reports.parents import denied, worked


def test_one_order_costs_what_it_paid_beyond_half_the_spread_of_what_the_law_predicts() -> None:
    """Bought 3 at 402 on an arrival of 400.25, spread 1.5: 1.00 beyond; .02 × 400.25 × √(3/300) = .8005."""
    paid = impact_paid_px(worked("ZO", Side.BUY, 3, [(3, "402")]))
    assert paid == (Decimal("1.00"), Decimal("0.8005"))
    assert impact_paid_px(denied("ZO", "no")) is None
    assert impact_paid_px(worked("ZO", Side.BUY, 3, [])) is None
    found = calibrate([(1.0, 0.8005)] * 40)
    assert found.orders == 40
    ols = 1.0 / 0.8005
    assert found.y == pytest.approx((40 * ols + PRIOR_ORDERS * PRIOR_Y) / 70)
    assert found.high == pytest.approx(found.y), "forty times the same leaves no doubt"


def test_a_sale_below_arrival_costs_as_a_purchase_above_it() -> None:
    bought = impact_paid_px(worked("ZO", Side.BUY, 3, [(3, "402")]))
    assert impact_paid_px(worked("ZO", Side.SELL, 3, [(3, "398.5")])) == bought


def test_the_regression_through_the_origin_is_that_of_the_textbook() -> None:
    rng = np.random.default_rng(3)
    scale = rng.uniform(0.2, 2.0, 25)
    excess = 0.6 * scale + rng.normal(0, 0.3, 25)
    found = calibrate(zip(excess, scale, strict=True))
    (ols,), (rest,), *_ = np.linalg.lstsq(scale[:, None], excess, rcond=None)
    error = math.sqrt(rest / 24 / float(scale @ scale))
    low, high = stats.t.interval(0.95, 24, loc=ols, scale=error)
    share = 25 / (25 + PRIOR_ORDERS)
    assert found.y == pytest.approx(share * ols + (1 - share) * PRIOR_Y)
    assert found.high - found.low == pytest.approx(share * (high - low))


def test_a_true_y_lies_in_the_interval_as_often_as_it_says_once_orders_are_many() -> None:
    """The prior's pull is a bias: with 3,000 orders it is a hundredth, and 95 % is what is left."""
    rng = np.random.default_rng(4)
    scale = rng.uniform(0.2, 2.0, (200, 3000))
    excess = 0.15 * scale + rng.normal(0, 1.0, scale.shape)
    found = [calibrate(zip(*pair, strict=True)) for pair in zip(excess, scale, strict=True)]
    assert 0.9 <= np.mean([one.low <= 0.15 <= one.high for one in found]) <= 0.99


@pytest.mark.parametrize(
    ("calibration", "believed"),
    [
        (Calibration(), 0.15),
        (Calibration(50, 0.4, 0.3, 0.5), 0.6),
        (Calibration(50, 0.4, 0.0, 0.8), 0.8),
        (Calibration(50, -0.2, -0.4, -0.1), 0.0),
    ],
)
def test_decisions_count_with_half_as_much_again_or_the_upper_end(
    calibration: Calibration, believed: float
) -> None:
    assert calibration.believed == pytest.approx(believed)


def test_a_handful_of_orders_says_nothing() -> None:
    few = calibrate([(100.0, 0.8)] * (ORDERS_MIN - 1))
    assert (few.orders, few.y) == (ORDERS_MIN - 1, PRIOR_Y)
    assert math.isnan(few.high)
    assert calibrate([(1.0, 0.0)] * 9).y == PRIOR_Y, "a price of zero tells nothing"
    assert float(IMPACT_Y) == PRIOR_Y, "what the prediction at the send counts with"
