"""HY-85x to 87x: market data, the candidate sandbox, experiments and models."""

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
        "artefact of {given} in {where}: its sha256 is {found}, not {expected}",
        "put it back from a backup, or lead with another (`hydra promote`) and take it out (`hydra retire`)",
    ),
    "HY-856": Entry(
        BAD_INPUT,
        "{where}: no model {given}{hint}",
        "`hydra journal` lists the models that were registered",
    ),
    "HY-857": Entry(
        COULD_NOT_RUN,
        "ledger {where}, and the experiment journal in it: {problem}, this build reads {known}",
        "open it once where it may be written (`hydra status` does): that brings it to this build's schema",
    ),
    "HY-858": Entry(
        BAD_INPUT,
        "bar store {where}: no bars of {series} were known at {at}{hint}",
        "`hydra bars import FILE --series {series}` or `hydra bars fetch` bring them",
    ),
    "HY-860": Entry(
        BAD_INPUT,
        "candidate spec: {problem}",
        'write it like {{"parts": [{{"family": "trend", "params": {{"fast": 4, "slow": 16}}}}]}}',
    ),
    "HY-861": Entry(
        BAD_INPUT,
        "{symbol} is to be traded by the book and has no {key}",
        "set instruments.{symbol}.{key}; `hydra config show` lists what is set",
    ),
    "HY-862": Entry(
        BAD_INPUT,
        "model {given} is not an arm of the book{hint}",
        "choose one of: {known}",
    ),
    "HY-863": Entry(
        BAD_INPUT,
        "there is nobody to roll back to: {champion} is the first champion",
        "`hydra promote MODEL --by NAME` names another arm",
    ),
    "HY-864": Entry(
        BAD_INPUT,
        "{given} leads the book and cannot be taken out of it",
        "first make another arm the champion: `hydra promote MODEL --by NAME --reason TEXT`, one of: {known}",
    ),
    "HY-865": Entry(
        BAD_INPUT,
        "experiment {given} cannot be run again: {problem}",
        "its first result stands; `hydra journal show {given}` prints it",
    ),
    "HY-866": Entry(
        BAD_INPUT,
        "no experiment {given}{hint}",
        "`hydra journal list` prints their identities",
    ),
    "HY-867": Entry(
        BAD_INPUT,
        "the book of {on} cannot be decided: that of {last} is on record",
        "give a later session, or look at it with `hydra diagnose --on {on}`",
    ),
    "HY-868": Entry(
        BROKEN,
        "experiment {given} came out otherwise: {problem}",
        "compare the builds of both runs; numbers that do not repeat are no evidence",
    ),
    "HY-869": Entry(
        BAD_INPUT,
        "healing.families: {module} cannot be imported: {problem}",
        "name a module that Python finds and that registers its families once",
    ),
    "HY-870": Entry(
        BAD_INPUT,
        "series {series}: {count} faulty day(s) of the last {days}, the newest: {problem} on {on}, {detail}",
        "import the days that are missing or wrong; until then a cycle stops that instrument",
    ),
    "HY-871": Entry(
        COULD_NOT_RUN,
        "Dask cluster {address}: {problem}",
        "start its scheduler and workers with this build, or unset healing.dask_address to use this machine",
    ),
    "HY-872": Entry(
        BAD_INPUT,
        "{where}: {problem}{hint}",
        "name one with --market; there are: {known}",
    ),
    "HY-873": Entry(
        BAD_INPUT,
        "{given} is not a Tuesday and the days its release was late",
        "write it like --late 2025-01-07=3; no release can come early",
    ),
    "HY-874": Entry(
        BAD_INPUT,
        "model {model} of the book cannot forecast: {problem}",
        "name its module in healing.families again, bring back its data, or `hydra retire {model}`",
    ),
    "HY-875": Entry(
        COULD_NOT_RUN,
        "experiment journal in {where}: {problem}, this build reads {known}",
        "use the build that wrote it; nothing of the journal was changed",
    ),
    "HY-876": Entry(
        BAD_INPUT,
        "{where} cannot be read: {problem}",
        "give the path of a file that is there: CSV as UTF-8 text, or Parquet",
    ),
}
