"""What is configured before anyone configures anything: paper trading of six thin futures."""

from dataclasses import asdict
from typing import Any, Final, Literal

from hydra.risk.limits import default_limits

Mode = Literal["paper", "live"]

# symbol → IB's exchange code
SYMBOLS: Final = {"ZO": "CBOT", "HE": "CME", "LE": "CME", "GF": "CME", "ZR": "CBOT", "OJ": "NYBOT"}


def shipped_tree(mode: Mode, symbols: tuple[str, ...]) -> dict[str, Any]:
    """The lowest layer: this mode's limits for these symbols, and where each is traded."""
    limits = asdict(default_limits(mode, symbols))
    return {
        "instruments": {symbol: {"exchange": exchange} for symbol, exchange in SYMBOLS.items()},
        "limits": limits,
    }
