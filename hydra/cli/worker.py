"""`hydra worker`: the Prefect worker that holds the IB connection and runs the flows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hydra.cli.invocation import Invocation, invocation
from hydra.domain.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.worker.ib_thread import DeskOpener

app = typer.Typer(no_args_is_help=True, help="The Prefect worker that holds the IB connection.")

ROLES: Final = ("execution",)
# Seconds between two questions to the server: what a started run waits for at most.
QUERY_S: Final = "1"


@app.callback()
def worker() -> None:
    """The Prefect worker that holds the IB connection."""


@app.command()
def start(
    ctx: typer.Context,
    role: Annotated[str, typer.Option(help="What it does; one process a role.")] = "execution",
    pool: Annotated[str, typer.Option(help="Prefect work pool of type ib-gateway.")] = "ib",
    approver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who stands in every order; default your login name.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")] = None,
) -> None:
    """Connect, recover, then take runs from the pool until SIGTERM or Ctrl-C.

    Needs a Prefect server (PREFECT_API_URL) and a gateway.
    """
    import asyncio

    if role not in ROLES:
        hint = did_you_mean(role, ROLES).removeprefix(", ")
        raise UserError("HY-603", given=f"{role} ({hint})" if hint else role, known=", ".join(ROLES))
    settings = invocation(ctx).trading_settings({"gateway.host": host, "gateway.port": port})
    _begin_log(settings)
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", QUERY_S)
    from hydra.worker.serve import serve

    asyncio.run(serve(f"hydra-{role}", _opener(settings, approver), pool))


def opener_from_environment() -> DeskOpener:
    """What `prefect worker start --type ib-gateway` opens: the settings of file and environment."""
    settings = Invocation().trading_settings()
    _begin_log(settings)
    return _opener(settings, None)


def _opener(settings: Settings, approver: str | None) -> DeskOpener:
    import getpass
    from functools import partial

    from hydra.bootstrap import open_desk

    return partial(open_desk, settings, approver=approver or getpass.getuser())


def _begin_log(settings: Settings) -> None:
    from hydra import eventlog

    eventlog.configure(settings.logging.format, settings.logging.level, settings.logging.repeat_s)
