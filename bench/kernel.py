"""The kernel beside its peers, on one strategy all can express, in the same minute, equal outputs first.

    python bench/kernel.py [--peers vectorbt backtrader nautilus_trader] [--json FILE]

Each peer lives in an environment of its own under var/peers, made on first use. Ends with one line per peer,
e.g. `vectorbt 83.1x`: bars x candidates per second of one core of the kernel under its full rules
(square-root impact, volume cap, breakers, sizing on equity), over the peer's on the shared simple rules.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numba
import numpy as np

from hydra.research.features import trend_scale
from hydra.research.filters import deviation_before, ewma
from hydra.research.kernel import Candidates, Market, Rules, pnl_paths, run, without_breakers

ROOT = Path(__file__).resolve().parent.parent
PEERS_DIR = ROOT / "var" / "peers"
PEERS = {
    "vectorbt": ("vectorbt==1.2.0",),
    "backtrader": ("backtrader==1.9.78.123", "pandas"),
    "nautilus_trader": ("nautilus_trader==1.221.0",),
    "arch": ("arch==8.0.0",),
}
BARS, POINT, CAPITAL, COST_USD = 2520, 50.0, 1_000_000.0, 12.5
CANDIDATES = {"vectorbt": 640, "backtrader": 1, "nautilus_trader": 1}
SHARED = without_breakers(
    Rules(CAPITAL, POINT, position_fraction=np.inf, adv_fraction=np.inf, impact_y=0.0, compounding=0.0)
)
FULL = Rules(CAPITAL, POINT, impact_y=0.5, commission_usd=2.5, position_fraction=0.5)
SAME_MINUTE_S = 60.0
PAIRS, TERMS = 40, 20_000_000


def python_of(peer: str) -> Path:
    """The Python of the peer's own environment, made if it is not there: their needs exclude each other."""
    place = PEERS_DIR / peer
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        uv = ROOT / ".venv" / "uv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, place], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *PEERS[peer]], check=True)
        (place / ".ready").touch()
    return python


def series(count: int, bars: int = BARS, seed: int = 5) -> dict[str, np.ndarray]:
    """A market in quarter points whose next open is this close, and `count` crossovers of 40 averages."""
    rng = np.random.default_rng(seed)
    close = np.round((400 + np.cumsum(rng.normal(0, 3, bars))) * 4) / 4
    close = np.abs(close) + 50.0
    start = np.concatenate((close[:1], close[:-1]))
    sigma = np.maximum(deviation_before(np.diff(close, prepend=close[0] - 3.0), 36), 1.0)
    spans = np.unique(np.round(np.geomspace(2, 256, 60)))[:40]
    pairs = [(f, s) for f in spans for s in spans if s >= 2 * f]
    picks = rng.choice(len(pairs), count, replace=count > len(pairs))
    fast, slow = (np.array([pairs[i][side] for i in picks]) for side in (0, 1))
    known = {pair: trend_scale(*pair) for pair in {pairs[i] for i in picks}}
    scale = np.array([known[pairs[i]] for i in picks])
    unit = np.array(CAPITAL * 0.10 / 16.0)
    return {
        "close": close, "open": start, "sigma": sigma, "fast": fast, "slow": slow, "scale": scale,
        "unit_usd": unit, "point": np.array(POINT), "cost_usd": np.array(COST_USD),
    }  # fmt: skip


def ours(data: dict[str, np.ndarray], rules: Rules, threads: int = 1) -> np.ndarray:
    """P&L paths by the kernel, averages included: each is computed once, however many candidates share it."""
    return pnl_paths(*_inputs(data), rules, threads)


def _inputs(data: dict[str, np.ndarray]) -> tuple[Market, Candidates]:
    close, sigma = data["close"], data["sigma"]
    spans, places = np.unique(np.concatenate((data["fast"], data["slow"])), return_inverse=True)
    averages = np.column_stack([ewma(close, span, close[0]) for span in spans]) / sigma[:, None]
    count = data["fast"].size
    weight = 1.0 / data["scale"]
    crossings = Candidates(averages, places[:count], places[count:], weight, -weight)
    spread = np.full(close.size, COST_USD / POINT)
    market = Market(data["open"], close, sigma, spread, np.full(close.size, 2_000.0))
    return market, crossings


def fills(data: dict[str, np.ndarray]) -> int:
    """The most sessions in which a candidate trades."""
    lots = run(*_inputs(data), SHARED).lots
    return int((np.diff(lots, axis=0) != 0).sum(axis=0).max())


def rate(data: dict[str, np.ndarray], rules: Rules, times: int = 7) -> float:
    """Bars x candidates per second of one core's time, the median of several runs.

    Core time on both sides, for a machine that others use, too, gives no two runs the same wall time.
    """
    seconds = []
    for _ in range(times):
        began = time.process_time()
        ours(data, rules)
        seconds.append(time.process_time() - began)
    return data["close"].size * data["fast"].size / float(np.median(seconds))


