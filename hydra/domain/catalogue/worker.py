"""HY-6xx: worker, flows, server."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, Entry

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
        "the {part} did not start: {problem} (its log: {path})",
        "mend what the log says and start again",
    ),
    "HY-606": Entry(
        COULD_NOT_RUN,
        "{path}: no deployments there",
        "run it in a checkout, or name the file: --prefect-file FILE",
    ),
}
