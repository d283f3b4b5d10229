"""What the literature on equities says an order costs, to judge the square-root law by; pure numbers.

Almgren, Thum, Hauptmann and Li (2005), "Direct Estimation of Equity Market Impact". Futures have no shares
outstanding: of theirs only the temporary part carries over.
"""

from dataclasses import dataclass
from typing import Final

PERMANENT: Final = 0.314
TEMPORARY: Final = 0.142
TURNOVER_POWER: Final = 0.25
TEMPORARY_POWER: Final = 0.6
_BPS: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Impact:
    """In basis points of price: what stays, what passes, and what the whole order costs on average."""

    permanent_bps: float
    temporary_bps: float

    @property
    def cost_bps(self) -> float:
        return self.permanent_bps / 2 + self.temporary_bps


def almgren(sigma_day: float, share_of_volume: float, days: float, turnover_days: float) -> Impact:
    """An order of that share of a day's volume, worked over so many days, above zero.

    `sigma_day` is the daily volatility of returns, `turnover_days` shares outstanding over a day's volume.
    """
    permanent = PERMANENT * sigma_day * share_of_volume * turnover_days**TURNOVER_POWER
    temporary = TEMPORARY * sigma_day * (abs(share_of_volume) / days) ** TEMPORARY_POWER
    return Impact(_BPS * permanent, _BPS * temporary)


def lots_within(participation: float, others_lots: float) -> float:
    """The most beside others' volume that is at most that share of the whole, its own lots included."""
    if not 0 <= participation < 1:
        raise ValueError(f"a share of the volume is from 0 to below 1, not {participation}")
    return participation / (1 - participation) * others_lots
