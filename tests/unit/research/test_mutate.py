"""The playbook: which cause is answered by what, never twice, in budgets that refill; the composite."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.research.experiment import Experiment, spec_id
from hydra.research.fitness import WEIGHTS, Metrics, fitness
from hydra.research.mutate import PLAYBOOK, Budget, Mutation, Operator, Tried, apply, propose
from hydra.research.observe import Cause

ON = date(2026, 8, 21)
TREND = {"family": "ewma-trend", "params": {"fast": 8, "slow": 32}, "train_until": "2026-01-01"}
FAMILIES = {
    "ewma-trend": TREND,
    "breakout": {"family": "breakout", "params": {"bars": 20}},
    "carry": {"family": "carry", "params": {"span": 90}},
}


def proposed(
    cause: Cause, journal: list[Tried] | None = None, on: date = ON, **options: object
) -> list[Mutation]:
    given = {"budget": Budget(), "train_until": "2026-08-21", **options}
    return list(propose(cause, TREND, FAMILIES, journal or [], on, **given))  # type: ignore[arg-type]


def tried(mutations: list[Mutation], on: date) -> list[Tried]:
    return [Tried(one.spec_id, spec_id(one.parent), one.operator, on) for one in mutations]


# --- operators ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "changes"),
    [
        (Operator.FASTER, [{"params": {"fast": 4, "slow": 16}}]),
        (Operator.SLOWER, [{"params": {"fast": 16, "slow": 64}}]),
        (Operator.REVERSED, [{"sign": -1}]),
        (Operator.REFIT, [{"train_until": "2026-08-21"}]),
    ],
)
def test_each_operator_changes_what_it_names(operator: Operator, changes: list[dict[str, object]]) -> None:
    assert apply(operator, TREND, FAMILIES, "2026-08-21") == tuple({**TREND, **one} for one in changes)


def test_other_families_are_all_but_the_own() -> None:
    made = apply(Operator.OTHER_FAMILY, TREND, FAMILIES, "")
    assert [one["family"] for one in made] == ["breakout", "carry"]


def test_reversing_twice_is_the_spec_again() -> None:
    (once,) = apply(Operator.REVERSED, TREND, {}, "")
    (twice,) = apply(Operator.REVERSED, once, {}, "")
    assert twice == {**TREND, "sign": 1}


@pytest.mark.parametrize(
    "params", [{"fast": 2, "slow": 4}, {}, {"threshold": 1.5}, {"fast": 2.5}, {"fast": 2, "slow": 3}]
)
def test_what_cannot_be_faster_is_not_mutated(params: dict[str, object]) -> None:
    """At the shortest span, without spans, or where two spans would fall together."""
    assert apply(Operator.FASTER, {"family": "x", "params": params}, {}, "") == ()


def test_a_fitted_model_is_not_refitted_on_the_same_data() -> None:
    assert apply(Operator.REFIT, TREND, {}, "2026-01-01") == ()
    assert apply(Operator.REFIT, {"family": "carry"}, {}, "2026-08-21") == ()  # nothing is fitted in it


# --- the playbook ---------------------------------------------------------------------------------------


def test_every_cause_has_its_page_and_what_is_broken_elsewhere_mutates_nothing() -> None:
    assert PLAYBOOK.keys() == set(Cause)
    for cause in (Cause.DATA_FAULT, Cause.RECONCILIATION_BREAK, Cause.VOLATILITY):
        assert proposed(cause) == []


def test_cost_is_answered_by_trading_less() -> None:
    (only,) = proposed(Cause.EXECUTION_COST)
    assert (only.operator, only.spec["params"]) == (Operator.SLOWER, {"fast": 16, "slow": 64})


def test_nothing_is_proposed_that_was_tried_until_its_data_is_old() -> None:
    first = proposed(Cause.REGIME_CHANGE)
    assert len(first) == len({one.spec_id for one in first}) == 5
    journal = tried(first, ON - timedelta(days=100))
    assert proposed(Cause.REGIME_CHANGE, journal) == []
    assert len(proposed(Cause.REGIME_CHANGE, tried(first, ON - timedelta(days=730)))) == 5
    assert [one.operator for one in proposed(Cause.FEATURE_DECAY, journal)] == [Operator.REFIT]


def test_the_champion_itself_is_no_mutation() -> None:
    faster = {**TREND, "params": {"fast": 4, "slow": 16}}
    families = {"other": faster}
    found = propose(Cause.FEATURE_DECAY, faster, families, [], ON, budget=Budget(), train_until="2026-01-01")
    assert spec_id(faster) not in {one.spec_id for one in found}


def test_an_operator_rests_after_its_use() -> None:
    used = [Tried("another spec", spec_id(TREND), Operator.SLOWER, ON - timedelta(days=20))]
    assert Operator.SLOWER not in {one.operator for one in proposed(Cause.REGIME_CHANGE, used)}
    used = [Tried("another spec", spec_id(TREND), Operator.SLOWER, ON - timedelta(days=21))]
    assert Operator.SLOWER in {one.operator for one in proposed(Cause.REGIME_CHANGE, used)}


def test_a_rerun_of_the_day_proposes_the_same() -> None:
    """Killed after two of five experiments were journalled."""
    first = proposed(Cause.REGIME_CHANGE)
    assert proposed(Cause.REGIME_CHANGE, tried(first[:2], ON)) == first
    assert proposed(Cause.REGIME_CHANGE, tried(first, ON), ON + timedelta(days=1)) == []


def test_the_budget_limits_a_day_and_refills() -> None:
    small = Budget(capacity=2, refill_days=7)
    assert len(proposed(Cause.REGIME_CHANGE, budget=small)) == 2
    assert len(proposed(Cause.REGIME_CHANGE, budget=small, spent_today=1)) == 1
    spent = [ON, ON]
    assert [small.left(spent, ON + timedelta(days=days)) for days in (0, 6, 7, 13, 14, 400)] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]


@given(
    st.lists(st.integers(0, 400), max_size=40), st.integers(0, 20), st.floats(0.5, 60), st.integers(0, 2000)
)
def test_every_budget_refills_whatever_was_spent(
    days: list[int], capacity: int, refill: float, wait: int
) -> None:
    budget = Budget(capacity, refill)
    spent = [ON + timedelta(days=day) for day in days]
    later = ON + timedelta(days=400 + wait)
    left = budget.left(spent, later)
    assert 0 <= left <= capacity
    assert (
        budget.left(spent, later + timedelta(days=math.ceil(refill * (capacity + len(days) + 1)))) == capacity
    )


def test_a_budget_that_cannot_refill_is_refused() -> None:
    for wrong in ({"refill_days": 0.0}, {"capacity": -1}, {"cooldown_days": -1}):
        with pytest.raises(ValueError, match="does refill"):
            Budget(**wrong)  # type: ignore[arg-type]


def test_the_journal_gives_what_proposing_needs() -> None:
    (only,) = proposed(Cause.EXECUTION_COST)
    experiment = Experiment(
        spec=only.spec,
        parent=only.parent,
        cause=only.cause,
        operator=only.operator,
        seed=1,
        data_hash="d",
        build_id="b",
        ended="TIMED_OUT",
        refusals=(),
        recorded_at=datetime(2026, 8, 1, 20, tzinfo=UTC),
    )
    assert Tried.of(experiment) == Tried(only.spec_id, spec_id(TREND), "slower", date(2026, 8, 1))
    assert not experiment.has_passed
    assert proposed(Cause.EXECUTION_COST, [Tried.of(experiment)]) == []


# --- fitness --------------------------------------------------------------------------------------------

GOOD = Metrics(1.0, 1.5, 1.0, 0.6, 1.0, 10)


def test_the_weights_are_those_of_the_design_and_sum_to_one() -> None:
    assert list(WEIGHTS.values()) == [0.25, 0.20, 0.15, 0.15, 0.15, 0.10]
    assert math.fsum(WEIGHTS.values()) == 1.0


def test_a_known_candidate_has_its_known_fitness() -> None:
    found = fitness(GOOD)
    assert found.parts == {
        "sharpe": 0.5,
        "drawdown": 0.5,
        "calibration": 1.0,
        "robustness": 0.6,
        "slippage_adjusted_return": 0.5,
        "simplicity": 0.5,
    }
    assert found.value == pytest.approx(0.125 + 0.1 + 0.15 + 0.09 + 0.075 + 0.05)


@pytest.mark.parametrize(
    ("change", "better"),
    [
        ({"sharpe": 1.2}, True),
        ({"drawdown": 1.6}, False),
        ({"calibration_slope": 0.7}, False),
        ({"calibration_slope": 1.3}, False),
        ({"robustness": 0.7}, True),
        ({"slippage_adjusted_return": 0.8}, False),
        ({"parameters": 11}, False),
    ],
)
def test_each_metric_moves_the_composite_its_way(change: dict[str, float], better: bool) -> None:
    assert (fitness(replace(GOOD, **change)).value > fitness(GOOD).value) is better  # type: ignore[arg-type]


@given(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 5), st.integers(-5, 10_000))
def test_the_composite_is_a_share_whatever_was_measured(values: tuple[float, ...], parameters: int) -> None:
    found = fitness(Metrics(*values, parameters))  # type: ignore[arg-type]
    assert 0 <= found.value <= 1


def test_a_metric_that_is_no_number_counts_as_nothing_and_is_named() -> None:
    found = fitness(replace(GOOD, sharpe=math.nan, drawdown=math.inf))
    assert found.missing == ("drawdown", "sharpe")
    assert found.parts["sharpe"] == found.parts["drawdown"] == 0
