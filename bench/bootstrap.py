"""The stationary bootstrap of a Sharpe ratio beside arch: equal distribution first, then core seconds.

    python bench/bootstrap.py

10,000 resamples of 2,500 observations, blocks of 5; three rounds of both sides in turn.
"""

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.kernel import SAME_MINUTE_S, _answer, _ask, python_of
from hydra.research.bootstrap import resampled_sharpes

DRAWS, BLOCK = 10_000, 5.0
THEIRS = """
import sys, time, numpy as np
from arch.bootstrap import StationaryBootstrap
x = np.load(sys.argv[1])
print("READY", flush=True)
for seed, _ in enumerate(sys.stdin):
    began = time.process_time()
    out = StationaryBootstrap(5, x, seed=seed).apply(lambda v: v.mean() / v.std(), 10_000)
    print(f"TOOK {time.process_time() - began}", flush=True)
    np.save(sys.argv[2], out[:, 0])
"""


def main() -> None:
    series = np.random.default_rng(1).standard_t(4, 2_500) * 0.01 + 0.0004
    resampled_sharpes(series, 10, BLOCK, 1)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "x.npy", Path(folder) / "out.npy"
        np.save(source, series)
        command = [python_of("arch"), "-c", THEIRS, source, target]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            _answer(other, "READY")
            minute = time.perf_counter()
            for seed in range(3):
                began = time.process_time()
                mine = resampled_sharpes(series, DRAWS, BLOCK, seed)[:, 0]
                ours.append(time.process_time() - began)
                _ask(other)
                theirs.append(float(_answer(other, "TOOK")))
            took = time.perf_counter() - minute
        arch = np.load(target)
    distance = kolmogorov(mine, arch)
    limit = 1.95 * np.sqrt(2 / DRAWS)
    assert distance < limit, f"the distributions differ: {distance:.4f}, limit {limit:.4f}"
    print(f"Kolmogorov distance {distance:.4f}, limit at one in a thousand {limit:.4f}")
    print(f"ours {1000 * np.median(ours):.0f} ms, arch {1000 * np.median(theirs):.0f} ms of one core")
    same = took <= SAME_MINUTE_S
    print(
        f"arch {np.median(theirs) / np.median(ours):.1f}x" if same else f"arch: no ratio, {took:.0f} s apart"
    )


def kolmogorov(one: np.ndarray, other: np.ndarray) -> float:
    """The largest distance between two empirical distributions."""
    every = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(side), every, side="right") / side.size for side in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


if __name__ == "__main__":
    main()
