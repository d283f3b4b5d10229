"""What is configured before anyone configures anything: paper trading of six thin futures."""

from dataclasses import asdict
from typing import Any, Final, Literal

from hydra.risk.limits import default_limits

# Dollars a quoted point, half-spread with commission in bps of price: ZO and HE as docs/healing.md has them,
# the others from the same source's half-spreads at usual prices.
COSTS: Final = {
    "ZO": (50.0, 52.0), "HE": (400.0, 4.2), "LE": (400.0, 2.0),
    "GF": (500.0, 2.5), "ZR": (2000.0, 20.0), "OJ": (150.0, 60.0),
}  # fmt: skip

Mode = Literal["paper", "live"]

# An expiry is left before IB's close-out deadline for physical delivery (the end of the second business day
# before first notice): about 19 days before the last trade for grains and juice, about 28 for live cattle,
# whose first notice falls on the month's first Monday. Hogs and feeders settle in cash.
FRONT_DAYS: Final = {"LE": 30}

# symbol → IB's exchange code
SYMBOLS: Final = {"ZO": "CBOT", "HE": "CME", "LE": "CME", "GF": "CME", "ZR": "CBOT", "OJ": "NYBOT"}


def shipped_tree(mode: Mode, symbols: tuple[str, ...]) -> dict[str, Any]:
    """The lowest layer: this mode's limits for these symbols, and where each is traded."""
    limits = asdict(default_limits(mode, symbols))
    return {
        "instruments": {symbol: _instrument(symbol, exchange) for symbol, exchange in SYMBOLS.items()},
        "limits": limits,
    }


def _instrument(symbol: str, exchange: str) -> dict[str, object]:
    usd_per_point, cost_bps = COSTS[symbol]
    own = {"front_days_min": FRONT_DAYS[symbol]} if symbol in FRONT_DAYS else {}
    return {"exchange": exchange, "usd_per_point": usd_per_point, "cost_bps": cost_bps, **own}
