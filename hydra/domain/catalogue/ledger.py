"""HY-4xx: the ledger."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, BROKEN, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-401": Entry(
        COULD_NOT_RUN,
        "ledger {where}: its schema {found} is newer than the newest this build knows, {known}",
        "run the build that wrote it, or a later one; a ledger is never taken back to an older schema",
    ),
    "HY-402": Entry(
        BAD_INPUT,
        "ledger {where}: there is none",
        "run a session first, or point HYDRA_DATA_DIR (or HYDRA_LEDGER_URL) at the right place",
    ),
    "HY-403": Entry(
        COULD_NOT_RUN,
        "ledger {where}: event kind {kind} version {version} is unknown to this build",
        "run the build that wrote it, or a later one",
    ),
    "HY-404": Entry(
        COULD_NOT_RUN,
        "ledger {where}: the payload of this {kind} cannot be read: {problem}",
        "run `hydra ledger verify`; docs/runbook.md says how to restore",
    ),
    "HY-405": Entry(
        COULD_NOT_RUN,
        "ledger {where}: cannot be opened or read: {problem}",
        "check the file and its directory (or the server) and who may write there",
    ),
    "HY-406": Entry(
        COULD_NOT_RUN,
        "ledger {where}: nothing was written: {problem}",
        "mend the storage (space, permissions, a process that holds the lock), then run it again",
    ),
    "HY-407": Entry(
        COULD_NOT_RUN,
        "ledger {where}: COMMIT failed, whether the facts are there is unknown: {problem}",
        "mend the storage, then run it again: it reads the ledger before it acts",
    ),
    "HY-408": Entry(
        BAD_INPUT,
        "ledger {where}: no parent order {given}{hint}",
        "`hydra ledger export --json` lists the streams",
    ),
    "HY-409": Entry(
        COULD_NOT_RUN,
        "ledger {where}: no driver for this database: {problem}",
        "give a file or sqlite:///FILE or postgresql://…, with psycopg installed for the last",
    ),
    "HY-410": Entry(
        BROKEN,
        "ledger {where}: {count} finding(s), the first: {first}",
        "do not trade on it: keep the file, read docs/runbook.md, restore and reconcile by name",
    ),
    "HY-411": Entry(
        COULD_NOT_RUN,
        "ledger {where}: {stream} ends at event {found}, it had {anchored}: an older copy, or one cut short",
        "find the newer ledger; without one, adopt and resolve by name, then move its .heads file away",
    ),
}
