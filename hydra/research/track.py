"""The champion's record on one instrument, out of the shadow, the account's fills and the sessions' plans."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from hydra.research import features
from hydra.research.filters import Floats
from hydra.research.heal.replacement import deflated
from hydra.research.healing import Arena
from hydra.research.hygiene import Trials
from hydra.research.impact import Calibration
from hydra.research.observation import Track
from hydra.research.series_checks import check_bars

LOG_RATIO_MIN = 0.05
"""A day that cost less than a twentieth of what was predicted counts as one that cost that much."""
RECENT_FILL_DAYS = 63
FEATURES = ("trend_8_32", "trend_16_64", "breakout_80", "reversion_10")


@dataclass(frozen=True, slots=True)
class Account:
    """What the account did in one instrument: fills as the ledger's view tells them, targets by session."""

    fills: Sequence[Mapping[str, Any]]
    targets: Mapping[date, int]
    capital_usd: float
    breaks: Sequence[str] = ()
    impact: Calibration = field(default_factory=Calibration)


def slippage_days(
    panel_days: Sequence[date], fills: Sequence[Mapping[str, Any]], symbols: Sequence[str]
) -> Floats:
    """[T, N] ln(measured / predicted slippage) of each traded day, NaN where nothing was traded."""
    row_of = {on: row for row, on in enumerate(panel_days)}
    sums = np.zeros((2, len(panel_days), len(symbols)))
    for one in fills:
        row = row_of.get(date.fromisoformat(str(one["session_on"])))
        if row is None or one["symbol"] not in symbols or one["slippage_bps"] is None:
            continue
        at = symbols.index(one["symbol"])
        sums[0, row, at] += one["qty"] * float(one["slippage_bps"])
        sums[1, row, at] += one["qty"] * float(one["predicted_slippage_bps"])
    out = np.full(sums.shape[1:], np.nan)
    traded = sums[1] > 0
    out[traded] = np.log(np.maximum(sums[0][traded] / sums[1][traded], LOG_RATIO_MIN))
    return out


def track_of(arena: Arena, leader: str, at: int, since: date, account: Account, trials: Trials) -> Track:
    """The record of one instrument up to the panel's end; `since`: the first session the champion led."""
    panel = arena.panel
    arm = arena.ids.index(leader)
    first = min(panel.row(since) + 1, len(panel.days)) if since > panel.days[0] else 1
    first = max(first - 1 if panel.days[max(first - 1, 0)] == since else first, 1)
    net, gross = _shadow(arena, arm, at)
    live_gross, live_cost, kernel = _live(arena, at, first, account, net, gross)
    logs, recent = _log_slippage(account.fills, panel.days[-1])
    changes = features.standardised(np.diff(panel.close[:, at], prepend=panel.close[:1, at]))
    price = features.normalised_price(panel.close[:, at])
    return Track(
        instrument=panel.symbols[at],
        on=panel.days[-1],
        changes=changes,
        raw_changes=np.diff(panel.close[:, at], prepend=panel.close[:1, at]),
        forecasts=arena.forecasts[:, at, arm],
        features=dict(
            zip(
                FEATURES,
                (
                    features.trend(price, 8, 32),
                    features.trend(price, 16, 64),
                    features.breakout(price, 80),
                    features.mean_reversion(price, 10),
                ),
                strict=True,
            )
        ),
        live_gross=live_gross,
        kernel_gross=kernel,
        live_cost=live_cost,
        claimed=net[:first],
        claimed_deflated_sharpe=deflated(net[:first], trials.count, trials.variance) if first > 20 else 0.0,
        log_slippage=logs,
        recent_fills=recent,
        data_findings=check_bars(panel.bars[at], expected_last=panel.days[-1]),
        breaks=tuple(account.breaks),
        impact=account.impact,
    )


def _shadow(arena: Arena, arm: int, at: int) -> tuple[Floats, Floats]:
    """(net, gross) of one arm in one instrument, in the book's daily volatility targets, [T]."""
    net = np.ascontiguousarray(arena.net[:, at, arm])
    return net, net + arena.paid[:, at, arm]


def _live(
    arena: Arena, at: int, first: int, account: Account, net: Floats, gross: Floats
) -> tuple[Floats, Floats, Floats]:
    """(gross, cost, the kernel's gross) of the live days; the shadow's own where the account never traded."""
    if not account.fills:
        return gross[first:], (gross - net)[first:], gross[first:]
    panel = arena.panel
    close, days = panel.close[:, at], panel.days
    unit = account.capital_usd * 0.10 / 16.0 / panel.listed[at].usd_per_point
    raw = {bar.on: float(bar.close_px) for bar in panel.bars[at]}
    lots = want = 0
    rows: list[tuple[float, float, float]] = []
    by_day: dict[str, list[Mapping[str, Any]]] = {}
    for one in account.fills:
        by_day.setdefault(str(one["session_on"]), []).append(one)
    for row in range(first, len(days)):
        moved = float(close[row] - close[row - 1])
        earned, planned, cost = lots * moved, want * moved, 0.0
        target = account.targets.get(days[row], want)
        for one in by_day.get(days[row].isoformat(), ()):
            signed = one["qty"] * (1 if one["side"] == "BUY" else -1)
            mid = float(one["mid_px"])
            after = raw.get(days[row], mid) - mid
            earned += signed * after
            planned += signed * after
            lots += signed
            cost += signed * (float(one["px"]) - mid)
            cost += float(one["commission_usd"] or 0) / panel.listed[at].usd_per_point
        want = target
        rows.append((earned / unit, cost / unit, planned / unit))
    columns = np.array(rows).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def _log_slippage(fills: Sequence[Mapping[str, Any]], until: date) -> tuple[Floats, int]:
    """ln(measured / predicted) of every fill in time order, and how many of them are recent."""
    logs, recent = [], 0
    for one in fills:
        predicted, measured = one["predicted_slippage_bps"], one["slippage_bps"]
        if measured is None or not float(predicted) > 0:
            continue
        logs.append(math.log(max(float(measured) / float(predicted), LOG_RATIO_MIN)))
        recent += (until - date.fromisoformat(str(one["session_on"]))).days <= RECENT_FILL_DAYS
    return np.array(logs, dtype=np.float64), recent
