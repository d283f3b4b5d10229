"""Fills Numba's cache: `python -m hydra.research.compile_ahead`, at set-up.

Whoever comes first would wait for the compiler, and several at once would each compile the same.
"""

import numpy as np

from hydra.research.bootstrap import resampled_means
from hydra.research.filters import deviation_before, ewma, rolling_high
from hydra.research.kernel import Market, Rules, of_columns, run
from hydra.research.kernel.compiled import decide_each, mark_each

BARS = 64


def compile_all() -> None:
    """Call every compiled function once, with the types that the product calls it with."""
    line, ones = np.linspace(300.0, 400.0, BARS), np.ones(BARS)
    rules = Rules(*(float(one) for one in Rules(1e6, 50.0)))
    run(Market(line, line, ones, ones, ones), of_columns(ones[:, None]), rules)
    state, bars, lanes = np.zeros((1, 7)), np.ones((1, 2, 5)), np.zeros((3, 1))
    mark_each(state, bars, rules, lanes[0], lanes[1])
    decide_each(state, bars, rules, lanes[2])
    ewma(line, 8.0)
    deviation_before(line, 8.0)
    rolling_high(line, 8)
    resampled_means(line[:, None], draws=2, block=5.0, seed=1)


if __name__ == "__main__":
    compile_all()
