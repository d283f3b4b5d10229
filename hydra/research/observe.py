"""What can be seen of one champion on one instrument: tests with their false alarm rates, and plain figures.

The newest `recent_days` are compared with all days before them. Every test is one that finds nothing where
nothing changed but for its stated rate; what each alarm means is for hydra.research.diagnose.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from scipy.special import ndtr, stdtr

from hydra.research.cusum import TRADING_DAYS, cusum
from hydra.research.drift import ADWIN_DELTA, FeatureDrift, adwin_bound, adwin_cut, drift_table
from hydra.research.multiplicity import benjamini_hochberg, holm
from hydra.research.observation import Cause, Evidence, Floats, Levels, Observation, Track
from hydra.research.power import (
    Check,
    cusum_check,
    false_alarms_per_year,
    sharpe_error_year,
    years_to_power,
)
from hydra.research.series_checks import recent

COST_K: Final = 0.5
COST_H: Final = 8.0
COST_ARL_FILLS: Final = 11_000
"""Fills between false alarms, measured: 19,000 by theory, fewer as 250 fills only estimate what is usual."""
COST_PRIOR_FILLS: Final = 5
COST_BASELINE_FILLS_MIN: Final = 30
_TINY: Final = 1e-12


def observe(track: Track, levels: Levels | None = None, seed: int = 0) -> Observation:
    """All tests on one track; deterministic for a seed (of the block bootstrap)."""
    levels = levels or Levels()
    drift = _drift(track, levels, seed)
    net = track.live_gross - track.live_cost
    live, claimed = _sharpe_year(net), _sharpe_year(track.claimed)
    evidence = (
        _data(track, levels),
        *_reconciliation(track, levels),
        _cost(track),
        _volatility(track, levels),
        *_regime(track, levels),
        *_features(track, levels, drift),
        _hits(track),
        _overfit(track, levels, net),
    )
    recent_changes, recent_forecasts = _paired(track.changes, track.forecasts, levels.recent_days)
    return Observation(
        instrument=track.instrument,
        on=track.on,
        evidence=evidence,
        drift=drift,
        live_sharpe=live if net.size else math.nan,
        claimed_sharpe=claimed,
        live_sharpe_error=sharpe_error_year(net.size),
        hit_rate=_hit_rate(recent_changes, recent_forecasts),
        calibration_slope=_slope(recent_forecasts, recent_changes),
        slippage_multiplier=slippage_multiplier(track) if _cost_path(track) is not None else math.nan,
        tracking_error=float(np.std(track.live_gross - track.kernel_gross)) if net.size else math.nan,
        years_to_power=years_to_power(claimed - live),
        false_alarms_per_year=false_alarms_per_year(checks(levels)),
        impact=track.impact,
    )


def checks(levels: Levels) -> Sequence[Check]:
    """Every test that can alarm for nothing, with its stated rate."""
    often = levels.checks_per_year
    return (
        Check("account against kernel", often, levels.reconciliation),
        cusum_check("slippage", COST_ARL_FILLS, levels.fills_per_year),
        Check("volatility", often, levels.volatility),
        Check("regime", often, levels.regime),
        Check("features", often, 2 * levels.features),
        Check("hits", often, ADWIN_DELTA),
        Check("claim against live", often, levels.overfit),
    )


# --- facts, no statistics -------------------------------------------------------------------------------


def _data(track: Track, levels: Levels) -> Evidence:
    faults = recent(track.data_findings, track.on, levels.data_days)
    text = (
        f"{faults[-1].problem} on {faults[-1].on}: {faults[-1].detail}" if faults else "no fault in the bars"
    )
    return Evidence(Cause.DATA_FAULT, "bars", len(faults), 0, None, bool(faults), text)


def _reconciliation(track: Track, levels: Levels) -> Iterator[Evidence]:
    """Open differences of the books; and gross P&L, which costs cannot explain, against the kernel's."""
    cause = Cause.RECONCILIATION_BREAK
    text = track.breaks[0] if track.breaks else "the books agree"
    yield Evidence(cause, "books", len(track.breaks), 0, None, bool(track.breaks), text)
    gap = (track.live_gross - track.kernel_gross)[-levels.recent_days :]
    if gap.size < 5 or not gap.std() > _TINY:
        return
    t = float(gap.mean()) / float(gap.std(ddof=1)) * math.sqrt(gap.size)
    p = 2 * float(stdtr(gap.size - 1, -abs(t)))
    text = f"the account earned {gap.mean():+.3f} a day against the kernel before costs"
    is_alarm = p <= levels.reconciliation
    yield Evidence(cause, "account against kernel", t, levels.reconciliation, p, is_alarm, text)


# --- cost -----------------------------------------------------------------------------------------------


