"""The kernel's rules told once more, by what trades live: risk's sizing and breakers, execution's slippage.

Plain Python, one candidate at a time, Decimals where live trading decides with Decimals. Independent of the
kernel on purpose: where the two differ, one of them is wrong.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from hydra.domain.events import BreakerMoved
from hydra.domain.exposure import Exposure
from hydra.execution.slippage import predicted_slippage_px
from hydra.research.kernel import Market, Rules
from hydra.risk.breakers import (
    Breaker,
    BreakerValues,
    acknowledge,
    breached,
    breaker_values,
    evaluate,
    period_end,
    restarts_peak,
)
from hydra.risk.limits import BreakerLimits
from hydra.risk.sizing import reachable_target, target_lots
from hydra.risk.view import BreakerStatus

CON_ID = 1
FIRST_SESSION = date(2020, 1, 1)


@dataclass
class Told:
    pnl: list[float]
    cost: list[float]
    lots: list[int]
    trips: dict[str, int]


def tell(market: Market, forecasts: np.ndarray, rules: Rules) -> Told:
    """One candidate's path under the rules of live trading."""
    account = _Account(rules)
    told = Told([], [], [], {"daily_loss": 0, "drawdown": 0, "position": 0})
    lots = target = 0
    for t in range(len(forecasts)):
        p = max(t - 1, 0)
        close, sigma = float(market.close_px[t]), float(market.sigma_px[t])
        cost = _cost_usd(market, p, t, abs(target - lots), rules)
        point = rules.usd_per_point
        net = (
            lots * (market.fill_px[t] - market.close_px[p]) * point
            + target * (close - market.fill_px[t]) * point
            - cost
        )
        lots = target
        account.end_session(FIRST_SESSION + timedelta(days=t), float(net), lots, close, told.trips)
        told.pnl.append(float(net))
        told.cost.append(cost)
        told.lots.append(lots)
        wish = _target(float(forecasts[t]), lots, account.equity, close, sigma, market.adv_lots[t], rules)
        reduces = abs(wish) <= abs(lots) and wish * lots >= 0
        target = wish if reduces or not account.is_halted else lots
    return told


def _cost_usd(market: Market, p: int, t: int, qty: int, rules: Rules) -> float:
    close = Decimal(float(market.close_px[p])) or Decimal(1)
    per_lot_px = predicted_slippage_px(
        2 * Decimal(float(market.half_spread_px[t])),
        close,
        Decimal(float(market.sigma_px[p])) / abs(close),
        qty,
        int(market.adv_lots[p]),
        Decimal(rules.impact_y),
    )
    return qty * (float(per_lot_px) * rules.usd_per_point + rules.commission_usd)


def _target(
    forecast: float, lots: int, equity: float, close: float, sigma: float, adv: float, rules: Rules
) -> int:
    if close == 0:
        wished = 0
    else:
        wished = target_lots(
            Decimal(forecast),
            Decimal(equity),
            Decimal(sigma) / abs(Decimal(close)),
            Decimal(close),
            Decimal(rules.usd_per_point),
            Decimal(rules.vol_target_year),
            Decimal(rules.position_fraction),
            int(adv),
            Decimal(rules.adv_fraction),
        )
    return reachable_target(wished, lots, int(adv), Decimal(rules.adv_fraction))


class _Account:
    """Equity and the persisted breakers, moved as the desk moves them at the end of a session."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.equity = self.peak = rules.capital_usd
        self.statuses: dict[str, BreakerStatus] = {}
        self.is_halted = False
        self.limits = BreakerLimits(
            daily_loss=Decimal(rules.daily_loss),
            drawdown=Decimal(rules.drawdown),
            position=Decimal(rules.position),
            trade_loss=Decimal("-0.99"),
            daily_loss_cooldown=int(rules.daily_loss_cooldown),
            drawdown_cooldown=int(rules.drawdown_cooldown),
            position_cooldown=int(rules.position_cooldown),
        )

    def end_session(self, on: date, net: float, lots: int, close: float, trips: dict[str, int]) -> None:
        opened = self.equity
        self.equity += net
        self.peak = max(self.peak, self.equity)
        values = self._values(opened, lots, close)
        tripped = evaluate(values, self.limits, self.statuses, on)
        for move in tripped:
            trips[str(move.breaker)] += 1
        self._record(tripped)
        # a backtest has no person to wait for: the acknowledgement comes with the trip
        self._record(acknowledge(Breaker.DRAWDOWN, self.statuses, self.limits, by="backtest"))
        moves = period_end(self.statuses, self.limits, on)
        self._record(moves)
        if restarts_peak(moves):
            self.peak = self.equity
        too_large = values.position is not None and _is_too_large(values, self.limits)
        self.is_halted = too_large or any(one.state != "ACTIVE" for one in self.statuses.values())

    def _values(self, opened: float, lots: int, close: float) -> BreakerValues:
        return breaker_values(
            equity_usd=Decimal(self.equity),
            equity_open_usd=Decimal(opened),
            equity_peak_usd=Decimal(self.peak),
            worst_trade_usd=Decimal(0),
            exposures={CON_ID: Exposure(lots, lots)},
            marks={CON_ID: Decimal(close)},
            usd_per_point={CON_ID: Decimal(self.rules.usd_per_point)},
        )

    def _record(self, moves: list[BreakerMoved]) -> None:
        for move in moves:
            self.statuses[move.breaker] = BreakerStatus(
                state=move.state, cooldown_left=move.cooldown_left, period=move.period
            )


def _is_too_large(values: BreakerValues, limits: BreakerLimits) -> bool:
    assert values.position is not None
    return breached(Breaker.POSITION, values.position, limits)
