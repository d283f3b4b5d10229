"""Continuous series, their checks, what they may be used for, and COT dated by its release."""

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.domain.errors import UserError
from hydra.domain.market import DailyBar
from hydra.persistence.bar_files import read_csv_bars, read_csv_contracts, read_csv_cot
from hydra.research.cot import CotWeek, cot_week, known_at_close
from hydra.research.panel import joined
from hydra.research.series import (
    ContractSeries,
    RollRule,
    continuous,
    log_returns,
    price_changes,
    require_moving,
    rolled_down,
)
from hydra.research.series_checks import DataProblem, check_bars, missing_sessions, recent

START = date(2026, 1, 5)
REAL = Path(__file__).parents[4] / "shared" / "data"


def weekdays(count: int, start: date = START) -> list[date]:
    days, day = [], start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def bar(on: date, close: float | str, volume: int = 100) -> DailyBar:
    px = Decimal(str(close))
    return DailyBar(on, px, px, px, px, volume)


def bars(closes: list[float], start: date = START) -> tuple[DailyBar, ...]:
    return tuple(bar(on, px) for on, px in zip(weekdays(len(closes), start), closes, strict=True))


def walk(count: int, seed: int = 0, level: float = 400.0) -> tuple[DailyBar, ...]:
    rng = np.random.default_rng(seed)
    return bars([round(float(px), 2) for px in level + np.cumsum(rng.standard_normal(count) * 5)])


def expiry(
    name: str, last: int, gap: float, days: list[date], volumes: list[int] | None = None
) -> ContractSeries:
    """A contract quoted `gap` above a line that rises by one a day, until its last trade day."""
    volumes = volumes or [100] * len(days)
    rows = [bar(on, 100 + n + gap, volumes[n]) for n, on in enumerate(days[: last + 1])]
    return ContractSeries(name, days[last], tuple(rows))


# --- continuous -----------------------------------------------------------------------------------------


def test_a_roll_moves_no_money_and_back_adjusts_the_past() -> None:
    days = weekdays(30)
    series = continuous([expiry("H", 14, 0, days), expiry("K", 29, 7, days)], RollRule(3), "ZO")
    assert series.changes.tolist() == [1.0] * 29
    (roll,) = series.rolls
    assert (roll.sold, roll.bought, roll.gap) == ("H", "K", Decimal(7))
    assert roll.on == max(day for day in days if day <= days[14] - timedelta(days=3)) or roll.on < days[14]
    assert series.days[-1].adjusted_close == series.days[-1].bar.close_px == Decimal(136)
    assert series.days[0].adjusted_close == Decimal(107)  # its raw 100, moved by the gap


def test_volume_rolls_earlier_but_never_on_the_same_days_figures() -> None:
    days = weekdays(30)
    new = [10] * 5 + [500] * 25
    both = [expiry("H", 20, 0, days), expiry("K", 29, 7, days, new)]
    (roll,) = continuous(both, RollRule(3, volume_days=3), "ZO").rolls
    assert roll.on == days[7]  # the third day on which K was busier; K is held from the day after
    late = continuous(both, RollRule(3), "ZO")
    assert late.rolls[0].on > days[7]


def test_a_roll_waits_for_a_day_both_expiries_closed() -> None:
    days = weekdays(30)
    following = expiry("K", 29, 7, days)
    thin = ContractSeries("K", days[29], tuple(row for row in following.bars if row.on not in days[10:14]))
    series = continuous([expiry("H", 16, 0, days), thin], RollRule(days_before_last_trade=8), "ZO")
    assert series.rolls[0].on == days[14]
    assert series.changes.tolist() == [1.0] * 29


def test_expiries_without_a_common_day_are_refused() -> None:
    days = weekdays(30)
    later = ContractSeries("K", days[29], expiry("K", 29, 7, days).bars[20:])
    with pytest.raises(UserError, match=r"HY-852 ZO: H ends on .* no day to roll on"):
        continuous([expiry("H", 14, 0, days), later], RollRule(3), "ZO")
    with pytest.raises(UserError, match="HY-852"):
        continuous([], RollRule(3), "ZO")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(10, 45), st.sampled_from([0, 2, 3]))
