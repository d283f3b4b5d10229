"""What the root options said, handed to every sub-command as `ctx.obj`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.domain.errors import UserError

if TYPE_CHECKING:
    import typer

    from hydra.config import Loaded, Settings


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options before the sub-command; settings are loaded only when a command asks for them."""

    config_file: Path | None = None
    assignments: tuple[str, ...] = ()
    live: bool = False
    confirmed_account: str | None = None

    def load(self, flags: Mapping[str, object] | None = None) -> Loaded:
        """Settings with their sources; `flags` maps key paths to the command's options, None = not given."""
        from hydra.config import load

        given: dict[str, object] = dict(_assignment(text) for text in self.assignments)
        given.update({key: value for key, value in (flags or {}).items() if value is not None})
        return load(self.config_file, given)

    def settings(self, flags: Mapping[str, object] | None = None) -> Settings:
        return self.load(flags).settings

    def trading_settings(self, flags: Mapping[str, object] | None = None) -> Settings:
        """Settings for a command that can place orders; mode live needs all its conditions."""
        from hydra.config import require_mode_conditions

        loaded = self.load(flags)
        is_live = loaded.settings.trading.mode == "live"
        require_mode_conditions(
            loaded,
            live=self.live,
            confirmed_account=self.confirmed_account,
            is_gate_passed=is_live and _is_gate_passed(loaded.settings),
        )
        return loaded.settings


def _is_gate_passed(settings: Settings) -> bool:
    """Whether the latest verdict in the ledger passes; one over simulated sessions is none for real money."""
    from hydra.bootstrap import has_ledger, open_ledger_of
    from hydra.config.compose import SIMULATED_ACCOUNT
    from hydra.persistence.views import paper_gate
    from hydra.wiring import clock_of

    if not has_ledger(settings):
        return False
    ledger = open_ledger_of(settings, clock_of(settings), read_only=True)
    try:
        judged = paper_gate(ledger.database)
    finally:
        ledger.close()
    return judged is not None and judged.is_passed and judged.account != SIMULATED_ACCOUNT


def invocation(ctx: typer.Context) -> Invocation:
    """The root's options, or their defaults where a sub-app runs by itself."""
    return ctx.obj if isinstance(ctx.obj, Invocation) else Invocation()


def session_day(text: str) -> date:
    """The date of --on; UserError HY-507 for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            "HY-507", where="--on", given=text, problem="not a date", example="--on 2026-11-23"
        ) from error


def beginning(typed: str, names: Iterable[str]) -> list[str]:
    """For shell completion: the names that begin with what was typed so far."""
    return [str(name) for name in names if name.startswith(typed)]


def begin_log(settings: Settings) -> None:
    """From here on this process tells events as the settings say."""
    from hydra import eventlog

    eventlog.configure(settings.logging.format, settings.logging.level, settings.logging.repeat_s)


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(
            "HY-004", command="hydra", given="--set", problem=f"{text!r} is not KEY=VALUE", hint=""
        )
    return key.strip(), value.strip()