def _cost_path(track: Track) -> tuple[Floats, Floats] | None:
    """(sums C after each recent fill, slippage ratios of them), standardised by the fills before."""
    split = track.log_slippage.size - track.recent_fills
    before, fills = track.log_slippage[:split], track.log_slippage[split:]
    if before.size < COST_BASELINE_FILLS_MIN or not before.std() > _TINY or not fills.size:
        return None
    z = (fills - before.mean()) / before.std(ddof=1)
    return cusum(z, COST_K, COST_H, two_sided=False).up, np.exp(fills)


def _cost(track: Track) -> Evidence:
    path = _cost_path(track)
    largest = float(path[0].max()) if path else 0.0
    text = f"fills cost {slippage_multiplier(track):.2f} times what was predicted"
    if path is None:
        text = "too few fills to say what they cost"
    return Evidence(Cause.EXECUTION_COST, "slippage", largest, COST_H, None, largest > COST_H, text)


def slippage_multiplier(track: Track) -> float:
    """Believed measured / predicted slippage: (Σ ratio + 5) / (n + 5) over fills since C was last zero."""
    path = _cost_path(track)
    if path is None:
        return 1.0
    sums, ratios = path
    rest = np.flatnonzero(sums == 0)
    since = int(rest[-1]) + 1 if rest.size else 0
    scale = float(np.exp(track.log_slippage[: -track.recent_fills]).mean())
    fresh = ratios[since:] / scale
    return float((fresh.sum() + COST_PRIOR_FILLS) / (fresh.size + COST_PRIOR_FILLS))


# --- the market -----------------------------------------------------------------------------------------


def _volatility(track: Track, levels: Levels) -> Evidence:
    """Mean ln r² of the recent window against the spread of such means over windows of the same length.

    Volatility clusters, so days are no independent witnesses: windows are, and their number is small.
    """
    x = np.log(track.raw_changes**2 + (0.01 * track.raw_changes.std()) ** 2 + _TINY)
    gap, p = _window_test(x, levels.recent_days)
    text = f"volatility is {math.exp(gap / 2):.2f} times what it was"
    is_alarm = p <= levels.volatility
    return Evidence(Cause.VOLATILITY, "ln r²", gap, levels.volatility, p, is_alarm, text)


def _regime(track: Track, levels: Levels) -> Iterator[Evidence]:
    """Three properties of standardised changes a strategy lives on, with Holm over the three.

    Sizes are compared by their ranks: fat tails would make a test of fourth powers alarm for nothing.
    """
    z = track.changes
    following = np.append(0.0, z[1:] * z[:-1])
    sizes = np.argsort(np.argsort(np.abs(z))) / z.size
    named = {"drift": z, "dependence on the day before": following, "size of a usual day": sizes}
    tests = {name: _day_test(values, levels.recent_days) for name, values in named.items()}
    adjusted = holm([p for _, p in tests.values()])
    for (name, (gap, _)), p in zip(tests.items(), adjusted, strict=True):
        text = f"the market's {name} moved by {gap:+.2f}"
        is_alarm = bool(p <= levels.regime)
        yield Evidence(Cause.REGIME_CHANGE, name, gap, levels.regime, float(p), is_alarm, text)


def _window_test(x: Floats, days: int) -> tuple[float, float]:
    """(recent mean - mean before, p) by the spread of all earlier windows' means, which are few."""
    before, now = x[:-days], x[-days:]
    windows = before.size / days
    if windows < 3:
        return 0.0, 1.0
    sums = np.cumsum(np.append(0.0, before))
    means = (sums[days:] - sums[:-days]) / days
    # windows of the baseline share its mean: their spread misses one part in `windows`, the difference has it
    # (overlapping windows know half as much again as the separate ones)
    spread = math.sqrt(float(means.var()) * windows / (windows - 1) * (1 + 1 / windows))
    gap = float(now.mean() - before.mean())
    return gap, 2 * float(stdtr(1.5 * windows - 1, -abs(gap) / max(spread, _TINY)))


def _day_test(x: Floats, days: int) -> tuple[float, float]:
    """(recent mean - mean before, p) for values without memory from day to day (Welch)."""
    before, now = x[:-days], x[-days:]
    if before.size < days or now.size < days:
        return 0.0, 1.0
    variance = float(before.var(ddof=1)) / before.size + float(now.var(ddof=1)) / now.size
    gap = float(now.mean() - before.mean())
    return gap, 2 * float(ndtr(-abs(gap) / math.sqrt(max(variance, _TINY))))


# --- features and model ---------------------------------------------------------------------------------


def _drift(track: Track, levels: Levels, seed: int) -> Sequence[FeatureDrift]:
    if not track.features:
        return ()
    days = levels.recent_days
    return drift_table(
        {name: values[:-days] for name, values in track.features.items()},
        {name: values[-days:] for name, values in track.features.items()},
        mean_block=levels.mean_block,
        seed=seed,
        alpha=levels.features,
    )