def test_no_past_change_depends_on_the_future(seed: int, cut: int, volume_days: int) -> None:
    """What comes after a day is shuffled and rescaled, expiry by expiry: changes up to it stay."""
    rng = random.Random(seed)
    days = weekdays(50)
    contracts = []
    for number, last in enumerate((18, 33, 49)):
        volumes = [rng.randrange(1, 400) for _ in days]
        rows = [bar(on, rng.randrange(50, 150), volumes[n]) for n, on in enumerate(days[: last + 1])]
        contracts.append(ContractSeries(f"C{number}", days[last], tuple(rows)))
    twisted = [_shuffled_after(one, days[cut], rng) for one in contracts]
    rule = RollRule(4, volume_days)
    first, second = (continuous(given, rule, "ZO") for given in (contracts, twisted))
    before = [(day.on, day.contract, day.change) for day in first.days if day.on <= days[cut]]
    assert before == [(day.on, day.contract, day.change) for day in second.days if day.on <= days[cut]]


def _shuffled_after(series: ContractSeries, on: date, rng: random.Random) -> ContractSeries:
    past = [row for row in series.bars if row.on <= on]
    future = [row for row in series.bars if row.on > on]
    shuffled = rng.sample(future, len(future))
    moved = [bar(at.on, row.close_px * 3, row.volume * 7) for at, row in zip(future, shuffled, strict=True)]
    return ContractSeries(series.contract, series.last_trade_on, (*past, *moved))


# --- what to compute on ---------------------------------------------------------------------------------


def test_negative_and_zero_prices_have_changes_but_no_log_returns() -> None:
    crude = bars([18.27, -37.63, 0.0, 10.01])
    assert price_changes(crude, "CL") == pytest.approx([-55.90, 37.63, 10.01])
    with pytest.raises(
        UserError, match=r"HY-851 CL: log returns have no value at the price -37.63 of 2026-01-06"
    ):
        log_returns(crude, "CL")
    assert log_returns(bars([100, 110]), "ZO") == pytest.approx([np.log(1.1)])


@pytest.mark.parametrize(
    ("closes", "words"), [([], "no row"), ([1.0], "one row"), ([5.0] * 9, "constant series")]
)
def test_a_series_nothing_can_be_learned_from_is_refused(closes: list[float], words: str) -> None:
    with pytest.raises(UserError, match=rf"HY-852 ZO: .*{words}"):
        require_moving(bars(closes), "ZO")


# --- checks ---------------------------------------------------------------------------------------------


def test_an_ordinary_walk_has_no_findings() -> None:
    assert sum(len(check_bars(walk(500, seed))) for seed in range(20)) == 0


def test_each_data_problem_is_named_on_its_day() -> None:
    rows = list(walk(120))
    days = [row.on for row in rows]
    broken = rows.copy()
    broken[60] = bar(days[60], float(rows[60].close_px) * 10)
    broken[80:90] = [bar(day, 401.25, 7) for day in days[80:90]]
    high, low = Decimal(300), Decimal(310)
    broken[100] = DailyBar(days[100], high, high, low, rows[100].close_px, 1)
    broken[110] = DailyBar(days[110], high, high, high, rows[110].close_px, 1)
    found = check_bars(broken, expected_last=days[-1] + timedelta(days=3))
    by_day = {(one.problem, one.on) for one in found}
    assert (DataProblem.OUTLIER, days[60]) in by_day
    assert (DataProblem.STALE, days[84]) in by_day
    assert (DataProblem.IMPOSSIBLE, days[100]) in by_day
    assert (DataProblem.OFF_MARKET, days[110]) in by_day
    assert (DataProblem.LATE, days[-1]) in by_day
    assert not next(one for one in found if one.problem is DataProblem.OFF_MARKET).is_fault


def test_missing_days_are_named_with_a_calendar_and_long_gaps_without() -> None:
    rows = walk(40)
    sessions = [row.on for row in rows]
    holes = (*rows[:10], *rows[11:20], *rows[27:])
    assert missing_sessions(holes, sessions) == (sessions[10], *sessions[20:27])
    named = [one.on for one in check_bars(holes, sessions=sessions) if one.problem is DataProblem.MISSING_DAY]
    assert named == [sessions[10], *sessions[20:27]]
    assert [one.on for one in check_bars(holes) if one.problem is DataProblem.GAP] == [sessions[27]]


def test_a_locked_limit_move_is_no_outlier() -> None:
    """Rough rice, June 2020: eight straight moves of exactly the limit after calm days."""
    calm = [17.5 + 0.25 * (n % 3) for n in range(60)]
    assert check_bars(bars([*calm, 19.065, 20.565, 22.065, 20.565, 19.065, 17.565, 16.065, 14.565])) == ()


def test_only_new_faults_count_as_recent() -> None:
    rows = list(walk(120))
    rows[60] = bar(rows[60].on, float(rows[60].close_px) * 10)
    found = check_bars(rows)
    assert recent(found, rows[62].on, 5)
    assert recent(found, rows[110].on, 5) == ()


