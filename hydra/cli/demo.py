"""`hydra demo`: one simulated trading day on real parts, with a dropped connection."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import invocation
from hydra.domain.errors import UserError

if TYPE_CHECKING:
    from hydra.demo.result import Result


class OnStop(StrEnum):
    """The choices of the setting worker.on_stop."""

    REST = "rest"
    CANCEL = "cancel"


app = typer.Typer(
    add_completion=False, help="One simulated trading day on real parts, with a dropped connection."
)


@app.command()
def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the simulated market.")] = 7,
    speed: Annotated[float, typer.Option(min=1.0, max=600.0, help="Market seconds a wall second.")] = 60.0,
    bars: Annotated[
        Path | None, typer.Option(help="CSV of real daily bars as the price path of --symbol.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="The symbol of --bars, e.g. ZO.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running until Ctrl-C.")] = False,
    up: Annotated[bool, typer.Option("--up", help="Start the stack only, for the UI, until Ctrl-C.")] = False,
    on_stop: Annotated[
        OnStop, typer.Option(help="Working orders when the stack ends: rest to their end, or are cancelled.")
    ] = OnStop.REST,
    prefect_file: Annotated[
        Path | None, typer.Option(help="The deployments; default prefect.yaml of the checkout.")
    ] = None,
) -> None:
    """Start server, gateway and worker, trade six symbols, drop the connection once, compare both books.

    Takes about a minute. Exit 0 only if the gateway's books and the ledger agree exactly, compared by a
    script that knows nothing of hydra; 1 if a promise was broken; 4 if something ended in doubt.
    """
    from hydra.config import data_dir
    from hydra.demo.run import HORIZON_MINUTES, run_demo, run_up
    from hydra.demo.show import print_result
    from hydra.demo.stack import Wish, default_prefect_file
    from hydra.simgateway.process import read_bars

    invocation(ctx).settings()  # the stack brings its own; what was asked for here is refused if misspelt
    if (bars is None) != (symbol is None):
        raise UserError("HY-003", command="hydra demo", given="--symbol" if bars else "--bars")
    if bars is not None and symbol is not None:
        read_bars(bars, symbol)  # a malformed file is told at once, with its line
    wish = Wish(seed, speed, bars, symbol, prefect_file or default_prefect_file(), up, on_stop.value)
    if not wish.prefect_file.is_file():
        raise UserError("HY-606", path=wish.prefect_file)
    root = data_dir() / "demo"
    if up:
        run_up(root, wish)
        return

    def tell(result: Result) -> None:
        if json is not None:
            _write(json, result.as_json())
        print_result(result, HORIZON_MINUTES)

    raise typer.Exit(run_demo(root, wish, tell, keep=keep).exit_code)


def _write(path: Path, figures: object) -> None:
    from hydra.cli.output import print_json

    try:
        with path.open("w", encoding="utf-8") as file:
            print_json(figures, file)
    except OSError as error:
        raise UserError("HY-006", where=path, problem=error.strerror or error) from error
