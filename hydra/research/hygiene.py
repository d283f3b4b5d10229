"""What a new candidate must show before it enters the book, and the evidence that is kept beside it.

Walk-forward with purge and embargo, costs, capacity, no breaker tripped at the weight it enters with. None of
it asks whether the candidate is better: daily P&L cannot say that within years (docs/healing.md). The p-value
against its parent, the deflated Sharpe ratio and the fitness are journalled and shown; they rank, they do not
decide.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hydra.research.book import CHALLENGER_PRIOR_MAX
from hydra.research.candidate import EMBARGO_BARS, LABEL_BARS, folds
from hydra.research.filters import Floats
from hydra.research.fitness import Fitness, Metrics, fitness
from hydra.research.heal.replacement import deflated
from hydra.research.heal.rule import DAYS_PER_YEAR, YEAR
from hydra.research.healing import CLAIM_SHARPE, traded_alone
from hydra.research.kernel import CONTINUOUS_LOT, Market, Rules, of_columns, run
from hydra.research.panel import Panel, latest
from hydra.research.sharpe import spa_p

FOLDS_MIN = 3
COST_SHARPE_MAX = CLAIM_SHARPE
CAPACITY_MIN = 0.25
KERNEL_YEAR_ROOT = 16.0
SPA_DRAWS = 999
RECENT_DAYS = 1008
"""Capacity and breakers are asked of the last four years: the markets that the candidate would enter."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Experiments ever made, this one included, and the variance of their daily Sharpe ratios."""

    count: int
    variance: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What the account would trade a candidate at: its capital, and the believed Y of each instrument."""

    capital_usd: float
    impact_y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The evidence of one candidate; `refusals` are the rules it did not pass, in words."""

    metrics: Metrics
    fitness: Fitness
    p_value: float
    deflated_sharpe: float
    refusals: tuple[str, ...]
    figures: dict[str, float]


def judged(
    panel: Panel,
    walked: Floats,
    parent: Floats,
    *,
    parameters: int,
    terms: Terms,
    trials: Trials,
    seed: int,
) -> Judged:
    """The candidate's walk-forward forecasts [T, N] (NaN where untested) beside its parent's [T, N]."""
    tested = np.isfinite(walked).min(axis=1)
    spans = [(start, end) for start, end in folds(len(panel.days)) if tested[start:end].all()]
    if len(spans) < FOLDS_MIN:
        return _untested(len(spans), parameters)
    said = np.where(np.isfinite(walked), walked, 0.0)
    first, last = spans[0][0], spans[-1][1]
    both, costs = (
        one.sum(axis=1)[first:last] for one in traded_alone(panel, np.stack((said, parent), axis=2))
    )
    net, own = np.ascontiguousarray(both.T)
    # nothing about a position depends on its cost here, so that dearer execution is so much more of it
    dear = net - 0.5 * costs[:, 0]
    metrics = Metrics(
        sharpe=_sharpe_year(net),
        drawdown=_drawdown(net),
        calibration_slope=_calibration(panel, said, first, last),
        robustness=float(np.mean([net[start - first : end - first].sum() > 0 for start, end in spans])),
        slippage_adjusted_return=float(dear.mean()) * DAYS_PER_YEAR / YEAR,
        parameters=parameters,
    )
    cost = float(costs[:, 0].mean()) * YEAR
    recent = np.ascontiguousarray(said[-RECENT_DAYS:])
    late = latest(panel, RECENT_DAYS)
    capacity, trips = _capacity(late, recent, terms), _trips(late, recent, terms)
    value = fitness(metrics)
    return Judged(
        metrics=metrics,
        fitness=value,
        p_value=spa_p((net - own)[:, None], SPA_DRAWS, seed=seed),
        deflated_sharpe=deflated(net, trials.count, trials.variance),
        refusals=tuple(_refusals(cost, capacity, trips)),
        figures={
            **{name: float(one) for name, one in asdict(metrics).items() if math.isfinite(one)},
            "days_tested": float(net.size),
            "folds": float(len(spans)),
            "purge_bars": float(LABEL_BARS),
            "embargo_bars": float(EMBARGO_BARS),
            "cost_sharpe": cost,
            "capacity": capacity,
            "breaker_trips": float(trips),
            "parent_sharpe": _sharpe_year(own),
            "trials": float(trials.count),
            "trial_variance": trials.variance,
            "capital_usd": terms.capital_usd,
            **{f"impact_y_{one}": y for one, y in zip(panel.symbols, terms.impact_y, strict=True)},
        },
    )


