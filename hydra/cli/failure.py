"""Every failure of the command line as one coded line and one exit code; a trace only ever goes to a file."""

import os
import re
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

import typer
from typer.exceptions import TyperException

from hydra.domain.errors import HydraError, UserError, did_you_mean
from hydra.eventlog import redact

INTERRUPTED: Final = 128 + signal.SIGINT
READER_GONE: Final = 128 + signal.SIGPIPE

_NO_SUCH_COMMAND = re.compile(r"No such command '(?P<name>.*?)'")


def report(error: BaseException, stream: TextIO) -> int:
    """Writes the line for `error` to `stream` and returns the exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        _print("interrupted", stream)
        return INTERRUPTED
    coded = _coded(error)
    if os.environ.get("HYDRA_DEBUG_TRACE") == "1":
        _print("".join(traceback.format_exception(error)), stream)
    _print(redact(str(coded)), stream)
    return coded.exit_code


def _print(text: str, stream: TextIO) -> None:
    """The exit code must come through also where nobody can be told."""
    with suppress(OSError):
        print(text, file=stream, flush=True)


def _coded(error: BaseException) -> HydraError:
    if isinstance(error, HydraError):
        return error
    if isinstance(error, TyperException):
        return _usage(error)
    path = _save_trace(error)
    return HydraError("HY-000", kind=type(error).__name__, detail=str(error) or "no detail", path=path)


def _usage(error: TyperException) -> UserError:
    """Typer's classes for usage errors are private to it, so they are told apart by name and attribute."""
    ctx: Any = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "hydra"
    kind = type(error).__name__
    message = error.message.strip().rstrip(".")
    if kind == "NoSuchOption":
        given = str(getattr(error, "option_name", ""))
        known = [name for param in ctx.command.get_params(ctx) for name in param.opts] if ctx else []
        return UserError("HY-002", command=command, given=given, hint=did_you_mean(given, known))
    if found := _NO_SUCH_COMMAND.search(message):
        known = ctx.command.list_commands(ctx) if ctx else []
        name = found["name"]
        return UserError("HY-001", command=command, given=name, hint=did_you_mean(name, known))
    if kind == "NoArgsIsHelpError" or message == "Missing command":
        return UserError("HY-003", command=command, given="a command")
    if kind == "MissingParameter":
        return UserError("HY-003", command=command, given=_parameter(error))
    if kind == "BadParameter":
        return UserError("HY-004", command=command, given=_parameter(error), problem=message, hint="")
    return UserError("HY-005", command=command, problem=error.format_message().strip().rstrip("."))


def _parameter(error: TyperException) -> str:
    param: Any = getattr(error, "param", None)
    if param is None:
        return str(getattr(error, "param_hint", None) or "an option")
    if param.param_type_name == "option":
        return "/".join(param.opts)
    return str(param.metavar or param.name).upper()


def _save_trace(error: BaseException) -> Path | str:
    """The file holding the trace; a full disk or a missing directory must not hide the first failure."""
    text = redact("".join(traceback.format_exception(error)))
    for folder in (_trace_folder, lambda: Path(tempfile.gettempdir())):
        try:
            handle, name = tempfile.mkstemp(prefix="trace-", suffix=".txt", dir=folder())
        except (OSError, HydraError):
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"argv: {redact(' '.join(sys.argv))}\n\n{text}")
        return Path(name)
    return "nowhere: no directory could be written"


def _trace_folder() -> Path:
    from hydra.config import data_dir

    folder = data_dir() / "traces"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
