"""HY-1xx: configuration."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-101": Entry(
        BAD_INPUT,
        "{where}: cannot read this configuration file: {problem}",
        "check --config or HYDRA_CONFIG",
    ),
    "HY-102": Entry(BAD_INPUT, "{where}: not TOML: {problem}", "correct that line"),
    "HY-103": Entry(
        BAD_INPUT,
        "{where}: unknown key {key} = {value}{hint}",
        "correct or remove it; `hydra config show` lists the keys",
    ),
    "HY-104": Entry(
        BAD_INPUT,
        "{where}: {key} = {value}: {problem}",
        "give a value that fits; docs/configuration.md says which",
    ),
    "HY-105": Entry(
        BAD_INPUT,
        "environment: unknown variable {name} = {value}{hint}",
        "correct or unset it; docs/configuration.md lists the names",
    ),
    "HY-106": Entry(
        COULD_NOT_RUN,
        "{where}: the data directory {path} cannot be used: {problem}",
        "set HYDRA_DATA_DIR to a directory you may write to",
    ),
    "HY-110": Entry(
        BAD_INPUT,
        "{where}: trading.mode = live, but --live is not on the command line",
        "add --live, or set trading.mode = paper",
    ),
    "HY-111": Entry(
        BAD_INPUT,
        "mode live: the account typed back is {given}, the configuration has {account}",
        "type it back: --confirm-account ID",
    ),
    "HY-112": Entry(
        BAD_INPUT,
        "mode live: no passed paper gate is on record for account {account}",
        "run the paper gate first; docs/runbook.md says how",
    ),
    "HY-113": Entry(
        BAD_INPUT,
        "mode {mode}: gateway.account = {account} ({where}) is not a {mode} account",
        "paper accounts begin with DU; correct mode or gateway.account",
    ),
}