def beside(peer: str) -> dict[str, float]:
    """Three rounds of both sides in turn; AssertionError where the final P&L differs."""
    python, data, large = python_of(peer), series(CANDIDATES[peer]), series(640)
    ours(large, SHARED)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "data.npz", Path(folder) / "out.npy"
        np.savez(source, **data)
        command = [python, ROOT / "bench" / "kernel_peers.py", peer, source, target]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            _answer(other, "READY")
            began = time.perf_counter()
            full, shared, theirs = [], [], []
            for _ in range(3):
                full.append(rate(large, FULL))
                shared.append(rate(large, SHARED))
                _ask(other)
                theirs.append(float(_answer(other, "TOOK")))
            took = time.perf_counter() - began
        final = np.load(target)
    mine = ours(data, SHARED).sum(axis=0)
    off = float(np.abs(mine - final).max())
    # one engine rounds what each fill realised and each commission to a cent
    allowed = 0.03 + 0.01 * fills(data)
    assert off <= allowed, f"{peer}: final P&L differs by {off:.2f}, more than rounding's {allowed:.2f}"
    cells = data["close"].size * data["fast"].size
    return {
        "peer_rate": cells / float(np.median(theirs)), "full_rate": float(np.median(full)),
        "shared_rate": float(np.median(shared)), "off_usd": off,
        "largest_usd": float(np.abs(mine).max()), "took_s": took,
    }  # fmt: skip


def _ask(other: subprocess.Popen[str]) -> None:
    assert other.stdin is not None
    other.stdin.write("go\n")
    other.stdin.flush()


def _answer(other: subprocess.Popen[str], word: str) -> str:
    """What follows this word at the start of a line; engines print much else."""
    assert other.stdout is not None
    for line in other.stdout:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise AssertionError(f"the peer ended without saying {word}")


@numba.njit(nogil=True)
def _arithmetic(terms: int) -> float:
    total = 0.0
    for term in range(terms):
        total += 1.0 / (term + 1.0)
    return total


def two_cores(data: dict[str, np.ndarray]) -> tuple[float, float]:
    """The kernel's wall time on one thread over that on two; and the same of mere arithmetic, cut in two.

    Into the same matrix again and again, as a search over many markets does. The best of many rounds, all
    four in turn: what the second is below 2, the machine had not to give.
    """
    market, crossings = _inputs(data)
    out = ours(data, FULL)
    _arithmetic(1)
    seconds: dict[tuple[str, int], list[float]] = {}

    def took(name: str, threads: int, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        seconds.setdefault((name, threads), []).append(time.perf_counter() - began)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(PAIRS):
            for threads in (1, 2):
                took("kernel", threads, partial(pnl_paths, market, crossings, FULL, threads, out))
                terms = [TERMS // threads] * threads
                took("arithmetic", threads, lambda terms=terms: list(pool.map(_arithmetic, terms)))
    gains = [min(seconds[name, 1]) / min(seconds[name, 2]) for name in ("kernel", "arithmetic")]
    return gains[0], gains[1]


def from_cache() -> tuple[float, float]:
    """Core seconds a new process needs with a warm cache: to import Numba, and from there to a first P&L."""
    program = (
        "import numpy as np; from time import process_time as now; t = now(); import numba; u = now();"
        "from hydra.research.kernel import Market, Rules, of_columns, pnl_paths;"
        "x = np.linspace(300.0, 400.0, 2520); m = Market(x, x, 0 * x + 5, 0 * x, 0 * x + 500);"
        "pnl_paths(m, of_columns(np.ones((2520, 32))), Rules(1e6, 50.0)); print(u - t, now() - u)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(4)
    ]
    imported, ready = min(tuple(float(one) for one in run.stdout.split()) for run in runs[1:])
    return imported, ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    many = series(2_560)
    ours(many, FULL, 2)
    alone = rate(many, FULL)
    gain, possible = two_cores(many)
    print(f"kernel, full rules: {alone / 1e6:.0f} million bars x candidates per second of one core;")
    imported, ready = from_cache()
    print(f"  two cores {gain:.2f}x one (mere arithmetic {possible:.2f}x in the same rounds);")
    print(f"  first P&L from cache after {imported + ready:.2f} s, {imported:.2f} of them Numba's import")
    found, lines = {}, []
    for peer in args.peers:
        one = beside(peer)
        found[peer] = one
        print(
            f"{peer}: {one['peer_rate'] / 1e6:.3f} million; kernel {one['full_rate'] / 1e6:.0f} (full rules),"
            f" {one['shared_rate'] / 1e6:.0f} (shared rules); final P&L equal to ${one['off_usd']:.4f}"
            f" of ${one['largest_usd']:,.0f}"
        )
        if one["took_s"] <= SAME_MINUTE_S:
            lines.append(f"{peer} {one['full_rate'] / one['peer_rate']:.1f}x")
        else:
            lines.append(f"{peer}: no ratio, both sides took {one['took_s']:.0f} s, more than a minute")
    print("\n".join(lines))
    if args.json:
        args.json.write_text(
            json.dumps(
                {"one_core": alone, "two_cores_gain": gain, "two_cores_possible": possible, "peers": found},
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
