"""One evening's research on a large book: 20 instruments, 200 candidates, 10 years of daily bars.

    python bench/daily_cycle.py [--instruments 20] [--candidates 200] [--years 10] [--processes 2]
                                [--json FILE]

All by the functions that the flow `daily_cycle` calls: the panel, every arm in the shadow, observation with
block-bootstrapped drift, diagnosis, each candidate's walk-forward (trend, breakout, mean reversion, pairs,
mixtures and boosted trees), hygiene with its kernel runs, SPA, deflated Sharpe and fitness, the rule's step
for a year. Bars are made up. The walk-forwards run here without the sandbox, whose processes cost the same
however large the book is: it is measured beside, per candidate. Memory is the sum over all processes.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hydra.domain.champion import Envelope
from hydra.domain.market import DailyBar
from hydra.research.candidate import learns, walk
from hydra.research.diagnose import diagnose_all
from hydra.research.experiment import Spec
from hydra.research.heal import RULES
from hydra.research.healing import arena_of, begun, stepped
from hydra.research.hygiene import Judged, Trials, judged
from hydra.research.models import spec_of
from hydra.research.observe import observe
from hydra.research.panel import Listed, Panel, panel_of
from hydra.research.roster import forecasts, fresh, parameters, seed_book, seed_members
from hydra.research.track import Account, track_of
from hydra.sandbox.run import Limits
from hydra.sandbox.walks import IsolatedWalks

UNTIL = date(2026, 11, 23)
CAPITAL_USD = 50_000_000.0
BOOSTED = 2


def panel(instruments: int, days: int, seed: int = 3) -> Panel:
    """Made-up markets on one calendar of weekdays, prices in quarters."""
    rng = np.random.default_rng(seed)
    calendar: list[date] = []
    on = UNTIL
    while len(calendar) < days:
        on -= timedelta(days=1)
        if on.weekday() < 5:
            calendar.append(on)
    calendar.reverse()
    bars, listed = {}, {}
    for number in range(instruments):
        symbol = f"M{number:02}"
        steps = rng.standard_t(5, days) * rng.uniform(2, 5)
        close = np.round((2_000 + np.cumsum(steps)) * 4) / 4
        close += max(0.0, 50.0 - close.min())
        opened = np.round((close - 0.3 * steps) * 4) / 4
        high, low = np.maximum(close, opened) + 1, np.minimum(close, opened) - 1
        volume = rng.integers(400, 4_000, days)
        bars[symbol] = tuple(
            DailyBar(on, *(Decimal(str(one[row])) for one in (opened, high, low, close)), int(volume[row]))
            for row, on in enumerate(calendar)
        )
        listed[symbol] = Listed(symbol, 50.0, 2.0)
    return panel_of(bars, listed, UNTIL)


def specs(count: int) -> list[Spec]:
    """That many different candidates; the last `BOOSTED` learn."""
    found: list[Spec] = []
    for fast in range(2, 42):
        for factor in (2, 3, 4):
            found.append(_spec("trend", fast=fast, slow=fast * factor, sign=1 if fast % 3 else -1))
        found.append(_spec("breakout", days=4 * fast))
        found.append(_spec("mean_reversion", span=fast))
        found.append(_spec("pairs", span=2 * fast))
        found.append({"parts": [*found[-6]["parts"], *found[-3]["parts"]]})
    trees = [_spec("boosted", leaves=5 + 2 * number) for number in range(BOOSTED)]
    return [*found[: count - BOOSTED], *trees][:count]


def _spec(family: str, **params: float) -> Spec:
    return {"parts": [{"family": family, "params": params}]}


class Work:
    """What a process needs to try candidates: the panel's arrays on disk, the parent's forecasts, its own."""

    panel: Panel
    parent: np.ndarray
    arrays: str

    @classmethod
    def begin(cls, given: Panel, parent: np.ndarray, arrays: str) -> None:
        cls.panel, cls.parent, cls.arrays = given, parent, arrays


def tried(job: tuple[int, Spec, Trials]) -> tuple[Judged, int]:
    """One candidate walked and judged; and the most memory this process ever had."""
    number, spec, trials = job
    order = {"spec": spec, "arrays": Work.arrays, "learns": learns(spec_of(spec))}
    said = np.array(walk(order)["forecasts"], dtype=np.float64).T
    found = judged(
        Work.panel,
        np.ascontiguousarray(said),
        Work.parent,
        parameters=parameters(spec),
        capital_usd=CAPITAL_USD,
        trials=trials,
        seed=number,
    )
    return found, memory_kib()


def memory_kib() -> int:
    """The most this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def timed(name: str, into: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    into[name] = time.perf_counter() - began


def cycle(instruments: int, candidates: int, days: int, processes: int) -> dict[str, object]:
    """The seconds of each step, of all, and the peak memory of all processes together in MiB."""
    took: dict[str, float] = {}
    # bars come from the store: making them up is not the cycle's
    markets = panel(instruments, days)
    began = time.perf_counter()
    with timed("arms in the shadow", took):
        members = seed_members()
        arena = arena_of(markets, members)
        symbols = markets.symbols
        book = seed_book(members, Envelope(symbols, 1_000_000.0, 400, 500))
    trials = Trials(candidates, 0.002)
    with timed("observe and diagnose", took):
        account = Account((), {}, CAPITAL_USD)
        since = markets.days[-252]
        tracks = [track_of(arena, book.champion, at, since, account, trials) for at in range(len(symbols))]
        diagnoses = diagnose_all([observe(track, seed=1) for track in tracks])
    with timed("candidates", took):
        found, memory = _candidates(markets, candidates, processes, trials)
    with timed("heal", took):
        rule = RULES["insured"]
        healed = begun(rule, arena, book, markets.days[-253])
        healed = stepped(rule, arena, book, healed.mind, {})
    took["all"] = time.perf_counter() - began
    assert len(found) == candidates
    assert healed.mind.sessions == 252
    return {
        "seconds": took,
        "memory_mib": (memory + memory_kib()) / 1024,
        "passed_hygiene": sum(not one.refusals for one in found),
        "diagnoses": len(diagnoses),
    }


def _candidates(markets: Panel, count: int, processes: int, trials: Trials) -> tuple[list[Judged], int]:
    parent = forecasts([fresh(spec_of(_spec("trend", fast=8, slow=32, sign=1)))], markets)[:, :, 0]
    with TemporaryDirectory() as folder:
        arrays = str(Path(folder) / "bars.npz")
        np.savez(arrays, close=markets.close, volume=markets.volume)
        jobs = [(number, spec, trials) for number, spec in enumerate(specs(count))]
        # those that learn take longest: first
        jobs.reverse()
        begin = (markets, np.ascontiguousarray(parent), arrays)
        with ProcessPoolExecutor(processes, initializer=Work.begin, initargs=begin) as pool:
            done = list(pool.map(tried, jobs))
    # the largest of all for each process: more than was ever in use at once
    return [one for one, _ in done], processes * max(memory for _, memory in done)


def sandboxed(markets: Panel, times: int = 4) -> float:
    """Seconds for one candidate in the sandbox, as many at once as there are cores."""
    walks = IsolatedWalks(Limits())
    some = specs(20)[:times]
    walks.walk(some[:1], markets.close[:600], markets.volume[:600])
    began = time.perf_counter()
    ends = [one.end for one in walks.walk(some, markets.close, markets.volume)]
    assert ends == ["FINISHED"] * times, ends
    return (time.perf_counter() - began) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instruments", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    days = 252 * args.years
    result = cycle(args.instruments, args.candidates, days, args.processes)
    for name, seconds in result["seconds"].items():
        print(f"{name:24} {seconds:6.1f} s")
    print(f"memory of all processes  {result['memory_mib']:6.0f} MiB")
    result["sandbox_s"] = sandboxed(panel(args.instruments, days))
    print(f"one candidate sandboxed  {result['sandbox_s']:6.2f} s")
    print(
        f"daily cycle, {args.instruments} instruments x {args.candidates} candidates x {args.years} years:"
        f" {result['seconds']['all']:.1f} s, {result['memory_mib']:.0f} MiB"
    )
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
