"""Many tests at once: adjusted p-values, to be compared with the level of the whole family."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down: the chance of any false alarm in the family stays at the level, whatever depends."""
    p, order = _sorted(p_values)
    adjusted = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _unsorted(adjusted, order)


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini-Hochberg's step-up: the expected share of false among all alarms stays at the level."""
    p, order = _sorted(p_values)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    return _unsorted(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _sorted(p_values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.size and not (np.all(p >= 0) and np.all(p <= 1)):
        raise ValueError("a p-value outside [0, 1], or missing")
    return p, np.argsort(p, kind="stable")


def _unsorted(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result
