"""HY-6xx: worker, flows, server."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, BROKEN, COULD_NOT_RUN, IN_DOUBT, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-601": Entry(
        COULD_NOT_RUN,
        "this task was called outside an ib-gateway worker, where there is no connection",
        "start `hydra worker start --role execution` and run the deployment; "
        "without Prefect use `hydra session run`",
    ),
    "HY-602": Entry(
        COULD_NOT_RUN,
        "Prefect server {url}: {problem}",
        "start it (`prefect server start`, or `make up`) and set PREFECT_API_URL",
    ),
    "HY-603": Entry(BAD_INPUT, "worker role {given}: there is none of that name", "the roles are: {known}"),
    "HY-604": Entry(
        COULD_NOT_RUN,
        "the lease of client id {client_id} (epoch {epoch}) was taken by another process",
        "keep only one worker a role; the one that holds the lease goes on",
    ),
    "HY-605": Entry(
        COULD_NOT_RUN,
        "the IB connection of this worker has ended",
        "start the worker again; it recovers before it takes a run",
    ),
    "HY-606": Entry(
        COULD_NOT_RUN,
        "{symbol}: not answered: {reason}",
        "run the session again once the gateway answers",
    ),
    "HY-607": Entry(
        COULD_NOT_RUN,
        "the {part} did not start: {problem} (its log: {path})",
        "mend what the log says and start again",
    ),
    "HY-608": Entry(
        COULD_NOT_RUN,
        "{path}: no deployments there",
        "run it in a checkout, or name the file: --prefect-file FILE",
    ),
    "HY-609": Entry(COULD_NOT_RUN, "Prefect refused {what}: {problem}", "see the server's log: {path}"),
    "HY-610": Entry(BROKEN, "the demo found a promise broken: {problem}", "keep {path} and report it"),
    "HY-611": Entry(IN_DOUBT, "the demo ended in doubt: {problem}", "look into {path}"),
}