# --- COT ------------------------------------------------------------------------------------------------


def week(as_of: date, released_on: date) -> CotWeek:
    return CotWeek("OATS", as_of, released_on, 100, 30, 10, 40, 50)


def test_a_week_is_unknown_until_the_session_after_its_release() -> None:
    first = week(date(2025, 1, 7), date(2025, 1, 10))
    second = week(date(2025, 1, 14), date(2025, 1, 17))
    assert known_at_close([first, second], date(2025, 1, 10)) is None
    assert known_at_close([first, second], date(2025, 1, 13)) == first
    assert known_at_close([second, first], date(2025, 1, 17)) == first
    assert known_at_close([first, second], date(2025, 1, 20)) == second
    assert first.speculators_net_share == pytest.approx(0.2)


def test_a_holiday_delays_a_release_and_nothing_brings_it_forward() -> None:
    row = {"market": "OATS", "date": "2025-01-07", "open_interest": "9"}
    row |= {
        f"{who}_positions_{way}": "1" for who in ("noncommercial", "commercial") for way in ("long", "short")
    }
    assert cot_week(row, "cot", 2).released_on == date(2025, 1, 10)
    assert cot_week(row, "cot", 2, {date(2025, 1, 7): 3}).released_on == date(2025, 1, 13)
    with pytest.raises(ValueError, match="before its time"):
        cot_week(row, "cot", 2, {date(2025, 1, 7): -1})


@pytest.mark.parametrize(
    ("change", "words"), [({"date": "7 Jan"}, "isoformat"), ({"open_interest": "-1"}, "below zero")]
)
def test_a_cot_row_that_cannot_be_read_names_its_line(change: dict[str, str], words: str) -> None:
    row = {"market": "OATS", "date": "2025-01-07", "open_interest": "9"}
    row |= {
        f"{who}_positions_{way}": "1" for who in ("noncommercial", "commercial") for way in ("long", "short")
    }
    with pytest.raises(UserError, match=rf"HY-850 cot.csv, line 7: .*{words}"):
        cot_week({**row, **change}, "cot.csv", 7)


# --- real data, where it is -----------------------------------------------------------------------------

real = pytest.mark.skipif(not REAL.is_dir(), reason="the evaluation data is not beside the project")


@real
def test_real_live_cattle_roll_without_a_jump() -> None:
    rejected: list[UserError] = []
    contracts = read_csv_contracts(REAL / "schwartz97_percontract_LE.csv", rejected)
    series = continuous(contracts, RollRule(15), "LE")
    assert len(series.rolls) == 37
    assert len(rejected) == 5
    assert np.abs(series.changes).max() < 4.0  # the exchange's limit was 3 points
    gaps = [abs(float(roll.gap)) for roll in series.rolls]
    assert max(gaps) > 4.0  # which a series without adjustment would have shown as a day's move


@real
def test_real_bars_are_read_and_their_faults_found() -> None:
    rejected: list[UserError] = []
    oats = read_csv_bars(REAL / "quandl_chris2_ZO.csv", rejected)
    assert 1 <= len(rejected) <= 10
    found = check_bars(oats)
    assert sum(one.problem is DataProblem.OFF_MARKET for one in found) >= 80
    assert sum(one.problem is DataProblem.IMPOSSIBLE for one in found) == 2
    assert all(one.released_on > one.as_of for one in read_csv_cot(REAL / "cot_legacy_2025q1.csv"))


def test_what_a_month_rolls_down_is_the_gap_to_the_next_expiry_over_the_months_between() -> None:
    """Held 400, the next 394, two months of 365.25/12 days later: 3 points a month; believed ten days."""
    days = [date(2025, 1, 6) + timedelta(days=n) for n in range(60)]
    held = [DailyBar(on, *(Decimal(400),) * 4, 10) for on in days]
    later = [DailyBar(on, *(Decimal(394),) * 4, 10) for on in days[5:20]]
    contracts = [
        ContractSeries("H", date(2025, 3, 10), tuple(held)),
        ContractSeries("K", date(2025, 5, 10), tuple(later)),
    ]
    found = rolled_down(continuous(contracts, RollRule(0), "ZO").days, contracts)
    assert sorted(found) == days[5:20]
    assert list(found.values()) == pytest.approx([6 / (61 / (365.25 / 12))] * 15)
    market = joined("ZO", {"ZO-202503": tuple(held), "ZO-202505": tuple(later)}, 0)
    assert market.roll_month == found
    assert market.bars == tuple(held)
