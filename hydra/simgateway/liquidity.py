"""How much of a symbol's trading one expiry sees on a day, and what that does to the crowd around it."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from hydra.simgateway.calibration import Calibration, calibration
from hydra.simgateway.contracts import SimContract, active_contract, liquidity_rank, roll_on

_RAMP_UP_DAYS: Final = 45
_RAMP_DOWN_DAYS: Final = 8
# How the crowd thins as the share falls (measured against the share of empty hours along the curve).
_MAKERS_EXPONENT: Final = 0.2
_REFRESH_EXPONENT: Final = -0.2
_WIDTH_EXPONENT: Final = -0.12
_NIGHT_MAKERS: Final = 0.6
_NIGHT_REFRESH: Final = 2.0
_RETREAT_LOTS_PER_HOUR: Final = 400.0
_RETREATS_PER_HOUR_MAX: Final = 6.0


@dataclass(frozen=True, slots=True)
class Liquidity:
    """The crowd of one expiry in one session: how many makers, how wide, how fast, how often all retreat."""

    makers: int
    half_spread_ticks: float
    refresh_s: float
    retreats_per_hour: float


@lru_cache(maxsize=16384)
def volume_share(contract: SimContract, on: date) -> float:
    """The expiry's share of the active contract's volume: ramps up before the roll into it, decays after."""
    cal = calibration(contract.symbol)
    rank = liquidity_rank(contract, on)
    if rank < 0:
        gone = (on - roll_on(contract)).days
        return float(cal.expiring_share ** min(1.0, (gone + 1) / _RAMP_DOWN_DAYS))
    if rank == 1:
        ahead = (roll_on(active_contract(contract.symbol, on)) - on).days
        return float(cal.curve_share[1] ** min(1.0, (ahead + 1) / _RAMP_UP_DAYS))
    known = cal.curve_share[min(rank, len(cal.curve_share) - 1)]
    return known * 0.5 ** max(0, rank - len(cal.curve_share) + 1)


def liquidity(cal: Calibration, share: float, *, night: bool) -> Liquidity:
    """The crowd for a volume share, thinner and slower at night."""
    makers = cal.makers * share**_MAKERS_EXPONENT * (_NIGHT_MAKERS if night else 1.0)
    return Liquidity(
        makers=max(1, round(makers)),
        half_spread_ticks=cal.half_spread * share**_WIDTH_EXPONENT * (cal.night_width if night else 1.0),
        refresh_s=cal.refresh_s * share**_REFRESH_EXPONENT * (_NIGHT_REFRESH if night else 1.0),
        retreats_per_hour=min(_RETREATS_PER_HOUR_MAX, _RETREAT_LOTS_PER_HOUR / (cal.adv * share)),
    )
