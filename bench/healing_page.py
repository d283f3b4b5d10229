"""The tables of docs/healing.md, made from what bench/healing.py wrote: nothing in them is typed by hand.

    python bench/healing_page.py FOLDER [--page docs/healing.md]

Reads every JSON file of the folder, of bench/healing_tried.py, too; runs of the same years and instruments
are joined. A table whose runs are not there stays as it is.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.healing_tried import row

ROOT = Path(__file__).resolve().parent.parent
Runs = Mapping[tuple[int, int], "Run"]


class Run:
    """All policies in all scenarios at one number of years and instruments."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.sizes: set[tuple[int, int]] = set()

    def add(self, raw: Mapping[str, Any]) -> None:
        self.sizes.add((raw["worlds"], raw["seed"]))
        for name, scenarios in raw["policies"].items():
            self.rows.setdefault(name, {}).update(scenarios)

    def has(self, *scenarios: str) -> bool:
        return all(one in rows for rows in self.rows.values() for one in scenarios)

    @property
    def made_of(self) -> str:
        return ", ".join(f"{worlds} worlds of seed {seed}" for worlds, seed in sorted(self.sizes))


def read(folder: Path) -> tuple[dict[tuple[int, int], Run], dict[str, Any]]:
    """The runs by (years, instruments); and by name what is made once, if there: "real" and "tried"."""
    runs: dict[tuple[int, int], Run] = {}
    others: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text())
        if "years" in raw:
            runs.setdefault((raw["years"], raw["instruments"]), Run()).add(raw)
        elif "tried" in raw:
            others["tried"] = raw
        else:
            others["real"] = raw["policies"]
    return runs, others


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: list[float] | None, digits: int = 2) -> str:
    if value is None:
        return "–"
    middle, low, high = (f"{one:.{digits}f}".replace("-", "−") for one in value)
    return f"{middle} [{low}, {high}]"


def plain(value: float | None, digits: int = 2) -> str:
    """A figure without an interval; a dash where few worlds leave nothing to say."""
    return "–" if value is None else f"{value:.{digits}f}"


def false_promotions(three: Run, ten: Run) -> str:
    head = ["policy", "no change", "all arms equal", "10 years: no change", "all arms equal"]
    head += ["price: Sharpe against never", "10 years"]

    def row(name: str) -> list[str]:
        cells = [
            text(run.rows[name][scenario]["false_promotions_per_year"], 3)
            for run in (three, ten)
            for scenario in ("nochange", "null")
        ]
        cells += [text(run.rows[name]["nochange"]["delta_sharpe"], 3) for run in (three, ten)]
        return [name, *cells]

    return table(head, (row(name) for name in three.rows if name in ten.rows)) + _made(three, ten)


def by_scenario(field: str, scenarios: tuple[str, ...]) -> Callable[[Run], str]:
    def made(run: Run) -> str:
        rows = ([name, *(text(found[one][field]) for one in scenarios)] for name, found in run.rows.items())
        return table(["policy", *scenarios], rows) + _made(run)

    return made


def after_the_break(run: Run) -> str:
    head = ["policy", "days to half size (dies, flip, cost3)", "flip: within a year"]
    head += ["right arm leads (flip, fast2slow)", "largest drawdown (no change, dies, flip, cost3)"]

    def row(name: str, found: Mapping[str, Any]) -> list[str]:
        days = [found[one]["detection_days"] for one in ("dies", "flip", "cost3")]
        leads = [found[one]["right_leads"] for one in ("flip", "fast2slow")]
        falls = [found[one]["max_drawdown"] for one in ("nochange", "dies", "flip", "cost3")]
        return [
            name,
            ", ".join(plain(one, 0) for one in days),
            plain(found["flip"]["detected_in_a_year"]),
            ", ".join(map(plain, leads)),
            ", ".join(map(plain, falls)),
        ]

    return table(head, (row(*one) for one in run.rows.items())) + _made(run)


def pooled(run: Run) -> str:
    head = ["policy", "false promotions: no change", "all arms equal", "price", "flip: Sharpe"]
    head += ["flip: recovery", "dies: Sharpe", "dies: recovery", "cost3: recovery", "cost3: days"]

    def row(name: str, found: Mapping[str, Any]) -> list[str]:
        rates = [text(found[one]["false_promotions_per_year"], 3) for one in ("nochange", "null")]
        days = found["cost3"]["detection_days"]
        return [
            name,
            *rates,
            text(found["nochange"]["delta_sharpe"]),
            text(found["flip"]["delta_sharpe"]),
            text(found["flip"]["recovery"]),
            text(found["dies"]["delta_sharpe"]),
            text(found["dies"]["recovery"]),
            text(found["cost3"]["recovery"]),
            plain(days, 0),
        ]

    return table(head, (row(*one) for one in run.rows.items())) + _made(run)


def real_series(policies: Mapping[str, Any]) -> str:
    names = list(policies)
    labels = list(policies[names[0]])

    def cell(name: str, label: str) -> str:
        found = policies[name][label]
        value = found["sharpe"] if name == "never" else found["delta_sharpe"]
        return f"{text(value)}; {found['max_drawdown']:.1f}"

    # cost has no fills to learn from, const75 says nothing of a market
    shown = [name for name in names if name not in ("cost", "const75", "statistical")]
    return table(
        ["series, champion", *shown], ([label, *(cell(name, label) for name in shown)] for label in labels)
    )


def tried(raw: Mapping[str, Any]) -> str:
    head = ["rule", "price", "price, ten years", "flip: Sharpe", "flip: recovery"]
    head += ["dies: Sharpe", "dies: recovery", "false promotions, all arms equal"]
    three, ten = raw["tried"]["three"], raw["tried"]["ten"]
    rows = ([name, *(one.replace("-", "−") for one in row(three[name], ten[name]))] for name in three)
    return (
        table(head, rows) + f"\n\n{raw['worlds']} worlds of seed {raw['seed']}, half as many for ten years."
    )


def _made(*runs: Run) -> str:
    return "\n\n" + "; ".join(dict.fromkeys(run.made_of for run in runs)) + "."


def blocks(runs: Runs, others: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every table whose runs are there, with the name of its place on the page."""
    three, ten, eight = runs.get((3, 2)), runs.get((10, 2)), runs.get((3, 8))
    broken = ("dies", "flip", "cost3", "fast2slow")
    if three and ten and three.has("nochange", "null") and ten.has("nochange", "null"):
        yield "false-promotions", false_promotions(three, ten)
    if three and three.has("nochange", "vol2", *broken):
        yield "sharpe", by_scenario("delta_sharpe", (*broken, "vol2"))(three)
        yield "recovery", by_scenario("recovery", broken)(three)
        yield "after-the-break", after_the_break(three)
    if eight and eight.has("nochange", "null", *broken):
        yield "eight", pooled(eight)
    for name, made in (("tried", tried), ("real", real_series)):
        if name in others:
            yield name, made(others[name])


def renewed(page: str, found: Iterator[tuple[str, str]]) -> str:
    """The page with each table in its place; ValueError where the page has no such place."""
    for name, made in found:
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page has no place for {name}")
        before, rest = page.split(begin)
        page = f"{before}{begin}{made}\n{end}{rest.split(end)[1]}"
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "healing.md")
    args = parser.parse_args()
    found = list(blocks(*read(args.folder)))
    args.page.write_text(renewed(args.page.read_text(), iter(found)))
    print(f"renewed in {args.page}: {', '.join(name for name, _ in found) or 'nothing'}")


if __name__ == "__main__":
    main()
