"""`hydra config`: the settings in force, where each comes from, and the schema for editors."""

from typing import Annotated, Any

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json, print_table

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show the settings in force and where each one comes from.",
)


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
def check(
    ctx: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say whether this configuration may trade: mode, account and data directory; nothing is connected."""
    from hydra.config import config_hash, ensure_data_dir

    settings = invocation(ctx).trading_settings()
    folder = ensure_data_dir(settings)
    facts = {
        "mode": settings.trading.mode,
        "account": settings.gateway.account,
        "gateway": f"{settings.gateway.host}:{settings.gateway.port}",
        "data_dir": folder,
        "symbols": list(settings.trading.symbols),
        "denied_for_want_of_a_limit": sorted(
            set(settings.trading.symbols) - set(settings.limits.instruments)
        ),
        "config_hash": config_hash(settings),
    }
    if json:
        print_json(facts)
    else:
        print_table(
            ("fact", "value"), [(name.replace("_", " "), _shown(value)) for name, value in facts.items()]
        )


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    from hydra.config import Settings

    print_json(Settings.model_json_schema())


def _shown(value: object) -> object:
    return (", ".join(value) or "none") if isinstance(value, list) else value


def _as_json(row: Any, sources: bool) -> object:
    return {"value": row.value, "layer": row.layer, "source": row.place} if sources else row.value
