"""How many lots: Kelly, volatility target and the caps; an outcome is whole lots, or a Decimal.

Kelly (1956); continuous form and the chance of a fall after Thorp (2006). Caps always round toward zero.
"""

from decimal import ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final

from hydra.risk.limits import InstrumentLimits

SESSIONS_PER_YEAR: Final = 256
KELLY_SHARE: Final = Decimal("0.5")
KELLY_CAP: Final = Decimal("0.10")
FORECAST_MAX: Final = Decimal(2)


def kelly(win_probability: Decimal, payoff: Decimal) -> Decimal:
    """The growth-optimal fraction (p b - q) / b of a bet that wins `payoff` = average win / average loss.

    For a short, `win_probability` is that of a fall. Negative when the bet loses on average.
    """
    if not (0 <= win_probability <= 1 and payoff > 0):
        raise ValueError(f"needs 0 ≤ p ≤ 1 and a payoff above zero, not {win_probability}, {payoff}")
    return (win_probability * payoff - (1 - win_probability)) / payoff


def kelly_continuous(mean: Decimal, sigma: Decimal) -> Decimal:
    """The growth-optimal leverage mean / sigma² of a return with that mean and deviation per period."""
    if not sigma > 0:
        raise ValueError(f"needs a deviation above zero, not {sigma}")
    return mean / (sigma * sigma)


def fractional_kelly(optimal: Decimal, share: Decimal = KELLY_SHARE, cap: Decimal = KELLY_CAP) -> Decimal:
    """The part of equity to risk: a share of the optimum up to a cap; zero where there is no edge."""
    return min(share * optimal, cap) if optimal > 0 else Decimal(0)


def chance_of_fall_to(fraction: Decimal, share: Decimal) -> Decimal:
    """The chance that equity ever falls to this fraction, betting a share c of Kelly: x^(2/c - 1)."""
    if not (0 < fraction <= 1 and 0 < share <= 2):
        raise ValueError(f"needs 0 < fraction ≤ 1 and 0 < share ≤ 2, not {fraction}, {share}")
    return fraction ** (2 / share - 1)


def volume_cap_lots(adv_lots: int, adv_fraction: Decimal) -> int:
    """The most lots one session may trade of a market this thin."""
    return _floor(adv_fraction * max(adv_lots, 0))


def contracts_for(
    fraction: Decimal,
    capital_usd: Decimal,
    price: Decimal,
    usd_per_point: Decimal,
    *,
    adv_lots: int,
    adv_fraction: Decimal,
    room_lots: int,
) -> int:
    """Lots, never negative, that a fraction of capital buys, within the volume cap and the room left.

    `price` in quoted points of any sign, `room_lots` the smaller of position and margin room.
    """
    by_capital = _lots_worth(fraction * capital_usd, price, usd_per_point)
    return max(min(by_capital, volume_cap_lots(adv_lots, adv_fraction), room_lots), 0)


def target_lots(
    forecast: Decimal,
    equity_usd: Decimal,
    sigma_day: Decimal,
    price: Decimal,
    usd_per_point: Decimal,
    vol_target_year: Decimal,
    max_fraction: Decimal,
    adv_lots: int,
    adv_fraction: Decimal,
) -> int:
    """The signed position whose yearly volatility is forecast × `vol_target_year` of equity, capped.

    `forecast` 1 = the whole target, held within ±2; `sigma_day` the deviation of a day's return, as a
    fraction of |price|; `max_fraction` caps |notional| by equity, `adv_fraction` |lots| by daily volume.
    A missing or senseless input (not a number, no volatility, no value) gives 0: no position is held on it.
    """
    numbers = (forecast, equity_usd, sigma_day, price, usd_per_point, vol_target_year)
    if not all(one.is_finite() for one in numbers):
        return 0
    if min(equity_usd, sigma_day, usd_per_point, vol_target_year) <= 0 or price == 0:
        return 0
    strength = min(abs(forecast), FORECAST_MAX)
    leverage = strength * vol_target_year / (sigma_day * Decimal(SESSIONS_PER_YEAR).sqrt())
    lots = min(
        _lots_worth(leverage * equity_usd, price, usd_per_point),
        _lots_worth(max_fraction * equity_usd, price, usd_per_point),
        volume_cap_lots(adv_lots, adv_fraction),
    )
    return lots if forecast > 0 else -lots


def reachable_target(target: int, position: int, adv_lots: int, adv_fraction: Decimal) -> int:
    """The wished target, or as near to it as one session's volume cap lets the position move.

    An exit to flat is never cut: it is worked in slices, however thin the market; only what would be
    built up on the other side of zero is.
    """
    cap = volume_cap_lots(adv_lots, adv_fraction)
    move = target - position
    if abs(move) <= cap or (position * target >= 0 and abs(target) <= abs(position)):
        return target
    sign = 1 if move > 0 else -1
    capped = position + sign * cap
    return 0 if position * capped > 0 and position * target < 0 else capped


def child_lots_max(price: Decimal, usd_per_point: Decimal, limits: InstrumentLimits) -> int:
    """The largest child the gate lets pass at this price: the planner cuts larger ones, exits too."""
    value = abs(price) * usd_per_point
    if value == 0:
        return limits.order_lots
    return min(limits.order_lots, _lots_worth(limits.order_value_usd, price, usd_per_point))


def _lots_worth(usd: Decimal, price: Decimal, usd_per_point: Decimal) -> int:
    value = abs(price) * usd_per_point
    if not (value.is_finite() and usd.is_finite() and value > 0 and usd > 0):
        return 0
    return int((usd / value).to_integral_value(rounding=ROUND_DOWN))


def _floor(value: Decimal) -> int:
    if not value.is_finite() or value <= 0:
        return 0
    return int(value.to_integral_value(rounding=ROUND_FLOOR))