def _refusals(cost: float, capacity: float, trips: int) -> Sequence[str]:
    found = []
    if cost > COST_SHARPE_MAX:
        found.append(f"COSTS: they take {cost:.2f} Sharpe a year, at most {COST_SHARPE_MAX}")
    if capacity < CAPACITY_MIN:
        found.append(f"CAPACITY: the caps leave {capacity:.0%} of its position, at least {CAPACITY_MIN:.0%}")
    if trips:
        found.append(f"BREAKERS: {trips} tripped at the weight it would enter with")
    return found


def _untested(count: int, parameters: int) -> Judged:
    nothing = Metrics(math.nan, math.nan, math.nan, math.nan, math.nan, parameters)
    refusal = f"WALK_FORWARD: {count} whole tests, at least {FOLDS_MIN} are needed"
    return Judged(nothing, fitness(nothing), 1.0, 0.0, (refusal,), {"folds": float(count)})


def _sharpe_year(pnl: Floats) -> float:
    spread = float(pnl.std(ddof=1)) if pnl.size > 1 else 0.0
    return float(pnl.mean()) / spread * YEAR if spread > 0 else 0.0


def _drawdown(pnl: Floats) -> float:
    """The deepest fall from a peak, in yearly volatility targets."""
    path = np.concatenate(([0.0], np.cumsum(pnl)))
    return float((np.maximum.accumulate(path) - path).max()) / YEAR


def _calibration(panel: Panel, said: Floats, first: int, last: int) -> float:
    """What followed per unit of forecast, over what the claimed Sharpe ratio would make of it; 1 = honest."""
    moved = np.diff(panel.close, axis=0)
    sigma = panel.sigma[:-1]
    standard = np.divide(moved, sigma, out=np.zeros_like(moved), where=sigma > 0)[first : last - 1]
    told = said[first : last - 1]
    square = float((told**2).mean())
    if square <= 0:
        return 0.0
    slope = float((told * standard).mean()) / square
    promised = CLAIM_SHARPE / (YEAR * math.sqrt(told.shape[1] * square))
    return slope / promised


def _rules(panel: Panel, at: int, terms: Terms, **changes: float) -> Rules:
    """The account's own rules for one instrument of the book, its volatility target shared out."""
    target = 0.10 / math.sqrt(len(panel.symbols))
    rules = Rules(terms.capital_usd, panel.listed[at].usd_per_point, vol_target_year=target)
    return rules._replace(compounding=0.0, impact_y=terms.impact_y[at], **changes)


def _market(markets: Floats, at: int) -> Market:
    return Market(*np.ascontiguousarray(markets[:, 0, at].T))


def _capacity(panel: Panel, said: Floats, terms: Terms) -> float:
    """Risk held in whole lots within the caps over risk wanted without them, all instruments together."""
    held = wanted = 0.0
    off = {"daily_loss": -math.inf, "drawdown": -math.inf, "position": math.inf}
    markets = panel.markets
    for at in range(len(panel.symbols)):
        rules = _rules(panel, at, terms, **off)
        lots = run(_market(markets, at), of_columns(said[:, at : at + 1]), rules).lots[:, 0]
        held += float((np.abs(lots) * panel.sigma[:, at]).sum()) * rules.usd_per_point
        # one unit of forecast is the daily volatility target, however many lots that are
        sized = np.abs(said[:-1, at][panel.sigma[:-1, at] > 0])
        wanted += float(sized.sum()) * rules.vol_target_year / KERNEL_YEAR_ROOT * terms.capital_usd
    return held / wanted if wanted > 0 else 0.0


def _trips(panel: Panel, said: Floats, terms: Terms) -> int:
    """Breakers tripped on the way at the weight a challenger may have on entry."""
    small = said * CHALLENGER_PRIOR_MAX
    trips, markets = 0, panel.markets
    for at in range(len(panel.symbols)):
        one = of_columns(np.ascontiguousarray(small[:, at : at + 1]))
        rules = _rules(panel, at, terms, lot=CONTINUOUS_LOT)
        trips += int(run(_market(markets, at), one, rules).trips.sum())
    return trips
