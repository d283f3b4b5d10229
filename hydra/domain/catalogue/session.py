"""HY-5xx: session and planning."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, IN_DOUBT, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-501": Entry(
        COULD_NOT_RUN,
        "the broker's books could not be read whole: {reason}",
        "wait for a good link and run it again; `hydra doctor` and docs/runbook.md help",
    ),
    "HY-502": Entry(
        COULD_NOT_RUN, "the account was not answered: {reason}", "check the gateway and run it again"
    ),
    "HY-503": Entry(
        BAD_INPUT,
        "--targets {symbol}={given}: session {on} already planned {symbol}={planned}",
        "leave --targets away to finish that plan, or give --amend --by NAME for a second one",
    ),
    "HY-505": Entry(
        BAD_INPUT,
        "{order_ref} cannot be resolved: {problem}",
        "`hydra ledger show PARENT` tells its state; references look like H-20261123-ZO-1-C01",
    ),
    "HY-506": Entry(
        BAD_INPUT, "{what} cannot be adopted: {problem}", "`hydra session reconcile` lists what differs"
    ),
    "HY-507": Entry(BAD_INPUT, "{where}: {given}: {problem}", "write it like {example}"),
    "HY-504": Entry(BAD_INPUT, "strategy {name} is not registered", "choose one of: {known}"),
    "HY-508": Entry(
        COULD_NOT_RUN,
        "this process and the gateway disagree on the time by {skew} s of wall time, limit {limit}",
        "give both one clock; a simulated gateway's: export $(hydra gateway clock --state-dir DIR)",
    ),
    "HY-509": Entry(
        COULD_NOT_RUN,
        "client id {client_id} is held by another process: {reason}",
        "stop that process, or wait until its lease ends",
    ),
    "HY-510": Entry(
        COULD_NOT_RUN,
        "the kill latch {path} could not be written: {problem}",
        "stop the worker's supervisor, so that nothing starts again, mend the storage and repeat the kill",
    ),
    "HY-511": Entry(
        COULD_NOT_RUN,
        "kill of {scope}: client id {client_id} cannot be had: {reason}",
        "nothing new is sent and orders die at their good_till; `hydra kill --all` needs no client id, "
        "but ends manual orders, too",
    ),
    "HY-512": Entry(
        IN_DOUBT,
        "kill of {scope}: not proven gone after {seconds} s: {orders}",
        "run the kill again, look at the gateway, or cancel them in TWS by their reference",
    ),
    "HY-513": Entry(
        COULD_NOT_RUN,
        "kill of {scope}: not flat: {problem}; left: {positions}",
        "close these by hand in TWS; with the ledger back, `hydra session reconcile` and `hydra adopt`",
    ),
}
