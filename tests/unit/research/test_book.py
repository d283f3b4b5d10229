"""A book never trades more than it is, nor outside its envelope; promotion and roll-back are reversible."""

import math
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.champion import Envelope
from hydra.research.book import Arm, Book, Role, book_hash, book_of, book_text
from hydra.research.roster import seed_book, seed_members

ENVELOPE = Envelope(("ZO", "HE"), Decimal(150_000), 6, 20)
BOOK = Book(
    (
        Arm("slow", Role.CHAMPION, 0.4, 0.8),
        Arm("fast", Role.MUTANT, 0.2, 0.1),
        Arm("tree", Role.CHALLENGER, 0.05, 0.05),
    ),
    ENVELOPE,
)


def test_targets_are_the_weighted_forecasts_and_cash_is_the_rest() -> None:
    assert BOOK.cash == pytest.approx(0.05)
    assert BOOK.forecast("ZO", {"slow": 1.0, "fast": -2.0, "tree": 0.4}) == pytest.approx(0.62)


@pytest.mark.parametrize("said", [{}, {"slow": math.nan}, {"slow": math.inf, "fast": math.nan}])
def test_an_arm_that_says_nothing_sensible_counts_as_cash(said: dict[str, float]) -> None:
    assert BOOK.forecast("ZO", said) == 0.0


def test_outside_the_envelope_nothing_is_held() -> None:
    assert BOOK.forecast("LE", {"slow": 2.0}) == 0.0
    assert ENVELOPE.breaches("ZO", 20, Decimal(150_000), 6) == ()
    assert len(ENVELOPE.breaches("LE", 21, Decimal("150000.5"), 7)) == 4


def test_a_moved_instrument_trades_the_champions_weight_elsewhere_or_not_at_all() -> None:
    moved = BOOK.weighed({"slow": 0.8, "fast": 0.1}, {"ZO": "fast"})
    said = {"slow": 1.0, "fast": -1.0}
    assert moved.forecast("ZO", said) == pytest.approx(-0.9)
    assert moved.forecast("HE", said) == pytest.approx(0.7)
    assert BOOK.weighed({"slow": 0.8}, {"ZO": ""}).forecast("ZO", said) == 0.0


def test_promotion_and_roll_back_are_the_same_rule_reversed() -> None:
    after = BOOK.promoted("fast")
    assert (after.champion, after.predecessor) == ("fast", "slow")
    assert after.rolled_back().champion == "slow"
    assert BOOK.promoted("slow") == BOOK
    with pytest.raises(ValueError, match="no predecessor"):
        BOOK.rolled_back()
    with pytest.raises(KeyError, match="nobody"):
        BOOK.promoted("nobody")
    with pytest.raises(KeyError, match="nobody"):
        BOOK.weighed({"nobody": 0.1})


def test_a_challenger_enters_small_and_untraded() -> None:
    after = BOOK.admitted("new")
    assert sum(arm.prior for arm in after.arms) == pytest.approx(0.65 * 0.95 + 0.05)
    assert after.weights("ZO")["new"] == 0.0
    with pytest.raises(ValueError, match=r"above 0\.05"):
        BOOK.admitted("greedy", 0.06)


def test_an_arm_that_is_retired_leaves_its_weight_as_cash_and_its_prior_to_the_rest() -> None:
    moved = BOOK.weighed({"slow": 0.8, "fast": 0.1, "tree": 0.05}, {"ZO": "fast"})
    after = moved.retired("fast")
    assert (after.champion, after.cash) == ("slow", pytest.approx(0.15))
    assert after.moved == (("ZO", ""),), "an instrument that was moved to it is not traded"
    assert after.arms[0].prior / (1 - sum(arm.prior for arm in after.arms)) == pytest.approx(0.4 / 0.35)
    assert after.arms[1].prior == 0.05, "a challenger's prior does not grow"
    back = BOOK.admitted("new").retired("new")
    assert [arm.prior for arm in back.arms] == pytest.approx([0.4 * 0.9975 / 0.9975, 0.2, 0.05], abs=3e-3)
    assert BOOK.promoted("fast").retired("slow").predecessor == ""
    with pytest.raises(ValueError, match="leads the book"):
        BOOK.retired("slow")
    with pytest.raises(KeyError, match="nobody"):
        BOOK.retired("nobody")


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_book_is_its_text_and_its_text_one_spelling(weights: list[float]) -> None:
    total = max(sum(weights), 1.0)
    shares = {name: weight / total for name, weight in zip(("slow", "fast", "tree"), weights, strict=True)}
    book = BOOK.weighed(shares, {"HE": "fast"})
    assert book_of(book_text(book)) == book
    assert book_hash(book) == book_hash(book_of(book_text(book)))


@pytest.mark.parametrize(
    "arms",
    [
        (),
        (Arm("a", Role.MUTANT, 0.1, 0.1),),
        (Arm("a", Role.CHAMPION, 0.1, 0.1), Arm("b", Role.CHAMPION, 0.1, 0.1)),
        (Arm("a", Role.CHAMPION, 0.1, 0.1), Arm("a", Role.MUTANT, 0.1, 0.1)),
        (Arm("a", Role.CHAMPION, 0.1, 0.7), Arm("b", Role.MUTANT, 0.1, 0.4)),
        (Arm("a", Role.CHAMPION, 0.1, -0.1),),
        (Arm("a", Role.CHAMPION, 0.1, math.nan),),
    ],
)
def test_senseless_books_are_refused(arms: tuple[Arm, ...]) -> None:
    with pytest.raises(ValueError, match=r"arm|champion|weight"):
        Book(arms, ENVELOPE)


@pytest.mark.parametrize(
    "bad", [((), 1.0, 1, 1), (("ZO",), 0.0, 1, 1), (("ZO", "ZO"), 1.0, 1, 1), (("ZO",), 1.0, 0, 1)]
)
def test_no_book_without_an_envelope(bad: tuple) -> None:
    with pytest.raises(ValueError, match=r"envelope|above zero"):
        Envelope(*bad)


@pytest.mark.parametrize("text", ["[]", "{}", '{"arms": 3}', "nonsense"])
def test_what_is_no_book_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no book|Expecting"):
        book_of(text)


def test_the_execution_worker_can_read_a_book_without_the_heavy_libraries() -> None:
    program = (
        "import sys, hydra.research.book, hydra.research.strategy;"
        "print([m for m in ('numba', 'numpy', 'pandas', 'scipy', 'lightgbm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_seed_book_has_the_priors_that_were_measured() -> None:
    """docs/healing.md: champion, fastest and slowest share .55, the reverse .15, the rest is cash."""
    members = seed_members()
    book = seed_book(members, ENVELOPE)
    priors = {arm.spec_id.split("@")[0]: round(arm.prior, 4) for arm in book.arms}
    assert priors == {
        "ewma-trend-8-32": 0.1833,
        "trend-4-16": 0.0,
        "trend-2-8": 0.1833,
        "trend-16-64": 0.0,
        "trend-32-128": 0.1833,
        "trend-8-32-rev": 0.15,
    }
    assert book.champion == members[0].model_id
    assert book.cash == 0.0
