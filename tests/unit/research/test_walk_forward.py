"""A model is trained only on what was known, with room for its labels."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.research.candidate import EMBARGO_BARS, LABEL_BARS, folds
from hydra.research.family import FAMILIES, Bars, register
from hydra.research.filters import Floats
from hydra.research.models import ModelSpec, Part, walked_forward
from hydra.research.walk_forward import Ints, forward_folds, purged_train, walk


def test_the_reference_example_has_three_folds() -> None:
    folds = forward_folds(500, min_train=252, test=63, gap=5)
    assert [(fold.test_start, fold.test_end) for fold in folds] == [(257, 320), (320, 383), (383, 446)]
    assert [fold.train_end for fold in folds] == [252, 315, 378]


@given(st.integers(1, 600), st.integers(1, 200), st.integers(1, 100), st.integers(0, 20))
def test_folds_never_overlap_and_keep_their_gap(bars: int, train: int, test: int, gap: int) -> None:
    last = 0
    for train_bars, test_bars in walk(bars, train, test, gap):
        assert train_bars[-1] + gap < test_bars[0]
        assert train_bars.size >= train
        assert test_bars.size == test
        assert last <= test_bars[0]
        last = int(test_bars[-1]) + 1
    assert last <= bars


@given(st.integers(1, 400), st.integers(1, 99), st.integers(1, 60), st.integers(0, 9), st.integers(0, 9))
def test_an_embargo_keeps_training_further_away_and_nothing_else(
    bars: int, train: int, test: int, gap: int, embargo: int
) -> None:
    """What trains is what the purge leaves of the past, less the last bars of it."""
    for train_bars, test_bars in walk(bars, train, test, gap, embargo):
        start, end = int(test_bars[0]), int(test_bars[-1]) + 1
        kept = purged_train(bars, start, end, gap, embargo)
        past = kept[kept < start]
        assert np.array_equal(train_bars, past[: past.size - embargo])
        assert train_bars[-1] + gap + embargo < start
    plain = forward_folds(bars + embargo, train + embargo, test, gap)
    moved = forward_folds(bars + embargo, train, test, gap, embargo)
    assert [(one.test_start, one.test_end) for one in plain] == [
        (one.test_start, one.test_end) for one in moved
    ]


def test_candidates_are_walked_with_both() -> None:
    spans = folds(500)
    assert spans == [(262, 325), (325, 388), (388, 451)]
    assert (LABEL_BARS, EMBARGO_BARS) == (5, 5)
    spec, trained = ModelSpec((Part("witness", ()),)), []

    @register
    @dataclass(frozen=True, slots=True)
    class Witness:
        name: ClassVar[str] = "witness"
        learns: ClassVar[bool] = True

        def fit(self, bars: Bars, train: Ints) -> str:
            trained.append((bars.close.size, int(train[-1])))
            return ""

        def forecast(self, bars: Bars, artefact: str) -> Floats:
            return np.zeros(bars.close.size)

    try:
        close = np.cumsum(np.ones(500))
        walked_forward(spec, Bars(close, close), 252, 63, LABEL_BARS, EMBARGO_BARS)
    finally:
        del FAMILIES["witness"]
    assert trained == [(start - 10, start - 11) for start, _ in spans], (
        "no bar after the training is even seen"
    )


@given(st.integers(10, 200), st.data())
def test_no_training_label_meets_the_test_and_the_embargo_holds(bars: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, bars - 2))
    end = data.draw(st.integers(start + 1, bars))
    label, embargo = data.draw(st.integers(0, 10)), data.draw(st.integers(0, 10))
    train = purged_train(bars, start, end, label, embargo)
    for bar in train:
        assert bar + label < start or bar >= end + label + embargo
    kept = set(train.tolist())
    assert all(bar in kept for bar in range(max(start - label, 0)))


@pytest.mark.parametrize(
    "bad", [(500, 0, 63, 5), (500, 252, 0, 5), (500, 252, 63, -1), (500, 252, 63, 5, -1)]
)
def test_senseless_folds_are_refused(bad: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        forward_folds(*bad)


def test_a_test_outside_the_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="within the bars"):
        purged_train(100, 90, 101, 5, 5)
    assert np.array_equal(purged_train(10, 4, 6, 1, 1), [0, 1, 2, 8, 9])
