"""Each healing rule does what its docstring says, book by book, and remembers only plain arrays."""

import json
import math

import numpy as np
import pytest

from hydra.research.heal import (
    RULES,
    Arms,
    Constant,
    CostChannel,
    DrawdownStop,
    Evidence,
    Insured,
    Posterior,
)
from hydra.research.heal.rule import YEAR

ARMS = 4


def arms(books: int = 3, instruments: int = 2, champion: int = 1) -> Arms:
    prior = np.tile([0.2, 0.3, 0.1, 0.1, 0.3], (books, 1))
    shape = (books, instruments, ARMS)
    gross = np.broadcast_to([0.5, 0.6, 0.4, -0.6], shape).copy()
    cost = np.broadcast_to([0.6, 0.3, 0.02, 0.3], shape).copy()
    past = np.random.default_rng(1).normal(-0.32, 0.8, (books, instruments, 250))
    variants = np.tile([True, True, True, False], (books, 1))
    return Arms(np.full(books, champion), prior, variants, gross, cost, past)


def evidence(session: int, given: Arms, **changed: np.ndarray) -> Evidence:
    books, count = given.books, given.count
    values = {
        "pnl": np.zeros((books, count)),
        "variance": np.ones((books, count)),
        "book_pnl": np.zeros(books),
        "fills": np.full((books, given.instruments), np.nan),
        "history": np.zeros((books, 504, count)),
    } | changed
    return Evidence(session=session, **values)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_is_pure_its_state_survives_json_and_weights_are_never_borrowed(name: str) -> None:
    rule, given, rng = RULES[name], arms(), np.random.default_rng(2)
    state, allocation = rule.begin(given)
    history = rng.normal(0.02, 1, (3, 700, ARMS))
    for session in range(1, 140):
        seen = evidence(
            session,
            given,
            pnl=history[:, 500 + session],
            book_pnl=history[:, 500 + session, 1],
            fills=rng.normal(-0.32, 0.8, (3, 2)) + (1.1 if session > 100 else 0.0),
            history=history[:, : 501 + session],
        )
        before = {key: value.copy() for key, value in state.items()}
        after, allocation = rule.step(given, state, seen)
        assert all(np.array_equal(state[key], before[key], equal_nan=True) for key in state)
        read = json.loads(json.dumps({key: value.tolist() for key, value in state.items()}))
        again, same = rule.step(given, {key: np.array(value) for key, value in read.items()}, seen)
        assert np.array_equal(same.weights, allocation.weights)
        assert all(np.array_equal(after[key], again[key], equal_nan=True) for key in after)
        assert (allocation.weights >= 0).all()
        assert (allocation.weights.sum(axis=2) <= 1 + 1e-9).all()
        state = after


@pytest.mark.parametrize("name", sorted(RULES))
def test_books_do_not_touch_one_another(name: str) -> None:
    rule, rng = RULES[name], np.random.default_rng(3)
    both, alone = arms(2), arms(1)
    both.past_fills[0] = alone.past_fills[0]
    history = rng.normal(0, 1, (2, 600, ARMS))
    states = rule.begin(both)[0], rule.begin(alone)[0]
    for session in range(1, 90):
        day = 504 + session
        fills = rng.normal(0.5, 0.8, (2, 2))
        said = []
        for which, given, books in ((0, both, 2), (1, alone, 1)):
            seen = evidence(
                session,
                given,
                pnl=history[:books, day],
                book_pnl=history[:books, day, 1],
                fills=fills[:books],
                history=history[:books, : day + 1],
            )
            after, allocation = rule.step(given, states[which], seen)
            states = (after, states[1]) if which == 0 else (states[0], after)
            said.append(allocation)
        np.testing.assert_allclose(said[0].weights[0], said[1].weights[0])
        assert said[0].promoted[0] == said[1].promoted[0]


