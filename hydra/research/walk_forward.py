"""Splits in time: train only on what was known.

The purge (`gap`) keeps labels that reach into the test out of the training; the embargo keeps as many bars
more away from it, because what is slow in a market does not end where a label does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """Half-open ranges of bars: train on [0, train_end), test on [test_start, test_end)."""

    train_end: int
    test_start: int
    test_end: int


def forward_folds(bars: int, min_train: int, test: int, gap: int, embargo: int = 0) -> list[Fold]:
    """Growing training ranges, each followed by `gap + embargo` unused bars and a whole test range.

    ValueError unless `min_train` and `test` are positive, `gap` and `embargo` not negative.
    """
    if min_train < 1 or test < 1 or gap < 0 or embargo < 0:
        problem = f"min_train {min_train} and test {test} must be positive"
        raise ValueError(f"{problem}, gap {gap} and embargo {embargo} not negative")
    unused = gap + embargo
    folds, start = [], min_train + unused
    while start + test <= bars:
        folds.append(Fold(start - unused, start, start + test))
        start += test
    return folds


def purged_train(bars: int, test_start: int, test_end: int, label_bars: int, embargo: int) -> Ints:
    """The bars that may train a model tested on [test_start, test_end).

    The label of bar i spans [i, i + label_bars]; a bar whose span meets the test is purged, and after the
    test `embargo` more bars beyond the span of the test's last label.
    """
    if label_bars < 0 or embargo < 0 or not 0 <= test_start < test_end <= bars:
        raise ValueError("needs a test within the bars, and a span and an embargo that are not negative")
    every = np.arange(bars, dtype=np.int64)
    before = every + label_bars < test_start
    after = every >= test_end + label_bars + embargo
    return every[before | after]


def walk(bars: int, min_train: int, test: int, gap: int, embargo: int = 0) -> Iterator[tuple[Ints, Ints]]:
    """The folds as arrays of bar numbers: (train, test)."""
    for fold in forward_folds(bars, min_train, test, gap, embargo):
        yield np.arange(fold.train_end), np.arange(fold.test_start, fold.test_end)
