"""`hydra doctor`: what keeps a session from running, and the fix in one line."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated

import typer

from hydra.cli.invocation import invocation
from hydra.cli.output import print_json
from hydra.domain.errors import BROKEN, DONE

app = typer.Typer(add_completion=False, no_args_is_help=False)


@app.command()
def doctor(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Gateway host; default gateway.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Gateway port; default gateway.port.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Look at the machine, the gateway, the ledger and the Prefect server; it changes and places nothing.

    Exit 0 when nothing fails (warnings allowed), 1 when something does.
    """
    import asyncio

    from hydra import eventlog
    from hydra.diagnosis.finding import Status
    from hydra.diagnosis.run import diagnose

    settings = invocation(ctx).settings({"gateway.host": host, "gateway.port": port})
    eventlog.configure(settings.logging.format, "error")
    findings = asyncio.run(diagnose(settings, os.environ.get("PREFECT_API_URL")))
    failed = sum(one.status is Status.FAIL for one in findings)
    if json:
        print_json({"failed": failed, "findings": [asdict(one) for one in findings]})
    else:
        for one in findings:
            print(f"{one.status:4} {one.check:15} {one.what}")
            if one.fix:
                print(f"     {'':15} fix: {one.fix}")
        print(f"{failed} of {len(findings)} checks fail." if failed else "Nothing fails.")
    raise typer.Exit(BROKEN if failed else DONE)
