"""A rule over W books day by day: shadow-traded arms, the book's own trades, and what came of both."""

from dataclasses import dataclass

import numpy as np

from hydra.research.heal.rule import Arms, Bools, Evidence, Floats, Ints, Rule
from hydra.research.kernel import CONTINUOUS_LOT, Market, Rules, of_columns, run
from hydra.research.kernel.compiled import decide_each, mark_each

SETTLE = 30
"""Sessions traded before the first that counts, so that no rule is charged for building up its position."""


@dataclass(frozen=True, slots=True)
class Shadows:
    """What could be traded: `markets` [T, W, N, 5] (fill, close, sigma, half spread, ADV) and forecasts.

    `forecasts` [T, W, N, K]; `pnl` and `variance` [W, T, K] of the arms over all instruments, net, in units
    of the daily volatility target; `fills` [T, W, N] the ln(measured / predicted slippage) if one trades.
    """

    markets: Floats
    forecasts: Floats
    pnl: Floats
    variance: Floats
    fills: Floats


@dataclass(frozen=True, slots=True)
class Replayed:
    """Per book and counted session [W, D]: net P&L, cost, the old champion's share, and promotions."""

    pnl: Floats
    cost: Floats
    share: Floats
    promoted: Bools
    champion: Ints


def research_rules(instruments: int) -> Rules:
    """Notional in units of the daily volatility target, spread equally: no lots, no caps, no breakers."""
    return Rules(
        capital_usd=1.0,
        usd_per_point=1.0,
        vol_target_year=16.0 / instruments**0.5,
        position_fraction=np.inf,
        adv_fraction=np.inf,
        commission_usd=0.0,
        impact_y=0.0,
        lot=CONTINUOUS_LOT,
        band=0.25,
        compounding=0.0,
        daily_loss=-np.inf,
        drawdown=-np.inf,
        position=np.inf,
    )


def shadow(markets: Floats, forecasts: Floats, fills: Floats, rules: Rules) -> Shadows:
    """Every arm traded alone by the kernel, at the same costs as the book."""
    sessions, books, instruments, count = forecasts.shape
    pnl = np.zeros((books, sessions, count))
    for book in range(books):
        for one in range(instruments):
            market = Market(*np.ascontiguousarray(markets[:, book, one].T))
            pnl[book] += run(market, of_columns(forecasts[:, book, one]), rules).pnl_usd
    squares = (forecasts**2).mean(axis=2).transpose(1, 0, 2)
    variance = np.zeros_like(squares)
    variance[:, 1:] = squares[:, :-1]
    return Shadows(markets, forecasts, pnl, variance, fills)


def replay(rule: Rule, arms: Arms, shadows: Shadows, first: int, rules: Rules) -> Replayed:
    """Trade the book by this rule from session `first` on, to the end."""
    desk = _Desk(shadows, rules)
    state, allocation = rule.begin(arms)
    rows = np.arange(arms.books)
    out = _Record(arms, shadows.pnl.shape[1] - first)
    for t in range(max(first - SETTLE, 1), shadows.pnl.shape[1]):
        net, cost, traded = desk.mark(t)
        if t >= first:
            evidence = Evidence(
                session=t - first + 1,
                pnl=shadows.pnl[:, t],
                variance=shadows.variance[:, t],
                book_pnl=net,
                fills=np.where(traded, shadows.fills[t], np.nan),
                history=shadows.pnl[:, max(t - 503, 0) : t + 1],
            )
            share = allocation.weights[rows, :, arms.champion].mean(axis=1)
            state, allocation = rule.step(arms, state, evidence)
            out.keep(t - first, net, cost, share, allocation.promoted, allocation.champion)
        desk.decide(t, np.einsum("wnk,wnk->wn", allocation.weights, shadows.forecasts[t]))
    return Replayed(out.pnl, out.cost, out.share, out.promoted, out.champion)


def trade(forecasts: Floats, shadows: Shadows, first: int, rules: Rules) -> Floats:
    """Net P&L [W, D] of combined forecasts [T, W, N] that are known beforehand."""
    desk = _Desk(shadows, rules)
    nets = []
    for t in range(max(first - SETTLE, 1), forecasts.shape[0]):
        net, _, _ = desk.mark(t)
        if t >= first:
            nets.append(net)
        desk.decide(t, forecasts[t])
    return np.stack(nets, axis=1)


class _Desk:
    """W x N lanes of the kernel, a day at a time."""

    def __init__(self, shadows: Shadows, rules: Rules) -> None:
        _, self.books, self.instruments, _ = shadows.markets.shape
        lanes = self.books * self.instruments
        self.markets, self.rules = shadows.markets, rules
        self.state = np.zeros((lanes, 7))
        self.state[:, 2:4] = rules.capital_usd
        self.net, self.cost = np.zeros(lanes), np.zeros(lanes)
        self.bars = np.zeros((lanes, 2, 5))

    def mark(self, t: int) -> tuple[Floats, Floats, Bools]:
        """[W] net and cost of session t, and [W, N] what was traded in it."""
        self.bars[:, 0] = self.markets[t - 1].reshape(-1, 5)
        self.bars[:, 1] = self.markets[t].reshape(-1, 5)
        traded = self.state[:, 0] != self.state[:, 1]
        mark_each(self.state, self.bars, self.rules, self.net, self.cost)
        shape = (self.books, self.instruments)
        net, cost = self.net.reshape(shape).sum(axis=1), self.cost.reshape(shape).sum(axis=1)
        return net, cost, traded.reshape(shape)

    def decide(self, t: int, forecasts: Floats) -> None:
        decide_each(self.state, self.bars, self.rules, np.ascontiguousarray(forecasts).ravel())


class _Record:
    def __init__(self, arms: Arms, sessions: int) -> None:
        shape = (arms.books, sessions)
        self.pnl, self.cost, self.share = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.promoted = np.zeros(shape, dtype=np.bool_)
        self.champion: Ints = np.zeros(shape, dtype=np.int64)

    def keep(
        self, day: int, net: Floats, cost: Floats, share: Floats, promoted: Bools, champion: Ints
    ) -> None:
        self.pnl[:, day], self.cost[:, day], self.share[:, day] = net, cost, share
        self.promoted[:, day], self.champion[:, day] = promoted, champion