def _features(track: Track, levels: Levels, drift: Sequence[FeatureDrift]) -> Iterator[Evidence]:
    cause, level = Cause.FEATURE_DECAY, levels.features
    for row in drift:
        text = f"{row.feature} is distributed otherwise than before (KS {row.ks.statistic:.2f})"
        yield Evidence(
            cause, f"{row.feature} drift", row.ks.statistic, level, row.adjusted_p, row.is_alarm, text
        )
    names = sorted(track.features)
    tests = [_information_lost(track, name, levels.recent_days) for name in names]
    for name, (before, now, _), p in zip(
        names, tests, benjamini_hochberg([p for *_, p in tests]), strict=True
    ):
        text = f"{name} told the next day with correlation {before:+.2f}, now {now:+.2f}"
        yield Evidence(cause, f"{name} information", before - now, level, float(p), bool(p <= level), text)


def _hits(track: Track) -> Evidence:
    """Whether the forecast's direction is right less often than before, since whenever that was (ADWIN).

    Hits are what ADWIN asks for: within a range of one, and without memory from day to day.
    """
    changes, forecasts = track.changes[1:], track.forecasts[:-1]
    taken = (forecasts != 0) & (changes != 0)
    hits = (np.sign(changes[taken]) == np.sign(forecasts[taken])).astype(np.float64)
    cut = adwin_cut(hits)
    if cut is None:
        half = max(hits.size // 2, 1)
        bound = adwin_bound(half, half, float(hits.var()) if hits.size else 0.25)
        text = "the forecast's direction is right as often as it was"
        return Evidence(Cause.FEATURE_DECAY, "hits", 0.0, bound, None, False, text)
    before, now = float(hits[: cut.index].mean()), float(hits[cut.index :].mean())
    days = hits.size - cut.index
    text = f"the forecast's direction was right on {before:.0%} of days, on {now:.0%} of the last {days}"
    return Evidence(Cause.FEATURE_DECAY, "hits", before - now, cut.bound, None, now < before, text)


def _information_lost(track: Track, name: str, days: int) -> tuple[float, float, float]:
    """(correlation with the next change before, recently, one-sided p that it lost size): Fisher's z."""
    told, happened = track.features[name][:-1], track.changes[1:]
    before, now = _correlation(told[:-days], happened[:-days]), _correlation(told[-days:], happened[-days:])
    sign = 1.0 if before >= 0 else -1.0
    lost = math.atanh(sign * before) - math.atanh(sign * now)
    error = math.sqrt(1 / max(told.size - days - 3, 1) + 1 / max(days - 3, 1))
    # size and sign were looked at before testing: only a loss of what was clearly there is decay
    was_there = abs(before) * math.sqrt(max(told.size - days - 3, 1)) > 3.0
    return before, now, float(ndtr(-lost / error)) if was_there else 1.0


def _overfit(track: Track, levels: Levels, net: Floats) -> Evidence:
    """Live below the claim by more than chance, and the claim no more than the luck of so many trials."""
    if net.size < 20 or track.claimed.size < 20:
        text = "too few live days to compare with the claim"
        return Evidence(Cause.OVERFIT, "claim against live", 0.0, levels.overfit, 1.0, False, text)
    live, claimed = _sharpe_year(net), _sharpe_year(track.claimed)
    error = math.sqrt(TRADING_DAYS * (1 / net.size + 1 / track.claimed.size))
    p = float(ndtr(-(claimed - live) / error))
    is_lucky = track.claimed_deflated_sharpe < 0.95
    text = f"claimed Sharpe {claimed:.2f}, live {live:.2f}; deflated {track.claimed_deflated_sharpe:.2f}"
    is_alarm = p <= levels.overfit and is_lucky
    return Evidence(Cause.OVERFIT, "claim against live", claimed - live, levels.overfit, p, is_alarm, text)


# --- figures --------------------------------------------------------------------------------------------


def _paired(changes: Floats, forecasts: Floats, days: int) -> tuple[Floats, Floats]:
    """(the next day's change, the forecast that met it) over the recent window."""
    return changes[1:][-days:], forecasts[:-1][-days:]


def _hit_rate(changes: Floats, forecasts: Floats) -> float:
    taken = (forecasts != 0) & (changes != 0)
    return float(np.mean(np.sign(changes[taken]) == np.sign(forecasts[taken]))) if taken.any() else 0.5


def _slope(forecasts: Floats, changes: Floats) -> float:
    square = float(forecasts @ forecasts)
    return float(forecasts @ changes) / square if square > _TINY else 0.0


def _correlation(x: Floats, y: Floats) -> float:
    scale = float(x.std() * y.std())
    value = float(np.mean((x - x.mean()) * (y - y.mean()))) / scale if scale > _TINY else 0.0
    return max(-0.999, min(0.999, value))


def _sharpe_year(pnl: Floats) -> float:
    spread = float(pnl.std(ddof=1)) if pnl.size > 1 else 0.0
    return float(pnl.mean()) / spread * math.sqrt(TRADING_DAYS) if spread > _TINY else 0.0