def test_the_posterior_is_bayes_with_a_switch_that_returns_to_the_leader() -> None:
    rule, given = Posterior("strong", 0.5, 0.6), arms(1)
    state, _ = rule.begin(given)
    start = 0.5 * given.prior[0] + 0.5 * np.array([0, 1, 0, 0, 0])
    np.testing.assert_allclose(state["weights"][0], start)
    pnl, variance = np.array([[1.0, -2.0, 0.5, 9.0]]), np.array([[1.0, 0.8, 1.2, 1.0]])
    after, _ = rule.step(given, state, evidence(1, given, pnl=pnl, variance=variance))
    claim = 1 / YEAR
    odds = np.exp(claim * np.array([1.0, -2.0, 0.5, 5.0]) - claim**2 / 2 * variance[0])
    bayes = start * np.append(odds, 1.0)
    expected = (1 - 1 / 500) * bayes / bayes.sum() + start / 500
    np.testing.assert_allclose(after["weights"][0], expected)


def test_the_leader_trades_whole_from_theta_on_and_the_rest_goes_in_proportion() -> None:
    rule, given = Posterior("strong", 0.5, 0.6), arms(1)
    _, allocation = rule.begin(given)
    np.testing.assert_allclose(allocation.weights[0, 0], [0, 1, 0, 0])
    np.testing.assert_allclose(rule._traded(np.array([[0.2, 0.3, 0.1, 0.1, 0.3]]), np.array([1]))[0, 1], 0.5)
    shared = rule._traded(np.array([[0.2, 0.3, 0.1, 0.1, 0.3]]), np.array([1]))[0]
    np.testing.assert_allclose(shared / shared[0], [1, 3.5, 0.5, 0.5, 1.5])


def test_an_arm_with_over_half_for_five_sessions_is_promoted_and_can_be_rolled_back() -> None:
    rule, given = Posterior("strong", 0.5, 0.6), arms(1)
    state, _ = rule.begin(given)
    champions, promotions = [], []
    for session in range(1, 1500):
        good = 0 if session < 500 else 1
        pnl = np.full((1, ARMS), -0.4)
        pnl[0, good] = 0.4
        state, allocation = rule.step(given, state, evidence(session, given, pnl=pnl))
        champions.append(int(allocation.champion[0]))
        promotions.append(bool(allocation.promoted[0]))
        if allocation.promoted[0]:
            held = allocation.weights[0, 0]
            assert held[allocation.champion[0]] > 0.5
    assert champions[498] == 0
    assert champions[-1] == 1
    assert sum(promotions) == 2


def test_dearer_fills_are_seen_within_days_and_move_the_champion_to_what_pays() -> None:
    rule, given = CostChannel(), arms(200)
    rng = np.random.default_rng(4)
    past = rng.normal(-0.32, 0.8, given.past_fills.shape)
    given = Arms(given.champion, given.prior, given.is_variant, given.gross_year, given.cost_year, past)
    state, _ = rule.begin(given)
    moved_on = np.full(200, np.inf)
    for session in range(1, 60):
        fills = rng.normal(-0.32, 0.8, (200, 2)) + (math.log(3) if session > 20 else 0.0)
        state, allocation = rule.step(given, state, evidence(session, given, fills=fills))
        moved = allocation.weights[:, :, 1].mean(axis=1) < 1
        moved_on[moved & np.isinf(moved_on)] = session - 20
    assert np.median(moved_on) <= 8
    assert (moved_on < 1).mean() < 0.05
    # at three times the cost .4 - 3 x .02 beats .6 - 3 x .3
    assert (allocation.weights[:, :, 2] == 1.0).mean() > 0.9


def test_fills_that_cost_what_was_predicted_move_nothing_for_years() -> None:
    rule, given = CostChannel(), arms(100)
    rng = np.random.default_rng(5)
    state, _ = rule.begin(given)
    promotions = 0
    for session in range(1, 253):
        fills = rng.normal(-0.32, 0.8, (100, 2))
        state, allocation = rule.step(given, state, evidence(session, given, fills=fills))
        promotions += int(allocation.promoted.sum())
    assert promotions <= 12  # 50,400 fills at one false alarm per 19,000, and the baseline's own error


def test_no_variant_that_pays_means_no_position() -> None:
    rule, given = CostChannel(), arms(1)
    dear = Arms(
        given.champion,
        given.prior,
        given.is_variant,
        given.gross_year,
        20 * given.cost_year,
        given.past_fills,
    )
    state, _ = rule.begin(dear)
    for session in range(1, 40):
        state, allocation = rule.step(dear, state, evidence(session, dear, fills=np.full((1, 2), 2.0)))
    assert not allocation.weights.any()


