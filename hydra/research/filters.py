"""Compiled filters along the last axis of [n, T] arrays; each value sees the past and its own bar only."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ewma(values: Floats, span: float, start: float = 0.0) -> Floats:
    """Exponential average with alpha = 2 / (span + 1), from `start` before the first bar; shape as given."""
    rows = _rows(values)
    return _ewma(rows, 2.0 / (span + 1.0), start).reshape(np.shape(values))


def rolling_high(values: Floats, bars: int) -> Floats:
    """The highest of the last `bars` bars, of fewer at the beginning; shape as given."""
    return _rolling_high(_rows(values), bars).reshape(np.shape(values))


def rolling_low(values: Floats, bars: int) -> Floats:
    """The lowest of the last `bars` bars, of fewer at the beginning; shape as given."""
    return -rolling_high(-np.asarray(values, dtype=np.float64), bars)


def deviation_before(changes: Floats, span: float) -> Floats:
    """The deviation of changes known the bar before: exponential average of squares, seeded by the first.

    Zero at the first bar, where nothing is known.
    """
    return _deviation_before(_rows(changes), 2.0 / (span + 1.0)).reshape(np.shape(changes))


def _rows(values: Floats) -> Floats:
    array = np.ascontiguousarray(values, dtype=np.float64)
    return array.reshape(-1, array.shape[-1]) if array.size else array.reshape(0, array.shape[-1])


@numba.njit(cache=True, nogil=True)
def _ewma(rows: Floats, alpha: float, start: float) -> Floats:
    out = np.empty_like(rows)
    for i in range(rows.shape[0]):
        level = start
        for t in range(rows.shape[1]):
            level += alpha * (rows[i, t] - level)
            out[i, t] = level
    return out


@numba.njit(cache=True, nogil=True)
def _deviation_before(rows: Floats, alpha: float) -> Floats:
    out = np.zeros_like(rows)
    for i in range(rows.shape[0]):
        variance = rows[i, 0] * rows[i, 0] if rows.shape[1] else 0.0
        for t in range(1, rows.shape[1]):
            out[i, t] = math.sqrt(variance)
            variance += alpha * (rows[i, t] * rows[i, t] - variance)
    return out


@numba.njit(cache=True, nogil=True)
def _rolling_high(rows: Floats, bars: int) -> Floats:
    """A queue of falling candidates: each bar enters and leaves once."""
    out = np.empty_like(rows)
    queue = np.empty(rows.shape[1], dtype=np.int64)
    for i in range(rows.shape[0]):
        head, tail = 0, 0
        for t in range(rows.shape[1]):
            while tail > head and rows[i, queue[tail - 1]] <= rows[i, t]:
                tail -= 1
            queue[tail] = t
            tail += 1
            if queue[head] <= t - bars:
                head += 1
            out[i, t] = rows[i, queue[head]]
    return out
