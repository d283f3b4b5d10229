"""HY-9xx: a law found broken (BrokenLaw)."""

from typing import Final

from hydra.domain.catalogue.entry import BROKEN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-900": Entry(
        BROKEN,
        "law {law} broken: {detail}",
        "trading is halted and stays so: read docs/runbook.md, then resolve it by name",
    ),
}
