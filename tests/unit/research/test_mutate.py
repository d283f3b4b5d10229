"""The playbook: which cause is answered by what, never twice, in budgets that refill; the composite."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.research import roster
from hydra.research.experiment import Experiment, Spec, spec_id
from hydra.research.fitness import WEIGHTS, Metrics, fitness
from hydra.research.models import ModelSpec, spec_of
from hydra.research.mutate import PLAYBOOK, Budget, Mutation, Operator, Repertoire, Tried, apply, propose
from hydra.research.observation import Cause
from hydra.research.roster import SEED

ON = date(2026, 8, 21)


def model(family: str, **params: float) -> Spec:
    return {
        "parts": [{"family": family, "params": params, "weight": 1.0}],
        "sizing": {"vol_target_year": 0.1},
    }


TREND = model("trend", fast=8.0, slow=32.0, sign=1.0)
BOOSTED = model("boosted", label_bars=5.0)
FAMILIES = {
    "trend": TREND,
    "breakout": model("breakout", days=80),
    "carry": model("carry"),
    "boosted": BOOSTED,
}
REPERTOIRE = Repertoire(FAMILIES, frozenset({"boosted"}))


def proposed(
    cause: Cause, journal: list[Tried] | None = None, on: date = ON, champion: Spec = TREND, **options: object
) -> list[Mutation]:
    given = {"budget": Budget(), **options}
    return list(propose(cause, champion, REPERTOIRE, journal or [], on, **given))  # type: ignore[arg-type]


def tried(mutations: list[Mutation], on: date) -> list[Tried]:
    return [Tried(one.trial_id, spec_id(one.parent), one.operator, on) for one in mutations]


def params(spec: Spec) -> dict[str, float]:
    return dict(spec["parts"][0]["params"])


# --- operators ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "changed"),
    [
        (Operator.FASTER, [(4.0, 16.0, 1.0), (2.0, 8.0, 1.0)]),
        (Operator.SLOWER, [(16.0, 64.0, 1.0), (32.0, 128.0, 1.0)]),
        (Operator.REVERSED, [(8.0, 32.0, -1.0)]),
    ],
)
def test_each_operator_changes_what_it_names(operator: Operator, changed: list[tuple[float, ...]]) -> None:
    made = apply(operator, TREND, REPERTOIRE)
    assert [tuple(params(one)[name] for name in ("fast", "slow", "sign")) for one in made] == changed
    assert all({**one, "parts": []} == {**TREND, "parts": []} for one in made)


def test_a_step_is_the_same_in_the_playbook_and_in_the_book_everyone_begins_with() -> None:
    """Speeds of the seed's book are its own and every faster and slower one; its reverse is the reversed."""
    seed = roster.plain(spec_of(SEED))
    operators = (Operator.FASTER, Operator.SLOWER, Operator.REVERSED)
    playbook = {spec_id(one) for operator in operators for one in apply(operator, seed, REPERTOIRE)}
    book = {spec_id(roster.plain(one.spec)) for one in roster.seed_members()}
    assert book == playbook | {spec_id(seed)}
    assert len(book) == 6


def test_arms_of_the_book_are_not_proposed_and_take_nothing_of_the_budget() -> None:
    speeds = [one.trial_id for one in proposed(Cause.REGIME_CHANGE) if one.operator in ("faster", "slower")]
    left = proposed(Cause.REGIME_CHANGE, budget=Budget(capacity=2), in_book=speeds)
    assert [one.operator for one in left] == [Operator.REVERSED, Operator.OTHER_FAMILY]


def test_other_families_are_all_but_the_own() -> None:
    made = apply(Operator.OTHER_FAMILY, TREND, REPERTOIRE)
    assert [one["parts"][0]["family"] for one in made] == ["boosted", "breakout", "carry"]


def test_every_part_of_a_model_is_mutated_or_none() -> None:
    both = {**TREND, "parts": [*TREND["parts"], *model("breakout", days=80)["parts"]]}
    slower, _ = apply(Operator.SLOWER, both, REPERTOIRE)
    assert [part["params"] for part in slower["parts"]] == [
        {"fast": 16.0, "slow": 64.0, "sign": 1.0},
        {"days": 160.0},
    ]
    assert apply(Operator.REVERSED, both, REPERTOIRE) == ()  # a breakout has no sign


def test_reversing_twice_is_the_spec_again() -> None:
    (once,) = apply(Operator.REVERSED, TREND, REPERTOIRE)
    assert apply(Operator.REVERSED, once, REPERTOIRE) == (TREND,)


@pytest.mark.parametrize("spec", [model("trend", fast=3, slow=32), model("carry"), BOOSTED])
def test_what_cannot_be_faster_is_not_mutated(spec: Spec) -> None:
    assert apply(Operator.FASTER, spec, REPERTOIRE) == ()
    assert apply(Operator.SLOWER, model("breakout", days=300), REPERTOIRE) == ()


