"""HY-7xx: risk configuration."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-701": Entry(
        BAD_INPUT,
        "risk limits: {key} = {value}: {problem}",
        "correct it in the risk section; `hydra config show` lists the limits in force",
    ),
    "HY-702": Entry(
        BAD_INPUT,
        "breaker {breaker}: nobody is named to acknowledge it",
        "say who decides: --by NAME",
    ),
}
