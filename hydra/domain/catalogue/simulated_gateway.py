"""HY-2xx: the simulated gateway."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-201": Entry(
        BAD_INPUT,
        "gateway run: port {port} belongs to real gateways trading real money",
        "take 4002 (the paper port) or 0 (any free port)",
    ),
    "HY-202": Entry(
        BAD_INPUT,
        "gateway run: host {host} is not a loopback address",
        "use 127.0.0.1: a simulated gateway must not be reachable from outside",
    ),
    "HY-203": Entry(
        COULD_NOT_RUN,
        "gateway run: cannot listen on {host}:{port}: {problem}",
        "stop what listens there, or give --port 0",
    ),
    "HY-204": Entry(
        COULD_NOT_RUN,
        "{path}: the gateway's state cannot be written: {problem}",
        "give a directory you may write to",
    ),
    "HY-205": Entry(
        COULD_NOT_RUN,
        "{path}: another simulated gateway holds this state directory",
        "stop it, or give another one",
    ),
    "HY-206": Entry(BAD_INPUT, "unknown fault {name}{hint}", "see `hydra gateway fault --list`"),
    "HY-207": Entry(BAD_INPUT, "fault {name}: {problem}", "see `hydra gateway fault --list`"),
    "HY-208": Entry(
        COULD_NOT_RUN,
        "{path}: no simulated gateway answers there: {problem}",
        "start one with `hydra gateway run --state-dir DIR`",
    ),
    "HY-209": Entry(BAD_INPUT, "{where}: {problem}", "correct that line: date,open,high,low,close,volume"),
    "HY-210": Entry(
        BAD_INPUT,
        "{where} = {value}: {problem}",
        "give an ISO instant with its zone, e.g. 2026-11-23T14:30:00Z, and market seconds a wall second",
    ),
    "HY-211": Entry(
        BAD_INPUT,
        "{path} belongs to {what} {theirs}, not {given}",
        "give the same value, or another --state-dir",
    ),
    "HY-212": Entry(
        COULD_NOT_RUN,
        "{where}: damaged journal: {problem}",
        "restore the file, or start over in another --state-dir",
    ),
    "HY-213": Entry(BAD_INPUT, "{where}: unknown symbol {symbol}{hint}", "the simulated futures are {known}"),
    "HY-214": Entry(
        BAD_INPUT, "{path} holds no gateway state: {problem}", "give the --state-dir of `hydra gateway run`"
    ),
    "HY-215": Entry(
        BAD_INPUT,
        "{path}: these bars cannot be read: {problem}",
        "give --bars a CSV file with the header date,open,high,low,close,volume",
    ),
}