@pytest.mark.parametrize("of_shadow", [True, False])
def test_half_size_begins_below_one_yearly_target_and_ends_at_half_of_it(of_shadow: bool) -> None:
    rule, given = DrawdownStop(of_shadow=of_shadow), arms(1)
    state, _ = rule.begin(given)
    sizes = []
    for session, earned in enumerate([-0.5, -0.49, -0.02, 0.3, 0.2, 0.1], start=1):
        champion, book = (earned, 9.0) if of_shadow else (9.0, earned)
        pnl = np.array([[9.0, champion, 9.0, 9.0]]) * YEAR
        seen = evidence(session, given, pnl=pnl, book_pnl=np.array([book * YEAR]))
        state, allocation = rule.step(given, state, seen)
        sizes.append(float(allocation.weights[0, 0, 1]))
    assert sizes == [1.0, 1.0, 0.5, 0.5, 0.5, 1.0]


def test_an_old_drawdown_is_forgotten_and_no_day_counts_more_than_its_most() -> None:
    rule, given = DrawdownStop(forgets=0.5, day_most=4.0), arms(1)
    state, _ = rule.begin(given)
    depths = []
    for session, earned in enumerate([-9.0, 0.0, 9.0, -1.0], start=1):
        state, _ = rule.step(given, state, evidence(session, given, pnl=np.full((1, ARMS), earned)))
        depths.append(float(state["depth"][0] * YEAR))
    assert depths == pytest.approx([4.0, 2.0, 0.0, 1.0])


def test_the_insured_champion_is_stopped_whole_and_replaced_by_the_one_that_is_believed() -> None:
    rule, given = Insured(), arms(1)
    state, allocation = rule.begin(given)
    assert allocation.weights[0, 0].tolist() == [0, 1, 0, 0]
    seen = []
    for session in range(1, 900):
        pnl = np.array([[0.25, -0.25, 0.0, 0.0]])
        state, allocation = rule.step(given, state, evidence(session, given, pnl=pnl))
        seen.append((tuple(allocation.weights[0, 0]), int(allocation.champion[0])))
    changes = [one for at, one in enumerate(seen) if at == 0 or seen[at - 1] != one]
    assert changes == [((0, 1, 0, 0), 1), ((0, 0, 0, 0), 1), ((1, 0, 0, 0), 0)]
    assert state["stop.depth"][0] == 0.0
    assert 80 < seen.index(changes[1]) < seen.index(changes[2])


def test_three_of_five_windows_promotes_noise_and_the_statistical_rule_does_not() -> None:
    given, rng = arms(40), np.random.default_rng(6)
    history = rng.normal(0, 1, (40, 1200, ARMS))
    counts = {}
    for name in ("windows", "statistical", "blind_month"):
        rule = RULES[name]
        state, _ = rule.begin(given)
        counts[name] = 0
        for session in range(21, 600, 21):
            seen = evidence(session, given, history=history[:, session : 504 + session])
            state, allocation = rule.step(given, state, seen)
            counts[name] += int(allocation.promoted.sum())
    assert counts["windows"] > 200
    assert counts["blind_month"] > 100
    assert counts["statistical"] == 0


def test_constant_rules_never_look() -> None:
    given = arms()
    for rule, size in ((Constant(), 1.0), (Constant(0.75), 0.75)):
        state, _ = rule.begin(given)
        _, allocation = rule.step(given, state, evidence(1, given, pnl=np.full((3, ARMS), -50.0)))
        assert allocation.weights[:, :, 1].tolist() == [[size, size]] * 3
    assert Constant(0.75).name == "const75"


def test_a_prior_that_is_no_distribution_is_refused() -> None:
    given = arms(1)
    with pytest.raises(ValueError, match="sum to 1 with cash"):
        Arms(
            given.champion,
            given.prior * 1.1,
            given.is_variant,
            given.gross_year,
            given.cost_year,
            given.past_fills,
        )
