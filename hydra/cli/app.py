"""The root command: sub-commands found late, every failure as one coded line.

A sub-command is a module of this package that exposes `app` (a `typer.Typer`). It is imported when it is
called, never for `--help`: Prefect alone takes 1.7 s to import.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from hydra.cli.failure import READER_GONE, report
from hydra.cli.invocation import Invocation
from hydra.cli.output import leave_stdout, written
from hydra.domain.errors import DONE, UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class LateCommand:
    """Where a sub-command lives; `member` names one command of that module's app, None the whole app."""

    module: str
    panel: str
    help: str
    member: str | None = None


COMMANDS: Final[dict[str, LateCommand]] = {
    "demo": LateCommand("demo", "Try", "One simulated trading day on real parts, with a dropped connection."),
    "gateway": LateCommand(
        "gateway", "Try", "A simulated IB Gateway: run it, read its books, inject faults."
    ),
    "session": LateCommand("session", "Trade", "Run, or run again, the execution session of one date."),
    "worker": LateCommand("worker", "Trade", "The Prefect worker that holds the IB connection."),
    "deploy": LateCommand("deploy", "Trade", "The Prefect server as prefect.yaml says.", "deploy"),
    "resolve": LateCommand("doubt", "Trade", "Decide, by name, what became of an order in doubt.", "resolve"),
    "adopt": LateCommand("doubt", "Trade", "Book, by name, a position or fill we did not cause.", "adopt"),
    "trading": LateCommand("trading", "Trade", "Show, narrow or widen what may be sent."),
    "kill": LateCommand("kill", "Trade", "Stop now: no new order, cancel everything, prove it gone.", "kill"),
    "doctor": LateCommand("doctor", "Look", "What keeps a session from running, with the fix.", "doctor"),
    "run": LateCommand("healing", "Heal", "The daily cycle: observe, diagnose, mutate, decide, plan.", "run"),
    "diagnose": LateCommand("healing", "Heal", "What is wrong with the champion, with evidence.", "diagnose"),
    "status": LateCommand("healing", "Heal", "Who leads, the book, the next targets.", "status"),
    "journal": LateCommand("journal", "Heal", "Every experiment that was made; run one again."),
    "promote": LateCommand("healing", "Heal", "Make another arm the champion, by name.", "promote"),
    "retire": LateCommand("healing", "Heal", "Take an arm out of the book, by name.", "retire"),
    "rollback": LateCommand("healing", "Heal", "Back to the champion before this one.", "rollback"),
    "pause": LateCommand("healing", "Heal", "What healing may do by itself.", "pause"),
    "bars": LateCommand("bars", "Heal", "The bar store: import, fetch, list."),
    "ledger": LateCommand("ledger", "Look", "Export and verify the ledger."),
    "simulate": LateCommand(
        "simulate", "Prove", "Seeded worlds full of faults, judged from outside.", "simulate"
    ),
    "config": LateCommand("config", "Look", "Show the settings in force and where each one comes from."),
}


class LateGroup(TyperGroup):
    """A group that lists its commands from a table and imports only the one that is called."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [name for name, late in COMMANDS.items() if _exists(late)]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        late = COMMANDS.get(cmd_name)
        if late is None or not _exists(late):
            return None
        return TyperCommand(cmd_name, help=late.help, rich_help_panel=late.panel)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        name, *rest = args
        late = COMMANDS.get(name)
        if late is None or not _exists(late):
            if ctx.resilient_parsing:
                return None, None, rest
            hint = did_you_mean(name, self.list_commands(ctx))
            raise UserError("HY-001", command=ctx.command_path, given=name, hint=hint)
        return name, _load(name, late), rest


def _exists(late: LateCommand) -> bool:
    return find_spec(f"hydra.cli.{late.module}") is not None


def _load(name: str, late: LateCommand) -> Any:
    sub_app: typer.Typer = import_module(f"hydra.cli.{late.module}").app
    command: Any = typer.main.get_command(sub_app)
    if late.member is not None and isinstance(command, TyperGroup):
        command = command.commands[late.member]
    command.name = name
    command.help = command.help or late.help
    return command


app = typer.Typer(
    cls=LateGroup,
    name="hydra",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="HYDRA trades thin commodity futures on Interactive Brokers: never an order twice, lost, unchecked.",
    epilog="Exit codes: 0 done, 1 a promise found broken, 2 bad input, 3 could not run, "
    "4 ended in doubt: run it again. First steps: `hydra demo`; `hydra config show --sources`.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        parts = ", ".join(f"{name} {version(name)}" for name in ("ib_async", "prefect"))
        typer.echo(f"hydra {version('hydra-trader')} (python {python_version()}, {parts})")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file (TOML); default HYDRA_CONFIG, then ./hydra.toml.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one key, e.g. --set gateway.port=4003."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Allow live trading; one of its four conditions.")
    ] = False,
    confirm_account: Annotated[
        str | None, typer.Option(metavar="ID", help="The live account id, typed back.")
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions and exit.")
    ] = False,
) -> None:
    ctx.obj = Invocation(
        config_file=config, assignments=tuple(setting or ()), live=live, confirmed_account=confirm_account
    )


def run(args: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; whatever fails becomes one line on stderr."""
    try:
        result = typer.main.get_command(app).main(args=args, prog_name="hydra", standalone_mode=False)
        with written():
            pass  # whatever a command printed otherwise
    except (BrokenPipeError, SystemExit) as ended:  # typer makes one of the other
        if not isinstance(ended, BrokenPipeError) and not isinstance(ended.__context__, BrokenPipeError):
            raise
        leave_stdout()  # `| head` has read enough
        return READER_GONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where every failure ends
        return report(error, sys.stderr)
    return result if isinstance(result, int) else DONE
