"""How much our orders move a market: Y of the square-root law, from the ledger (algorithms 1).

Orders are few and noisy, so the estimate is pulled towards the configured Y by as many orders as it is worth.
The prediction at each send keeps the configured Y: the cost channel compares fills with it, and a prediction
that follows what fills cost would hide that they became dear.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

PRIOR_Y: Final = 0.1
"""That of the prediction at each send (hydra.execution.slippage)."""
PRIOR_ORDERS: Final = 30
ORDERS_MIN: Final = 5
CAUTION: Final = 1.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Y of `orders` orders, shrunk, and its 95 % interval, which is NaN for fewer than five orders.

    The interval is the regression's own, shrunk alike: it takes the configured Y for known.
    """

    orders: int = 0
    y: float = PRIOR_Y
    low: float = math.nan
    high: float = math.nan

    @property
    def believed(self) -> float:
        """What decisions count with: half as much again, or the upper end where that is more."""
        return max(CAUTION * self.y, 0.0 if math.isnan(self.high) else self.high, 0.0)


def calibrate(orders: Iterable[tuple[float, float]]) -> Calibration:
    """Y of orders as (cost beyond half a spread, σ price √(Q/ADV)), in points: through the origin, shrunk."""
    excess_px, scale_px = np.array(list(orders), dtype=np.float64).reshape(-1, 2).T
    n, square = excess_px.size, float(scale_px @ scale_px)
    if n < ORDERS_MIN or square == 0.0:
        return Calibration(n)
    ols = float(scale_px @ excess_px) / square
    share = n / (n + PRIOR_ORDERS)
    y = share * ols + (1 - share) * PRIOR_Y
    rest = excess_px - ols * scale_px
    error = math.sqrt(float(rest @ rest) / (n - 1) / square)
    half = share * float(stdtrit(n - 1, 0.975)) * error
    return Calibration(n, y, y - half, y + half)
