"""HY-0xx: the command line."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, BROKEN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-000": Entry(
        BROKEN,
        "unexpected {kind}: {detail} (trace saved in {path})",
        "this is a defect of hydra: report it with that file; HYDRA_DEBUG_TRACE=1 prints the trace instead",
    ),
    "HY-001": Entry(BAD_INPUT, "{command}: no such command: {given}{hint}", "see `{command} --help`"),
    "HY-002": Entry(BAD_INPUT, "{command}: no such option: {given}{hint}", "see `{command} --help`"),
    "HY-003": Entry(BAD_INPUT, "{command}: {given} is missing", "add it; see `{command} --help`"),
    "HY-004": Entry(BAD_INPUT, "{command}: {given}: {problem}{hint}", "see `{command} --help`"),
    "HY-005": Entry(BAD_INPUT, "{command}: {problem}", "see `{command} --help`"),
    "HY-006": Entry(BAD_INPUT, "{where}: cannot write: {problem}", "give a place you may write to"),
}
