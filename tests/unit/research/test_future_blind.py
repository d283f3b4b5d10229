"""Shuffling the future changes no past feature, forecast, drift baseline or known COT week."""

from datetime import date, timedelta

import numpy as np
import pytest

from hydra.research.cot import CotWeek, known_at_close
from hydra.research.family import FAMILIES, Bars
from hydra.research.models import spec_of

DAYS, CUT = 400, 300


def bars(seed: int) -> Bars:
    rng = np.random.default_rng(seed)
    close = 400 + np.cumsum(rng.standard_normal(DAYS) * 4)
    further = close + 3 + np.cumsum(rng.standard_normal(DAYS) * 0.2)
    other = 90 + np.cumsum(rng.standard_normal(DAYS))
    return Bars(close, rng.integers(10, 900, DAYS).astype(float), further, 2.0, other)


def shuffled(given: Bars, seed: int) -> Bars:
    order = np.append(np.arange(CUT), CUT + np.random.default_rng(seed).permutation(DAYS - CUT))
    assert given.further is not None
    assert given.other is not None
    return Bars(
        given.close[order],
        given.volume[order] * 3,
        given.further[order],
        given.months_apart,
        given.other[order],
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
        assert known_at_close(weeks, on) == known_at_close(changed, on)
