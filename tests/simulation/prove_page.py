"""The figures of `make prove` as docs/simulation.md shows them."""

import json
from collections.abc import Mapping
from typing import Final

from hydra.simulation.report import EARLY, EARLY_OR_STOPPED
from tests.simulation.mutants import CAUGHT
from tests.simulation.prove_steps import KEPT, ROOT, Document, said

PAGE: Final = ROOT / "docs" / "simulation.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
# The sizes at which the page's figures are taken.
WORLDS: Final = 10_000
JUDGED: Final = 1_000
CRASHES: Final = 3


def write_page(minutes: Mapping[str, float], version: str) -> None:
    """Put the figures that the steps left between the page's two marks."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} has lost its marks")
    parts = [_figures(minutes, version), _shares(said("worlds")["filled_share"]), _caught()]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{after}")


def _figures(minutes: Mapping[str, float], version: str) -> str:
    worlds, month, crashes = said("worlds"), said("month"), said("crashes")
    shares = worlds["filled_share"]
    took = ", ".join(f"{name} {spent:.1f}" for name, spent in minutes.items())
    deaths = ", ".join(
        f"{count} of {crashes['points'][number]}" for number, count in crashes["reached"].items()
    )
    rows = {
        f"minutes on two cores: {sum(minutes.values()):.0f}": took,
        "worlds, of which with faults": f"{worlds['worlds']}, {worlds['faulted_worlds']}",
        "laws broken": len(worlds["violations"]),
        "95 % bound on the share of worlds that break one": worlds["bound_95"],
        "worlds a second, virtual hours, process runs": f"{worlds['worlds_per_second']}, "
        f"{worlds['virtual_hours']}, {worlds['process_runs']}",
        "faults, kinds": f"{sum(worlds['faults_injected'].values())}, {len(worlds['faults_injected'])}",
        "reachable cells of the matrix left empty, impossible ones hit": f"{len(worlds['matrix_empty'])}, "
        f"{len(worlds['matrix_impossible'])}",
        "target reached without faults": shares["none"],
        "target reached, faults over one ladder before the end": shares[EARLY],
        "the same with the worlds in which a law demands a halt": shares[EARLY_OR_STOPPED],
        "worlds on whose exports the second judge agrees": len(list(KEPT.glob("*/books.json"))),
        "crash points reached, by one, two, three deaths in a row": deaths,
        "laws broken at a crash point": len(crashes["broken"]),
        "the month: days, sessions, disconnects, nightly restarts, kills": f"{month['days']}, "
        f"{month['sessions']}, {month['disconnects']}, {month['nightly_restarts']}, {month['kills']}",
        "the month again, under another hash seed": f"the same ledger, {month['digest'][:16]}",
    }
    head = [f"| what (`make prove`, version {version}) | figure |", "|---|---|"]
    return "\n".join([*head, *(f"| {what} | {figure} |" for what, figure in rows.items())])


def _shares(shares: Document) -> str:
    """The share of worlds that reached their targets, by each kind of fault they had."""
    kinds = sorted((share, kind) for kind, share in shares.items() if kind not in (EARLY, EARLY_OR_STOPPED))
    told = ", ".join(f"{kind} {share:.2f}" for share, kind in kinds)
    return f"`filled_share` by kind of fault, lowest first: {told}."


def _caught() -> str:
    caught = json.loads(CAUGHT.read_text())
    head = ["| mutant | caught by law | first seed | by the second judge, too |", "|---|---|---|---|"]
    return "\n".join(
        [
            *head,
            *(
                f"| {name} | {one['law']} | {one['seed']} | {'yes' if one['judge'] else 'no'} |"
                for name, one in sorted(caught.items())
            ),
        ]
    )
