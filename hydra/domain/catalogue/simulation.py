"""HY-8xx: the simulated world."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-801": Entry(
        BAD_INPUT,
        "seeds {given}: {problem}",
        "give FROM:TO with FROM < TO, such as --seeds 0:1000, or one seed",
    ),
    "HY-802": Entry(
        BAD_INPUT,
        "unknown fault {name}{hint}",
        "`hydra simulate --list` shows all; or give all or none",
    ),
    "HY-803": Entry(
        BAD_INPUT,
        "{path}: cannot be written: {problem}",
        "name a file or folder that this user may write",
    ),
    "HY-804": Entry(
        BAD_INPUT,
        "seed {seed} failed under version {recorded}, this is {version}: its world may be another one",
        "check out that version to replay it, or run the seed anew with --seeds {seed}",
    ),
    "HY-806": Entry(
        COULD_NOT_RUN,
        "a process of the simulation ended by itself: {problem}",
        "free memory or lower --jobs, then run it again",
    ),
}
