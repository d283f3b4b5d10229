"""The compiled backtest: `run` and `pnl_paths` over a `Market`, `Candidates` and `Rules`."""

from hydra.research.kernel.rules import (
    CONTINUOUS_LOT,
    Candidates,
    Market,
    Paths,
    Rules,
    of_columns,
    without_breakers,
)
from hydra.research.kernel.run import pnl_paths, run

__all__ = [
    "CONTINUOUS_LOT",
    "Candidates",
    "Market",
    "Paths",
    "Rules",
    "of_columns",
    "pnl_paths",
    "run",
    "without_breakers",
]
