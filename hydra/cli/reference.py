"""The reference tables made from the code: `make docs` writes them into their pages under docs/.

Each page keeps its own words; only what stands between its two marks is made.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hydra.config.report import key_table
from hydra.domain.errors import CATALOGUE
from hydra.domain.order import LIVE, TRANSITIONS, ChildState

_BEGIN: Final = "<!-- begin: made by `make docs` -->\n"
_END: Final = "<!-- end -->\n"
_BLOCKS: Final = {
    "0": "The command line",
    "1": "Configuration",
    "2": "The simulated gateway",
    "3": "The broker connection",
    "4": "The ledger",
    "5": "Session and planning",
    "6": "Worker, flows, server",
    "7": "Risk configuration",
    "8": "The simulated world (80x), research: data, candidates, models (85x)",
    "9": "A law found broken",
}
_KINDS: Final = {1: "a promise found broken", 2: "bad input", 3: "could not run", 4: "ended in doubt"}


def made_parts() -> Mapping[str, str]:
    """Page name → what belongs between its marks."""
    return {
        "errors.md": error_tables(),
        "configuration.md": key_table(),
        "order_lifecycle.md": lifecycle_diagram(),
    }


def with_made_part(page: str, part: str) -> str:
    """The page with its marked part replaced."""
    before, found, rest = page.partition(_BEGIN)
    _, closed, after = rest.partition(_END)
    if not found or not closed:
        raise ValueError("the page lacks its marks")
    return f"{before}{_BEGIN}\n{part}\n{_END}{after}"


def error_tables() -> str:
    lines: list[str] = []
    for digit, title in _BLOCKS.items():
        codes = [code for code in CATALOGUE if code[3] == digit]
        if codes:
            lines += [f"## HY-{digit}xx: {title}\n", "| code | exit | what | fix |", "|---|---|---|---|"]
            lines += [*map(_error_row, codes), ""]
    return "\n".join(lines)


def _error_row(code: str) -> str:
    entry = CATALOGUE[code]
    what, fix = entry.what.replace("|", "\\|"), entry.fix.replace("|", "\\|")
    return f"| {code} | {entry.exit_code} {_KINDS[entry.exit_code]} | {what} | {fix} |"


def lifecycle_diagram() -> str:
    """The child order's transition table as a state diagram."""
    moves: dict[tuple[ChildState, ChildState], list[str]] = {}
    for (state, event), after in TRANSITIONS.items():
        if state != after:
            moves.setdefault((state, after), []).append(event.__name__)
    order = list(ChildState)
    rows = sorted(moves.items(), key=lambda move: (order.index(move[0][0]), order.index(move[0][1])))
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> PENDING_NEW: ChildSending"]
    lines += [f"    {state} --> {after}: {', '.join(sorted(events))}" for (state, after), events in rows]
    lines += [f"    {state} --> FILLED: ChildFilled" for state in order if state in LIVE]
    lines += [f"    {state} --> [*]" for state in order if state not in LIVE]
    return "\n".join([*lines, "```", ""])


def main() -> None:
    """Run from the top of the checkout."""
    for name, part in made_parts().items():
        page = Path("docs") / name
        page.write_text(with_made_part(page.read_text(encoding="utf-8"), part), encoding="utf-8")
        print(page)


if __name__ == "__main__":
    main()
