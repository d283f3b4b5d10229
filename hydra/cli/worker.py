"""`hydra worker`: the Prefect worker that holds the IB connection and runs the flows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hydra.cli.invocation import Invocation, beginning, invocation
from hydra.domain.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.worker.post import Post

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The Prefect worker that holds the IB connection."
)

# Seconds between two questions to the server: what a started run waits for at most.
QUERY_S: Final = "1"


def _roles(typed: str) -> list[str]:
    from hydra.domain.roles import Role

    return beginning(typed, Role)


@app.callback()
def worker() -> None:
    """The Prefect worker that holds the IB connection."""


@app.command()
def start(
    ctx: typer.Context,
    role: Annotated[
        str | None,
        typer.Option(
            help="execution, data, feed or diagnostics; default worker.role.",
            autocompletion=_roles,
        ),
    ] = None,
    shard: Annotated[
        int | None, typer.Option(help="Which of worker.shards this is, from 1; default worker.shard.")
    ] = None,
    pool: Annotated[str, typer.Option(help="Prefect work pool of type ib-gateway.")] = "ib",
    approver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who stands in every order; default your login name.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")] = None,
) -> None:
    """Connect, recover, then take runs from the role's queues of the pool until SIGTERM or Ctrl-C.

    Needs a Prefect server (PREFECT_API_URL) and a gateway; both may come later. One process a role.

    Client ids: execution gateway.client_id, data, feed and diagnostics the next three, shard N that + 9 + N.
    Example: hydra worker start --role execution
    """
    import asyncio

    _check_role(role)
    flags = {"gateway.host": host, "gateway.port": port, "worker.role": role, "worker.shard": shard}
    settings = invocation(ctx).trading_settings(flags)
    _begin_log(settings)
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", QUERY_S)
    from hydra.worker.serve import serve

    asyncio.run(serve(_post(settings, approver), pool))


def _check_role(role: str | None) -> None:
    from hydra.domain.roles import Role

    known = [one.value for one in Role]
    if role is not None and role not in known:
        hint = did_you_mean(role, known).removeprefix(", ")
        raise UserError("HY-603", given=f"{role} ({hint})" if hint else role, known=", ".join(known))


def post_from_environment() -> Post:
    """What `prefect worker start --type ib-gateway` is: the settings of file and environment."""
    settings = Invocation().trading_settings()
    _begin_log(settings)
    return _post(settings, None)


def _post(settings: Settings, approver: str | None) -> Post:
    import getpass
    from functools import partial

    from hydra.bootstrap import open_desk, open_reader
    from hydra.domain.roles import queues_of, worker_name
    from hydra.wiring import client_id, duty_of
    from hydra.worker.post import Post

    duty, given = duty_of(settings), settings.worker
    by = approver or getpass.getuser()
    return Post(
        name=worker_name(duty.role, duty.shard),
        queues=queues_of(duty.role, duty.shard),
        client_id=client_id(settings),
        open=partial(open_desk, settings, approver=by, is_patient=True)
        if duty.sends
        else partial(open_reader, settings),
        on_stop=given.on_stop,
        stall_s=given.stall_s,
    )


def _begin_log(settings: Settings) -> None:
    from hydra import eventlog

    eventlog.configure(settings.logging.format, settings.logging.level, settings.logging.repeat_s)
