"""Does healing heal? Every rule in the same worlds, through the project's own kernel, books and rules.

    python bench/healing.py [--worlds 500] [--seed 1] [--scenarios nochange null dies ...] [--years 3|10]
                            [--policies never strong ...] [--instruments 2|8] [--json FILE] [--real DIR]

One table per scenario with Monte Carlo intervals of 95 %. `--real DIR` runs the same rules on the daily
ZO and HE series found there instead. Figures are in units of the yearly volatility target. `--json`:
{"policies": {NAME: {SCENARIO: {"false_promotions_per_year": [value, low, high], "delta_sharpe": [...],
"recovery": [...], "detection_days": median, "max_drawdown": value, ...}}}}, null for what has no meaning
(recovery where nothing breaks) or never comes (detection in most worlds).
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bench.healing_real import measure_real
from bench.healing_table import Lived, figures
from bench.healing_worlds import (
    FIRST,
    SCENARIOS,
    UNBROKEN,
    Design,
    WhiteNoise,
    Worlds,
    build,
    white_noise,
    wider,
)
from hydra.research.heal import RULES
from hydra.research.heal.replay import replay, trade

POLICIES = (
    "never",
    "const75",
    "blind_month",
    "windows",
    "statistical",
    "ddstop",
    "cost",
    "strong",
    "mild",
    "shadowstop",
    "insured",
)
CHUNK = 50


def live(design: Design, scenario: str, noise: WhiteNoise, chunk: range, policies: tuple[str, ...]) -> dict:
    """One chunk of worlds under every policy."""
    worlds = build(design, scenario, noise, chunk)
    lived = {}
    for name in dict.fromkeys(("never", *policies)):
        done = replay(RULES[name], worlds.arms, worlds.shadows, worlds.first, worlds.rules)
        # single precision halves what travels between processes; it is far below the Monte Carlo error
        lived[name] = [one.astype(np.float32) for one in (done.pnl, done.cost, done.share)]
        lived[name] += [done.promoted, done.champion.astype(np.int8)]
    oracle = trade(_oracle(worlds), worlds.shadows, worlds.first, worlds.rules).astype(np.float32)
    right = np.where((worlds.best == worlds.best[:, :1]).all(axis=1), worlds.best[:, 0], -1)
    return {"lived": lived, "oracle": oracle, "broken": worlds.broken - worlds.first, "right": right}


def _oracle(worlds: Worlds) -> np.ndarray:
    """The forecasts [T, W, N] of one who knows: the champion until the break, then the right arm."""
    forecasts, champion = worlds.shadows.forecasts, worlds.arms.champion
    before = np.take_along_axis(forecasts, champion[None, :, None, None], axis=3)[..., 0]
    known = np.take_along_axis(forecasts, np.maximum(worlds.best, 0)[None, :, :, None], axis=3)[..., 0]
    known = np.where(worlds.best >= 0, known, 0.0)
    after = np.arange(forecasts.shape[0])[:, None] >= worlds.broken[None, :]
    return np.where(after[:, :, None], known, before)


def gathered(parts: list[dict], name: str, scenario: str) -> Lived:
    """All chunks of one policy in one scenario."""
    pnl, cost, share, promoted, champion = (
        np.concatenate([part["lived"][name][field] for part in parts]) for field in range(5)
    )
    return Lived(
        pnl=pnl.astype(np.float64),
        never=np.concatenate([part["lived"]["never"][0] for part in parts]).astype(np.float64),
        oracle=np.concatenate([part["oracle"] for part in parts]).astype(np.float64),
        cost=cost.astype(np.float64),
        share=share,
        promoted=promoted,
        champion=champion,
        broken=np.concatenate([part["broken"] for part in parts]),
        right=np.concatenate([part["right"] for part in parts]),
        breaks=scenario not in UNBROKEN,
    )


def measure(
    design: Design, scenarios: tuple[str, ...], policies: tuple[str, ...], processes: int = 1
) -> dict[str, dict[str, dict[str, object]]]:
    """{policy: {scenario: figures}}; the same whatever the number of processes."""
    noise = white_noise()
    chunks = [range(at, min(at + CHUNK, design.worlds)) for at in range(0, design.worlds, CHUNK)]
    jobs = [(design, scenario, noise, chunk, policies) for scenario in scenarios for chunk in chunks]
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            done = list(pool.map(live, *zip(*jobs, strict=True)))
    else:
        done = [live(*job) for job in jobs]
    table: dict[str, dict[str, dict[str, object]]] = {name: {} for name in policies}
    for at, scenario in enumerate(scenarios):
        parts = done[at * len(chunks) : (at + 1) * len(chunks)]
        for name in policies:
            table[name][scenario] = figures(gathered(parts, name, scenario))
    return table


def show(table: dict[str, dict[str, dict[str, object]]]) -> None:
    """The table as text, a block per scenario."""
    for scenario in next(iter(table.values())):
        print(f"\n{scenario}")
        print(
            f"{'policy':12} {'false/yr':>20} {'Sharpe':>7} {'vs never':>19}"
            f" {'recovery':>19} {'days':>5} {'maxDD':>6}"
        )
        for name, rows in table.items():
            row = rows[scenario]
            days = "-" if row["detection_days"] is None else f"{row['detection_days']:.0f}"
            print(
                f"{name:12} {_text(row['false_promotions_per_year'], 3):>20} {row['sharpe'][0]:7.2f}"
                f" {_text(row['delta_sharpe'], 2):>19} {_text(row['recovery'], 2):>19} {days:>5}"
                f" {row['max_drawdown']:6.2f}"
            )


def show_real(table: dict[str, dict[str, dict[str, object]]]) -> None:
    """Real series: Sharpe and its difference to never, with bootstrap intervals, and the largest drawdown."""
    for label in next(iter(table.values())):
        print(f"\n{label}")
        for name, rows in table.items():
            row = rows[label]
            print(
                f"{name:12} {_text(row['sharpe'], 2):>20} vs never {_text(row['delta_sharpe'], 2):>20}"
                f" maxDD {row['max_drawdown']:5.1f}"
            )


def _text(value: object, digits: int) -> str:
    if not isinstance(value, tuple):
        return "-"
    middle, low, high = (f"{one:.{digits}f}" for one in value)
    return f"{middle} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--policies", nargs="+", choices=list(RULES), default=list(POLICIES))
    parser.add_argument("--years", type=int, choices=(3, 10), default=3)
    parser.add_argument("--instruments", type=int, choices=(2, 8), default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    began = time.perf_counter()
    if args.real:
        real = measure_real(args.real, tuple(args.policies))
        show_real(real)
        if args.json:
            args.json.write_text(json.dumps({"policies": real}, indent=1) + "\n")
        return
    design = Design(args.worlds, args.seed, years=args.years)
    if args.instruments == 8:
        design = wider(design)
    table = measure(design, tuple(args.scenarios), tuple(args.policies), args.processes)
    show(table)
    print(
        f"\n{args.worlds} worlds, seed {args.seed}, {args.years} years, {args.instruments} instruments:"
        f" {time.perf_counter() - began:.0f} s on {args.processes} processes"
    )
    if args.json:
        facts = {
            "worlds": args.worlds,
            "seed": args.seed,
            "years": args.years,
            "instruments": args.instruments,
        }
        args.json.write_text(json.dumps(facts | {"first": FIRST, "policies": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
