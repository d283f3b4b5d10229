"""What came of a rule over many worlds: each figure with its Monte Carlo interval."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

YEAR = math.sqrt(252)
Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Lived:
    """One policy in W worlds of one scenario, per live day [W, D], and where each world broke."""

    pnl: np.ndarray
    never: np.ndarray
    oracle: np.ndarray
    cost: np.ndarray
    share: np.ndarray
    promoted: np.ndarray
    champion: np.ndarray
    broken: np.ndarray
    right: np.ndarray
    """[W]: the arm that is right after the break in every instrument; -1 where there is none."""
    breaks: bool


def figures(lived: Lived, seed: int = 1) -> dict[str, object]:
    """The row of the table: every value with its 95 % interval, None where it has no meaning."""
    sharpe = _sharpes(lived.pnl)
    row: dict[str, object] = {
        "false_promotions_per_year": _rate(lived),
        "sharpe": _mean(sharpe),
        "delta_sharpe": _mean(sharpe - _sharpes(lived.never)),
        "cost_per_year": float(lived.cost.mean() * 252 / YEAR),
        "max_drawdown": float(np.mean(_drawdown(lived.pnl))),
        "max_drawdown_never": float(np.mean(_drawdown(lived.never))),
        "recovery": None,
        "detection_days": None,
        "detected_in_a_year": None,
        "below_at_break": None,
        "right_leads": None,
    }
    if lived.breaks:
        days, below = _detection(lived)
        row["recovery"] = _recovery(lived, seed)
        row["detection_days"] = float(np.median(days)) if days.size and np.isfinite(np.median(days)) else None
        row["detected_in_a_year"] = float((days <= 252).mean()) if days.size else None
        row["below_at_break"] = below
        after = np.arange(lived.pnl.shape[1]) >= lived.broken[:, None]
        row["right_leads"] = float(((lived.champion == lived.right[:, None]) & after).any(axis=1).mean())
    return row


def _sharpes(pnl: np.ndarray) -> np.ndarray:
    deviation = pnl.std(axis=1)
    return YEAR * np.divide(pnl.mean(axis=1), deviation, out=np.zeros(len(pnl)), where=deviation > 0)


def _drawdown(pnl: np.ndarray) -> np.ndarray:
    equity = np.cumsum(pnl, axis=1) / YEAR
    peak = np.maximum.accumulate(np.maximum(equity, 0.0), axis=1)
    return (peak - equity).max(axis=1)


def _mean(values: np.ndarray) -> Interval:
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(values.size)
    mean = float(values.mean())
    return mean, mean - half, mean + half


def _rate(lived: Lived) -> Interval:
    """Changes of champion per year while the champion is right: before the break, or for ever without one.

    Exact Poisson limits for few events; over worlds for many, which come in clusters.
    """
    days = np.arange(lived.pnl.shape[1])
    counted = days < lived.broken[:, None] if lived.breaks else np.ones_like(lived.promoted)
    events = (lived.promoted & counted).sum(axis=1)
    years = counted.sum(axis=1) / 252
    total, span = int(events.sum()), float(years.sum())
    if total < 50:
        low = float(chi2.ppf(0.025, 2 * total)) / 2 if total else 0.0
        return total / span, low / span, float(chi2.ppf(0.975, 2 * total + 2)) / 2 / span
    rate = total / span
    half = 1.96 * float((events - rate * years).std(ddof=1)) * math.sqrt(events.size) / span
    return rate, rate - half, rate + half


def _recovery(lived: Lived, seed: int) -> Interval | None:
    """(policy − never) / (oracle − never) after the break, ratio of means, bootstrapped over worlds."""
    after = np.arange(lived.pnl.shape[1]) >= lived.broken[:, None]
    gained = ((lived.pnl - lived.never) * after).sum(axis=1)
    possible = ((lived.oracle - lived.never) * after).sum(axis=1)
    if abs(possible.mean()) < 1e-9:
        return None
    picks = np.random.default_rng(seed).integers(0, gained.size, (2000, gained.size))
    ratios = gained[picks].sum(axis=1) / possible[picks].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(gained.sum() / possible.sum()), float(low), float(high)


def _detection(lived: Lived) -> tuple[np.ndarray, float]:
    """Days from the break to the champion at half size or less, infinite for never; not if already there."""
    days = np.arange(lived.pnl.shape[1])
    # the share of a day was decided on the day before: what the break's own day taught counts as day 1
    low = lived.share <= 0.5 + 1e-12
    at_break = low[np.arange(len(low)), lived.broken]
    found = low & (days > lived.broken[:, None])
    first = np.where(found.any(axis=1), found.argmax(axis=1) - lived.broken, np.inf)
    return first[~at_break], float(at_break.mean())
