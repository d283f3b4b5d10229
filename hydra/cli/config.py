"""`hydra config`: the settings in force, where each comes from, and the schema for editors."""

from typing import Annotated, Any

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="Show the settings in force and where each one comes from.")


@app.command()
def show(
    ctx: typer.Context,
    sources: Annotated[
        bool, typer.Option("--sources", help="Also the layer and place that set each value.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Print every setting in force; secrets are masked."""
    from hydra.config.report import rows

    found = rows(invocation(ctx).load())
    if json:
        print_json({row.key: _as_json(row, sources) for row in found})
    elif sources:
        table = [(row.key, row.text, row.layer, row.place) for row in found]
        print_table(("key", "value", "layer", "source"), table)
    else:
        print_table(("key", "value"), [(row.key, row.text) for row in found])


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    from hydra.config import Settings

    print_json(Settings.model_json_schema())


def _as_json(row: Any, sources: bool) -> object:
    return {"value": row.value, "layer": row.layer, "source": row.place} if sources else row.value