def test_what_cannot_be_built_is_not_proposed() -> None:
    choosy = Repertoire(FAMILIES, is_valid=lambda spec: spec["parts"][0]["family"] != "carry")
    assert [one["parts"][0]["family"] for one in apply(Operator.OTHER_FAMILY, TREND, choosy)] == [
        "boosted",
        "breakout",
    ]


def test_the_models_own_specs_can_be_mutated_and_built() -> None:
    """Every family the project registers, with its defaults, through the parser of people's files."""

    def is_valid(spec: Spec) -> bool:
        try:
            spec_of(spec)
        except ValueError:
            return False
        return True

    defaults = {
        name: {"parts": [{"family": name, "params": {}}]}
        for name in ("trend", "breakout", "mean_reversion", "pairs", "carry", "boosted")
    }
    filled = {name: plain(spec_of(spec)) for name, spec in defaults.items()}
    repertoire = Repertoire(filled, frozenset({"boosted"}), is_valid)
    for spec in filled.values():
        for operator in Operator:
            for made in apply(operator, spec, repertoire):
                assert spec_id(plain(spec_of(made))) == spec_id(made)
    assert len(apply(Operator.OTHER_FAMILY, filled["trend"], repertoire)) == 5
    assert apply(Operator.SLOWER, filled["breakout"], repertoire)


def plain(spec: ModelSpec) -> Spec:
    raw = json.loads(spec.text())
    parts = [{**part, "params": dict(part["params"])} for part in raw["parts"]]
    return {**raw, "parts": parts}


def test_only_what_learns_is_refitted_and_never_twice_on_the_same_data() -> None:
    assert apply(Operator.REFIT, TREND, REPERTOIRE) == ()
    first = proposed(Cause.FEATURE_DECAY, champion=BOOSTED, learnt_until="2026-01-01")
    assert first[0].operator is Operator.REFIT
    assert (first[0].spec, first[0].train_until) == (BOOSTED, "2026-08-21")
    again = proposed(Cause.FEATURE_DECAY, champion=BOOSTED, learnt_until="2026-08-21")
    assert Operator.REFIT not in {one.operator for one in again}


# --- the playbook ---------------------------------------------------------------------------------------


def test_every_cause_has_its_page_and_what_is_broken_elsewhere_mutates_nothing() -> None:
    assert PLAYBOOK.keys() == set(Cause)
    for cause in (Cause.DATA_FAULT, Cause.RECONCILIATION_BREAK, Cause.VOLATILITY):
        assert proposed(cause) == []


def test_cost_is_answered_by_trading_less() -> None:
    both = proposed(Cause.EXECUTION_COST)
    assert [(one.operator, params(one.spec)["slow"]) for one in both] == [
        (Operator.SLOWER, 64.0),
        (Operator.SLOWER, 128.0),
    ]


def test_nothing_is_proposed_that_was_tried_until_its_data_is_old() -> None:
    first = proposed(Cause.REGIME_CHANGE)
    assert len(first) == len({one.trial_id for one in first}) == 8
    journal = tried(first, ON - timedelta(days=100))
    assert [one.spec for one in proposed(Cause.REGIME_CHANGE, journal)] == []
    assert len(proposed(Cause.REGIME_CHANGE, tried(first, ON - timedelta(days=730)))) == 8


def test_the_champion_itself_is_no_mutation() -> None:
    repertoire = Repertoire({"other": TREND})
    found = propose(Cause.FEATURE_DECAY, TREND, repertoire, [], ON, budget=Budget())
    assert spec_id(TREND) not in {one.trial_id for one in found}


def test_an_operator_rests_after_its_use() -> None:
    used = [Tried("another spec", spec_id(TREND), Operator.SLOWER, ON - timedelta(days=20))]
    assert Operator.SLOWER not in {one.operator for one in proposed(Cause.REGIME_CHANGE, used)}
    used = [Tried("another spec", spec_id(TREND), Operator.SLOWER, ON - timedelta(days=21))]
    assert Operator.SLOWER in {one.operator for one in proposed(Cause.REGIME_CHANGE, used)}


def test_a_rerun_of_the_day_proposes_the_same() -> None:
    """Killed after two of six experiments were journalled."""
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
    weekly = [ON + timedelta(days=days) for days in (0, 7, 14, 21, 28)]
    assert [small.left(weekly[: n + 1], day) for n, day in enumerate(weekly)] == [1] * 5


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
    only, further = proposed(Cause.EXECUTION_COST)
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
    assert Tried.of(experiment) == Tried(only.trial_id, spec_id(TREND), "slower", date(2026, 8, 1))
    assert not experiment.has_passed
    resting = Budget(cooldown_days=0)
    assert proposed(Cause.EXECUTION_COST, [Tried.of(experiment)]) == [], "the operator rests"
    assert proposed(Cause.EXECUTION_COST, [Tried.of(experiment)], budget=resting) == [further], (
        "but for this one"
    )


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
