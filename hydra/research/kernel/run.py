"""The backtest of many candidates on one market, over one or more cores."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hydra.research.kernel.compiled import LANES, fresh, sweep
from hydra.research.kernel.rules import Candidates, Floats, Ints, Market, Paths, Rules

Number = TypeVar("Number", np.float64, np.int64)


def run(market: Market, candidates: Candidates, rules: Rules, threads: int = 1) -> Paths:
    """Every candidate's whole path: P&L, cost and lots per bar, and how often each breaker tripped.

    Pure and independent of `threads`. ValueError where signals and market differ in bars.
    """
    blocks = _Blocks(market, candidates, rules, keeps=True)
    blocks.sweep(threads)
    return Paths(
        blocks.pnl[:, : candidates.count],
        blocks.cost[:, : candidates.count],
        blocks.lots[:, : candidates.count],
        blocks.trips[:, : candidates.count].T,
    )


def pnl_paths(
    market: Market, candidates: Candidates, rules: Rules, threads: int = 1, out: Floats | None = None
) -> Floats:
    """Every candidate's net dollars a day, [T, K]: `run` without what a search does not look at.

    `out`, [T, K rounded up to 32], is written and returned instead of new memory, which costs a sixth of the
    time of a sweep and is handed out by the system to one thread after the other: for a search that is done
    with one market when it comes to the next. ValueError where its shape is another.
    """
    blocks = _Blocks(market, candidates, rules, keeps=False, out=out)
    blocks.sweep(threads)
    return blocks.pnl[:, : candidates.count]


class _Blocks:
    """Candidates packed into blocks of 32, the last one filled up with candidates that never trade."""

    def __init__(
        self,
        market: Market,
        candidates: Candidates,
        rules: Rules,
        keeps: bool,
        out: Floats | None = None,
    ) -> None:
        bars = market.close_px.size
        if candidates.signals.shape[0] != bars:
            raise ValueError(f"{candidates.signals.shape[0]} bars of signals, {bars} of prices")
        self.count = candidates.count
        self.blocks = -(-self.count // LANES)
        self.rules = Rules(*(float(one) for one in rules))
        self.market = np.column_stack(
            (market.fill_px, market.close_px, market.sigma_px, market.half_spread_px, market.adv_lots)
        ).astype(np.float64)
        self.signals = np.ascontiguousarray(candidates.signals, dtype=np.float64)
        self.columns = self._packed(np.stack((candidates.first, candidates.second)).astype(np.int64))
        self.weights = self._packed(np.stack((candidates.weight_1, candidates.weight_2)).astype(np.float64))
        self.state = fresh(self.blocks, self.rules.capital_usd)
        width = self.blocks * LANES
        kept = bars if keeps else 0
        self.pnl = np.empty((bars, width)) if out is None else out
        if self.pnl.shape != (bars, width):
            raise ValueError(f"out is {list(self.pnl.shape)}, not [{bars}, {width}]")
        self.cost, self.lots = np.empty((kept, width)), np.empty((kept, width))
        self.trips: Ints = np.zeros((3 if keeps else 0, width), dtype=np.int64)

    def sweep(self, threads: int) -> None:
        """The caller's thread works, too; each takes what is left next, for cores are not equally fast."""
        parts = 4 * threads if threads > 1 else 1
        ends = [self.blocks * part // parts for part in range(parts + 1)]
        left = iter(list(itertools.pairwise(ends)))

        def work() -> None:
            for first, end in left:
                self._some(first, end)

        if threads <= 1:
            work()
            return
        with ThreadPoolExecutor(threads - 1) as pool:
            others = [pool.submit(work) for _ in range(threads - 1)]
            work()
            for other in others:
                other.result()

    def _some(self, first: int, end: int) -> None:
        sweep(
            first,
            end,
            self.state,
            self.market,
            self.signals,
            self.columns,
            self.weights,
            self.rules,
            self.pnl,
            self.cost,
            self.lots,
            self.trips,
        )

    def _packed(self, values: NDArray[Number]) -> NDArray[Number]:
        """[2, K] as [blocks, 2, 32]."""
        padded = np.zeros((2, self.blocks * LANES), dtype=values.dtype)
        padded[:, : self.count] = values
        return np.ascontiguousarray(padded.reshape(2, self.blocks, LANES).transpose(1, 0, 2))
