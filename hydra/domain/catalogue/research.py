"""HY-85x: market data, the candidate sandbox, experiments and models."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, BROKEN, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-850": Entry(
        BAD_INPUT,
        "{where}, line {line}: {problem}",
        "correct that line at its source, or leave the day out if the exchange was closed",
    ),
    "HY-851": Entry(
        BAD_INPUT,
        "{where}: log returns have no value at the price {px} of {on}",
        "use price changes for this market: zero and negative prices are legal for them",
    ),
    "HY-852": Entry(
        BAD_INPUT,
        "{where}: {problem}",
        "give more history, or take the instrument out of the run",
    ),
    "HY-853": Entry(
        COULD_NOT_RUN,
        "bar store {where}: {problem}",
        "import the series again from its source; what was known earlier is in its older versions",
    ),
    "HY-854": Entry(
        COULD_NOT_RUN,
        "this machine cannot isolate a candidate: {problem}",
        "run research on Linux 5.13 or newer with Landlock and seccomp; no candidate is run without them",
    ),
    "HY-855": Entry(
        BROKEN,
        "model artefact {where}: its sha256 is {found}, not {expected}",
        "do not trade it: `hydra rollback`, then find out who changed the file",
    ),
    "HY-856": Entry(
        BAD_INPUT,
        "{where}: no model {given}{hint}",
        "`hydra journal` lists the models that were registered",
    ),
    "HY-857": Entry(
        COULD_NOT_RUN,
        "ledger {where}, its experiment journal: {problem}, this build reads {known}",
        "open it once where it may be written (a session does): that brings it to this build's schema",
    ),
    "HY-858": Entry(
        BAD_INPUT,
        "bar store {where}: no bars of {series} were known at {at}{hint}",
        "import them, or ask for a later moment",
    ),
    "HY-859": Entry(
        BAD_INPUT,
        "model artefact of {given}: {problem}",
        "register the model's text form (LightGBM text or JSON); binary artefacts can run code when loaded",
    ),
}
