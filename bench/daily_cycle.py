"""One evening's research on a large book: 20 instruments, 200 candidates, 10 years of daily bars.

    python bench/daily_cycle.py [--instruments 20] [--candidates 200] [--years 10] [--json FILE]

All by the functions that the flow `daily_cycle` calls: the panel, every arm in the shadow, observation with
block-bootstrapped drift, diagnosis, each candidate's walk-forward (trend, breakout, mean reversion, pairs,
mixtures and boosted trees) locked in the sandbox, hygiene with its kernel runs, SPA, deflated Sharpe and
fitness, the rule's steps of a year. Bars are made up. Memory is what all processes hold together, pages that
they share counted once (Linux's PSS), looked at five times a second.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import psutil

from hydra.domain.champion import Envelope
from hydra.domain.market import DailyBar
from hydra.research.diagnose import diagnose_all
from hydra.research.experiment import Spec
from hydra.research.heal import RULES
from hydra.research.healing import arena_of, begun, stepped
from hydra.research.hygiene import Terms, Trials, judged
from hydra.research.impact import PRIOR_Y
from hydra.research.observe import observe
from hydra.research.panel import Listed, Market, Panel, panel_of
from hydra.research.roster import parameters, seed_book, seed_members
from hydra.research.track import Account, track_of
from hydra.sandbox.run import Limits
from hydra.sandbox.walks import IsolatedWalks
from hydra.usecases.improve.workshop import Tried

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
        rows = [
            DailyBar(on, *(Decimal(str(one[row])) for one in (opened, high, low, close)), int(volume[row]))
            for row, on in enumerate(calendar)
        ]
        bars[symbol] = Market(tuple(rows))
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


class Memory(threading.Thread):
    """The most that this process and all below it ever held together, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_mib = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.2):
            self.most_mib = max(self.most_mib, held_mib())

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self.join()


def held_mib() -> float:
    """PSS of this process and its descendants now; one that ends meanwhile counts nothing."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


@contextmanager
def timed(name: str, into: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    into[name] = time.perf_counter() - began


def cycle(instruments: int, candidates: int, days: int) -> dict[str, object]:
    """The seconds of each step and of all, and the peak memory of all processes together in MiB."""
    took: dict[str, float] = {}
    # bars come from the store: making them up is not the cycle's
    markets = panel(instruments, days)
    trials = Trials(candidates, 0.002)
    with Memory() as memory, timed("all", took):
        with timed("arms in the shadow", took):
            members = seed_members()
            arena = arena_of(markets, members)
            book = seed_book(members, Envelope(markets.symbols, Decimal(1_000_000), 400, 500))
        with timed("observe and diagnose", took):
            account, since = Account((), {}, CAPITAL_USD), markets.days[-252]
            each = range(len(markets.symbols))
            tracks = [track_of(arena, book.champion, at, since, account, trials) for at in each]
            diagnoses = diagnose_all([observe(track, seed=1) for track in tracks])
        some = specs(candidates)
        with timed("walk-forwards", took):
            walked = _walked(some, markets)
        with timed("hygiene", took):
            parent = np.ascontiguousarray(arena.forecasts[:, :, 0])
            found = [
                judged(
                    markets,
                    one.forecasts,
                    parent,
                    parameters=parameters(spec),
                    terms=Terms(CAPITAL_USD, (PRIOR_Y,) * len(markets.symbols)),
                    trials=trials,
                    seed=number,
                )
                for number, (spec, one) in enumerate(zip(some, walked, strict=True))
            ]
        with timed("heal", took):
            rule = RULES["insured"]
            healed = begun(rule, arena, book, markets.days[-253])
            healed = stepped(rule, arena, book, healed.mind, {})
    spent = os.times()
    assert len(found) == candidates
    assert healed.mind.sessions == 252
    return {
        "seconds": took,
        "core_seconds": spent.user + spent.system + spent.children_user + spent.children_system,
        "memory_mib": memory.most_mib,
        "passed_hygiene": sum(not one.refusals for one in found),
        "diagnoses": len(diagnoses),
    }


def _walked(some: list[Spec], markets: Panel) -> Sequence[Tried]:
    """Each candidate's walk-forward in the sandbox. AssertionError where one did not finish."""
    walks = IsolatedWalks(Limits(wall_s=120.0, cpu_s=120))
    try:
        walked = walks.walk(some, markets.inputs)
    finally:
        walks.close()
    ends = {one.end for one in walked}
    assert ends == {"FINISHED"}, [one.detail for one in walked if one.detail][:3]
    return walked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instruments", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    result = cycle(args.instruments, args.candidates, 252 * args.years)
    for name, seconds in result["seconds"].items():
        print(f"{name:24} {seconds:6.1f} s")
    print(f"core time of all         {result['core_seconds']:6.1f} s")
    print(f"memory of all            {result['memory_mib']:6.0f} MiB")
    print(
        f"daily cycle, {args.instruments} instruments x {args.candidates} candidates x {args.years} years:"
        f" {result['seconds']['all']:.1f} s, {result['memory_mib']:.0f} MiB"
    )
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
