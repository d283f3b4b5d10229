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
    "HY-607": Entry(
        COULD_NOT_RUN,
        "the ib loop of client id {client_id} stood still for {seconds} s with work open: this process ends",
        "its supervisor starts it again and it recovers first; `hydra doctor` tells what may hold it up",
    ),
    "HY-609": Entry(
        COULD_NOT_RUN,
        "this task needs the execution role, and its run was taken by a worker of role {role}",
        "give its deployment the work queue of its role: work_pool.work_queue_name: execution",
    ),
    "HY-610": Entry(
        COULD_NOT_RUN,
        "two builds never both send: {reason}",
        "stop that process, or start this one from the same build with the same worker.shards",
    ),
    "HY-608": Entry(
        BAD_INPUT,
        "worker.shard = {shard} of worker.shards = {shards}: no such shard",
        "set worker.shards (HYDRA_WORKER_SHARDS) to their number, the same everywhere, and give --shard from "
        "1 to it; both are 0 where execution is one process",
    ),
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
    "HY-620": Entry(
        BAD_INPUT,
        "{where}: unknown key {key}{hint}",
        "correct or remove it; nothing was deployed",
    ),
    "HY-621": Entry(BAD_INPUT, "{where}: {key}: {problem}", "correct it; nothing was deployed"),
    "HY-622": Entry(
        BAD_INPUT,
        "{where}: no flow at {entrypoint}: {problem}",
        "name a flow by its dotted path, e.g. flows.reconciliation.reconciliation; nothing was deployed",
    ),
    "HY-623": Entry(
        BAD_INPUT,
        "work pool {pool} exists with another type than {given}, and a type cannot be changed",
        "name the pool otherwise, or delete it on the server once nothing runs in it",
    ),
    "HY-624": Entry(
        BAD_INPUT,
        "the Prefect server refused {what}: {problem}",
        "correct what it names and deploy again: a deploy that stopped half-way goes on where it stopped",
    ),
}
