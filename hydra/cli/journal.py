"""`hydra journal`: every experiment that was made, failures included; any of them can be run again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json, print_table
from hydra.domain.errors import BrokenLaw, UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.research.experiment import Experiment

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Every experiment that was made; run one again."
)

Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="An experiment's identity, or its beginning.")]
_REPEATED = ("ended", "refusals", "fitness", "p_value", "deflated_sharpe", "metrics")


@app.command("list")
def listed(
    ctx: typer.Context,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20,
    json: Json = False,
) -> None:
    """The newest experiments: what was changed and why, how it ended, its evidence."""
    from hydra.reports.cycle import experiment_rows
    from hydra.workshop import open_workshop

    with open_workshop(invocation(ctx).settings()) as shop:
        rows = experiment_rows(shop.journal.experiments()[-last:])
        models = shop.registry.models()
    if json:
        print_json({"experiments": rows, "models": [asdict(one) for one in models]})
        return
    if not rows:
        print("No experiment was made yet: `hydra run` makes those the diagnosis asks for.")
    else:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    if models:
        columns = ("model", "family", "sha256", "registered at")
        print_table(
            columns, [(one.model_id, one.family, one.sha256[:12], one.registered_at) for one in models]
        )


@app.command()
def show(ctx: typer.Context, experiment: Id, json: Json = False) -> None:
    """One experiment whole: the change, its data and seed, every figure."""
    from hydra.workshop import open_workshop

    with open_workshop(invocation(ctx).settings()) as shop:
        found = _found(shop.journal.experiments(), experiment)
    told = {"id": found.experiment_id, **asdict(found), "changes": found.changes}
    if json:
        print_json(told)
        return
    skipped = ("spec", "parent", "metrics", "changes")
    rows = [
        (key, "; ".join(value) if isinstance(value, tuple) else value)
        for key, value in told.items()
        if key not in skipped
    ]
    rows += [(f"change {name}", f"{old} → {new}") for name, (old, new) in found.changes.items()]
    rows += [(name, round(value, 4)) for name, value in found.metrics.items()]
    print_table(("what", "value"), rows)


@app.command()
def rerun(ctx: typer.Context, experiment: Id, json: Json = False) -> None:
    """Run an experiment again, on the bars as they were known then; exit 1 if its numbers do not repeat."""
    from hydra.usecases.improve.experiments import rerun as again
    from hydra.workshop import open_workshop

    with open_workshop(invocation(ctx).settings()) as shop:
        found = _found(shop.journal.experiments(), experiment)
        repeated = again(shop, found)
    before, after = asdict(found), asdict(repeated)
    changed = [name for name in _REPEATED if before[name] != after[name]]
    if json:
        print_json({"id": found.experiment_id, "equal": not changed, "before": before, "after": after})
    if changed:
        problem = "; ".join(f"{name} was {before[name]}, is {after[name]}" for name in changed)
        raise BrokenLaw("HY-868", given=found.experiment_id, problem=problem)
    if not json:
        print(f"{found.experiment_id}: every number is the same.")


def _found(experiments: Sequence[Experiment], wanted: str) -> Experiment:
    hits = [one for one in experiments if one.experiment_id.startswith(wanted)] if wanted else []
    if len(hits) == 1:
        return hits[0]
    hint = did_you_mean(wanted, [one.experiment_id for one in experiments])
    problem = f", but {len(hits)} begin so" if hits else hint
    raise UserError("HY-866", given=wanted, hint=problem)
