"""A model is trained only on what was known, with room for its labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.research.walk_forward import forward_folds, purged_train, walk


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


@pytest.mark.parametrize("bad", [(500, 0, 63, 5), (500, 252, 0, 5), (500, 252, 63, -1)])
def test_senseless_folds_are_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        forward_folds(*bad)


def test_a_test_outside_the_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="within the bars"):
        purged_train(100, 90, 101, 5, 5)
    assert np.array_equal(purged_train(10, 4, 6, 1, 1), [0, 1, 2, 8, 9])
