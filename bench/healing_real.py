"""The same rules on real series: second-nearby closes with roll days removed, one long life each.

No fills, so no cost channel; costs are the markets' usual half spreads. Differences to never healing have
stationary-bootstrap intervals (blocks of 63 days, 2,000 draws).
"""

import csv
import itertools
from datetime import date
from pathlib import Path

import numpy as np

from bench.healing_table import YEAR
from bench.healing_worlds import (
    ARMS,
    BASE,
    HALF_SPREAD,
    SPANS,
    T8,
    T16,
    _forecasts,
    _markets,
    playbook,
    white_noise,
)
from hydra.research.bootstrap import interval, resampled_sharpes
from hydra.research.features import trend
from hydra.research.filters import deviation_before
from hydra.research.heal import RULES, Arms
from hydra.research.heal.replay import replay, research_rules, shadow

SERIES = {"ZO": "quandl_chris2_ZO.csv", "HE": "quandl_chris2_HE.csv"}
MONTHS = {"ZO": (3, 5, 7, 9, 12), "HE": (2, 4, 5, 6, 7, 8, 10, 12)}
SINCE, WARM = date(1997, 1, 1), 760
BLOCK, DRAWS = 63.0, 2000


def returns(folder: Path, symbol: str) -> dict[date, float]:
    """Daily simple returns by date, 0 on the day the series changes contract."""
    with (folder / SERIES[symbol]).open(newline="", encoding="utf-8") as file:
        rows = {date.fromisoformat(row["date"]): float(row["close"] or "nan") for row in csv.DictReader(file)}
    closes = [(on, close) for on, close in sorted(rows.items()) if close > 0]
    rolls = roll_days([on for on, _ in closes], symbol)
    return {
        on: 0.0 if on in rolls else close / before - 1
        for (_, before), (on, close) in itertools.pairwise(closes)
        if on >= SINCE
    }


def roll_days(days: list[date], symbol: str) -> set[date]:
    """The first session after the front contract's last: ZO's is before the 15th, HE's the month's tenth."""
    rolls = set()
    for (_, month), group in itertools.groupby(days, key=lambda on: (on.year, on.month)):
        of_month = list(group)
        if month not in MONTHS[symbol]:
            continue
        after = [on for on in of_month if on.day >= 15] if symbol == "ZO" else of_month[10:]
        rolls.update(after[:1])
    return rolls


def measure_real(folder: Path, policies: tuple[str, ...]) -> dict[str, dict[str, dict[str, object]]]:
    """{policy: {"ZO T8": figures}} for ZO, HE and both, with two champions."""
    series = {symbol: returns(folder, symbol) for symbol in SERIES}
    table: dict[str, dict[str, dict[str, object]]] = {name: {} for name in policies}
    for champion in (T8, T16):
        for symbols in (("ZO",), ("HE",), ("ZO", "HE")):
            days = sorted(set.intersection(*(set(series[symbol]) for symbol in symbols)))
            r = np.array([[series[symbol][on] for on in days] for symbol in symbols])
            label = f"{'+'.join(symbols)} {ARMS[champion]}"
            for name, row in _lived(r, symbols, champion, policies).items():
                table[name][label] = row
    return table


def _lived(
    r: np.ndarray, symbols: tuple[str, ...], champion: int, policies: tuple[str, ...]
) -> dict[str, dict[str, object]]:
    known = deviation_before(r, 36)
    s = np.concatenate((known[:, 1:], known[:, -1:]), axis=1)
    s = np.maximum(s, 1e-4)
    z = np.divide(r, known, out=np.zeros_like(r), where=known > 1e-4)
    price = np.cumsum(z, axis=1)
    signals = np.stack([trend(price, fast, slow) for fast, slow in SPANS], axis=2)
    order = [list(SERIES).index(symbol) for symbol in symbols]
    spread = np.tile(np.array(HALF_SPREAD)[order], (r.shape[1], 1, 1))
    rules = research_rules(len(symbols))
    forecasts = _forecasts(r[None], s[None], price[None], signals[None])
    markets = _markets(r[None], s[None], spread)
    shadows = shadow(markets, forecasts, np.full((r.shape[1], 1, len(symbols)), np.nan), rules)
    arms = _arms(champion, spread[0], np.array(BASE)[order][None])
    found = {}
    never = replay(RULES["never"], arms, shadows, WARM, rules).pnl[0]
    for name in policies:
        pnl = replay(RULES[name], arms, shadows, WARM, rules).pnl[0]
        found[name] = _row(pnl, never)
    return found


def _arms(champion: int, spread: np.ndarray, base: np.ndarray) -> Arms:
    noise, n = white_noise(50_000), spread.shape[1]
    prior, variants = playbook(np.array([champion]))
    cost = (spread / base / np.sqrt(n))[:, :, None] * noise.turnover
    return Arms(np.array([champion]), prior, variants, 0 * cost, cost, np.zeros((1, n, 250)))


def _row(pnl: np.ndarray, never: np.ndarray) -> dict[str, object]:
    paths = resampled_sharpes(np.column_stack((pnl, never)), DRAWS, BLOCK, 1) * YEAR
    own = [float(one.mean() / one.std()) * YEAR for one in (pnl, never)]
    equity = np.concatenate(([0.0], np.cumsum(pnl))) / YEAR
    return {
        "sharpe": (own[0], *interval(paths[:, 0])),
        "delta_sharpe": (own[0] - own[1], *interval(paths[:, 0] - paths[:, 1])),
        "max_drawdown": float((np.maximum.accumulate(equity) - equity).max()),
        "years": pnl.size / 252,
    }
