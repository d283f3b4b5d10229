"""Shuffling the future changes no past feature, forecast, drift baseline or known COT week."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from hydra.domain.market import DailyBar
from hydra.research.cot import CotWeek, known_at_close, speculators_known
from hydra.research.family import FAMILIES, Bars
from hydra.research.models import spec_of
from hydra.research.panel import Listed, Market, Panel, joined, panel_of

DAYS, CUT = 400, 300


def bars(seed: int) -> Bars:
    rng = np.random.default_rng(seed)
    close = 400 + np.cumsum(rng.standard_normal(DAYS) * 4)
    further = close + 3 + np.cumsum(rng.standard_normal(DAYS) * 0.2)
    other = 90 + np.cumsum(rng.standard_normal(DAYS))
    speculators = 0.1 + np.cumsum(rng.standard_normal(DAYS) * 0.01)
    return Bars(close, rng.integers(10, 900, DAYS).astype(float), further, 2.0, other, speculators)


def shuffled(given: Bars, seed: int) -> Bars:
    order = np.append(np.arange(CUT), CUT + np.random.default_rng(seed).permutation(DAYS - CUT))
    assert given.further is not None
    assert given.other is not None
    assert given.speculators is not None
    return Bars(
        given.close[order],
        given.volume[order] * 3,
        given.further[order],
        given.months_apart,
        given.other[order],
        given.speculators[order],
    )


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_familys_past_forecast_sees_the_future(family: str) -> None:
    """Each family with its defaults, learning only from what lies before the cut."""
    spec = spec_of({"parts": [{"family": family}]})
    for seed in range(1 if family == "boosted" else 3):
        true = bars(seed)
        artefacts = spec.fit(true.upto(CUT), np.arange(CUT - 30))
        past = spec.forecast(true, artefacts)[:CUT]
        assert np.isfinite(past[-1])
        assert past == pytest.approx(spec.forecast(shuffled(true, seed), artefacts)[:CUT], nan_ok=True)


def test_the_test_itself_would_see_a_look_ahead() -> None:
    """A forecast that peeks one day does change, at the cut and nowhere before."""
    true = bars(1)
    peek = np.sign(np.append(np.diff(true.close), 0.0))
    other = np.sign(np.append(np.diff(shuffled(true, 1).close), 0.0))
    assert (peek[: CUT - 1] == other[: CUT - 1]).all()
    changed = [
        np.append(np.diff(shuffled(true, seed).close), 0.0)[CUT - 1] != np.diff(true.close)[CUT - 1]
        for seed in range(5)
    ]
    assert any(changed)


def test_a_report_of_tuesday_released_on_friday_is_used_from_the_next_session_on() -> None:
    """Two weeks, the second released two days late; a decision at a close sees what was public before it."""
    first = CotWeek("LE", date(2025, 1, 7), date(2025, 1, 10), 100, 30, 10, 10, 30)
    second = CotWeek("LE", date(2025, 1, 14), date(2025, 1, 19), 100, 10, 40, 40, 10)
    days = [date(2025, 1, 6) + timedelta(days=n) for n in range(16)]
    said = dict(zip(days, speculators_known([second, first], days), strict=True))
    assert {said[date(2025, 1, day)] for day in range(6, 11)} == {0.0}, (
        "Friday's close comes before its release"
    )
    assert {said[date(2025, 1, day)] for day in range(11, 20)} == {0.2}
    assert {said[date(2025, 1, day)] for day in range(20, 22)} == {-0.3}
    assert np.isnan(speculators_known([], days)).all()


def test_what_a_panel_has_beside_its_bars_does_not_see_the_future() -> None:
    """Expiries and CFTC weeks after the cut are made anew: every input before it but the level stays."""
    rng, cut = np.random.default_rng(3), date(2025, 6, 16)
    for _ in range(3):
        true, other = (panel_from(market(np.random.default_rng(7), rng, cut)) for _ in range(2))
        past = true.row(cut - timedelta(days=1)) + 1
        assert true.days[:past] == other.days[:past]
        for name in ("roll_month", "speculators", "volume"):
            one, two = (getattr(panel, name)[:past] for panel in (true, other))
            assert np.isfinite(one).all()
            assert np.array_equal(one, two), name
            assert not np.array_equal(getattr(true, name)[past:], getattr(other, name)[past:]), name
        assert np.diff(true.close[:past], axis=0) == pytest.approx(np.diff(other.close[:past], axis=0))


def market(past: np.random.Generator, future: np.random.Generator, cut: date) -> Market:
    """Three expiries of many weekdays, and weekly reports; numbers from the cut on are of `future`."""
    series = {}
    for month in (5, 8, 11):
        days = [on for n in range(400) if (on := date(2024, 10, 1) + timedelta(days=n)).weekday() < 5]
        days = [on for on in days if on < date(2025, month, 10)]
        bars, px = [], 400.0 + month
        for on in days:
            px = round(px + (past if on < cut else future).standard_normal() * 3, 2)
            volume = int((past if on < cut else future).integers(50, 500))
            bars.append(DailyBar(on, *(Decimal(str(px)),) * 4, volume))
        series[f"ZO-2025{month:02}"] = tuple(bars)
    weeks = []
    for week in range(58):
        as_of = date(2024, 10, 1) + timedelta(weeks=week)
        # what is public from the cut on may differ
        counts = (past if as_of + timedelta(days=3) < cut else future).integers(10, 90, 4)
        weeks.append(CotWeek("ZO", as_of, as_of + timedelta(days=3), 200, *map(int, counts)))
    return replace(joined("ZO", series, 20), weeks=tuple(weeks))


def panel_from(found: Market) -> Panel:
    return panel_of({"ZO": found}, {"ZO": Listed("ZO", 50.0, 5.0)}, date(2026, 1, 1))


def test_no_day_knows_a_cot_week_of_its_future() -> None:
    start = date(2025, 1, 7)
    weeks = [
        CotWeek("ZO", start + timedelta(weeks=n), start + timedelta(weeks=n, days=3), 100 + n, 1, 1, 1, 1)
        for n in range(30)
    ]
    for day in range(1, 210):
        on = start + timedelta(days=day)
        changed = [
            week if week.released_on < on else CotWeek("ZO", week.as_of, week.released_on, 9, 9, 9, 9, 9)
            for week in weeks
        ]
        known = known_at_close(weeks, on)
        assert known == known_at_close(changed, on)
        (said,) = speculators_known(weeks, [on]).tolist()
        assert said == (known.speculators_net_share if known else 0.0)
