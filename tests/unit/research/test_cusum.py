"""CUSUM run lengths against tables made by others, and against simulation; power against healing facts 2."""

import math

import numpy as np
import pytest

from hydra.research.cusum import arl, arl_one_sided, cusum, days_to_alarm, standardised, threshold
from hydra.research.power import (
    Check,
    cusum_check,
    e_process_years,
    false_alarms_per_year,
    years_to_power,
)


@pytest.mark.parametrize(
    ("k", "h", "shift", "days"),
    [
        (0.5, 4, 0, 167.7),
        (0.5, 4, 1, 8.38),
        (0.5, 4, 0.5, 26.6),
        (0.5, 5, 0, 465.4),
        (0.5, 5, 1, 10.38),
        (0.5, 5, 0.5, 38.0),
        (0.5, 5, 2, 4.01),
        (0.25, 8, 0, 368.4),
        (0.25, 8, 1, 11.39),
    ],
)
def test_two_sided_run_lengths_of_montgomerys_table(k: float, h: float, shift: float, days: float) -> None:
    assert arl(k, h, shift) == pytest.approx(days, rel=2e-3)


def test_one_side_agrees_with_siegmunds_approximation() -> None:
    drift, limit = -0.5, 5 + 1.166
    siegmund = (math.exp(-2 * drift * limit) + 2 * drift * limit - 1) / (2 * drift**2)
    assert siegmund == pytest.approx(938.2, abs=0.1)
    assert arl_one_sided(0.5, 5) == pytest.approx(siegmund, rel=0.01)


def test_the_cost_channel_cries_wolf_every_19000_fills() -> None:
    assert arl_one_sided(0.5, 8) == pytest.approx(19_000, rel=0.01)


def test_a_threshold_has_the_run_length_it_was_made_for() -> None:
    assert threshold(0.5, 465.4435) == pytest.approx(5.0, abs=1e-3)
    assert arl_one_sided(0.3, threshold(0.3, 1000, two_sided=False)) == pytest.approx(1000, rel=1e-4)
    with pytest.raises(ValueError, match="no h"):
        threshold(0.5, 1.0)


@pytest.mark.parametrize(
    ("sharpe", "years", "days"), [(0.5, 1, 185), (1, 5, 419), (1.5, 20, 521), (2, 1, 92), (3, 20, 200)]
)
def test_days_to_see_a_lost_sharpe(sharpe: float, years: float, days: float) -> None:
    assert days_to_alarm(sharpe, years) == pytest.approx(days, abs=1)


def test_simulated_false_alarms_come_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    times = []
    for _ in range(300):
        alarm = cusum(rng.standard_normal(4000), 0.5, 4).alarm
        times.append(4000 if alarm is None else alarm + 1)
    assert np.mean(times) == pytest.approx(167.7, rel=0.2)


def test_a_shift_either_way_alarms_and_a_one_sided_scheme_ignores_the_other() -> None:
    up, down = np.full(20, 1.5), np.full(20, -1.5)
    assert cusum(up, 0.5, 5).alarm == 5
    assert cusum(down, 0.5, 5).alarm == 5
    assert cusum(down, 0.5, 5, two_sided=False).alarm is None
    assert cusum([], 0.5, 5).largest == 0.0


def test_a_missing_value_is_no_evidence() -> None:
    with_gap = cusum([1.5, np.nan, 1.5, 1.5], 0.5, 2.5)
    assert with_gap.alarm == 3
    assert with_gap.up.tolist() == [1.0, 1.0, 2.0, 3.0]


def test_values_of_a_constant_baseline_cannot_be_standardised() -> None:
    assert standardised([3.0], [1.0, 2.0, 3.0]).tolist() == [1.0]
    with pytest.raises(ValueError, match="no scale"):
        standardised([1.0], [2.0, 2.0])


# --- power ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sharpe", "alpha", "years"),
    [
        (0.5, 0.05, 24.7),
        (0.75, 0.05, 11.0),
        (1, 0.05, 6.2),
        (1.5, 0.05, 2.7),
        (2, 0.05, 1.5),
        (3, 0.05, 0.7),
        (0.5, 0.05 / 12, 48),
        (1, 0.05 / 12, 12),
        (3, 0.05 / 12, 1.3),
    ],
)
def test_years_to_power_as_in_healing_facts(sharpe: float, alpha: float, years: float) -> None:
    assert years_to_power(sharpe, alpha) == pytest.approx(years, rel=0.04)


def test_no_difference_is_never_seen() -> None:
    assert years_to_power(0.0) == math.inf
    assert years_to_power(math.nan) == math.inf
    assert e_process_years(1.0) == pytest.approx(17, abs=0.1)


def test_false_alarms_of_a_year_add_up() -> None:
    checks = [Check("drift", 12, 0.05), cusum_check("cost", 930.9)]
    assert false_alarms_per_year(checks) == pytest.approx(0.6 + 252 / 930.9)
