"""`hydra deploy`: the Prefect server equals prefect.yaml, and what a person paused stays paused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json
from hydra.domain.errors import UserError

if TYPE_CHECKING:
    from hydra.worker.deploy.run import Deployed

app = typer.Typer(add_completion=False, no_args_is_help=False)


@app.command()
def deploy(
    ctx: typer.Context,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change; change nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    prefect_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: prefect.yaml here, else the checkout's.")
    ] = None,
) -> None:
    """Work pools, queues, limits, deployments, schedules, triggers and automations as the file says.

    What left the file leaves the server; a pool or queue in use stays, and is named.

    What a person paused stays paused, and a schedule that a person switched on stays on.

    Needs PREFECT_API_URL. Example: hydra deploy --diff
    """
    import asyncio

    from hydra.worker.deploy.run import deploy as bring

    invocation(ctx).settings()  # none is needed; a misspelt one is refused
    file = prefect_file or _default_file()
    if not file.is_file():
        raise UserError("HY-606", path=file)
    done = asyncio.run(bring(file, is_diff=diff))
    if json:
        print_json(done.as_json())
    else:
        _tell(done)


def _default_file() -> Path:
    from hydra.demo.stack import default_prefect_file

    here = Path("prefect.yaml")
    return here if here.is_file() else default_prefect_file()


def _tell(done: Deployed) -> None:
    for change in done.changes:
        print(f"{change.verb:6} {change.item}" + (f": {'; '.join(change.details)}" if change.details else ""))
    count = sum(change.is_done for change in done.changes)
    if not count:
        print("The server equals the file.")
    else:
        print(f"{count} change(s) {'made' if done.is_done else 'to make: nothing was changed'}.")
