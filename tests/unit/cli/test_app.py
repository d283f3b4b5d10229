"""The root command: fast, late, and every failure one line."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

import hydra.cli.app as root
from tests.conftest import Hydra

HEAVY = (
    "prefect",
    "ib_async",
    "sqlalchemy",
    "pandas",
    "numpy",
    "scipy",
    "pydantic",
    "structlog",
    "matplotlib",
)
HELP_CPU_S_MAX = 0.5


def modules_after(*args: str) -> set[str]:
    code = (
        "import sys, hydra.cli.app as root\n"
        f"root.run({list(args)!r})\n"
        "print('MODULES', *sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    return set(done.stdout.rsplit("MODULES", 1)[1].split())


@pytest.mark.process
@pytest.mark.parametrize(
    "args", [("--help",), ("confg",), ("config", "--help"), ("config", "show", "--help")]
)
def test_help_and_typing_mistakes_import_nothing_heavy(args: Sequence[str]) -> None:
    """pydantic is allowed where options are parsed: typer itself parses with it."""
    allowed = set() if args == ("--help",) else {"pydantic"}
    assert modules_after(*args) & set(HEAVY) <= allowed


@pytest.mark.process
def test_help_takes_less_than_half_a_second_of_processor_time() -> None:
    """Processor time of the best of three: the wall of a loaded machine says nothing about us."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "hydra.cli", "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < HELP_CPU_S_MAX


@pytest.mark.process
def test_help_lists_exactly_the_commands_whose_module_exists(hydra: Hydra) -> None:
    done = hydra("--help", env={"COLUMNS": "200", "TERM": "dumb"})
    for name, late in root.COMMANDS.items():
        is_listed = any(name in line.split()[:2] for line in done.stdout.splitlines())
        assert is_listed == (find_spec(f"hydra.cli.{late.module}") is not None), name


@pytest.mark.parametrize("name", root.COMMANDS)
def test_every_command_that_exists_loads(name: str) -> None:
    late = root.COMMANDS[name]
    if find_spec(f"hydra.cli.{late.module}") is not None:
        assert root._load(name, late).name == name


@pytest.mark.process
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("hydra con", "config"), ("hydra gateway fault dr", "drop"), ("hydra trading set RE", "REDUCING")],
)
def test_completion_offers_commands_and_what_their_words_may_be(typed: str, offered: str) -> None:
    place = str(len(typed.split()) - 1)
    variables = {"_HYDRA_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": place}
    code = "import sys; sys.argv = ['hydra']; import hydra.cli; hydra.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.split() == [offered], done.stderr


@pytest.mark.parametrize(
    "command", ["demo", "deploy", "simulate --seeds 0", "gateway run --state-dir sim --port 0", "config show"]
)
def test_a_misspelt_variable_is_refused_also_where_no_setting_is_needed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYDRA_CLOK_SPEED", "60")
    assert root.run(command.split()) == 2
    assert capsys.readouterr().err.startswith("HY-105 environment: unknown variable HYDRA_CLOK_SPEED")


@pytest.mark.process
def test_a_reader_that_has_read_enough_is_no_broken_promise(hydra: Hydra) -> None:
    """`hydra … | head`: the pipe's reading end is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        command = [sys.executable, "-m", "hydra.cli", "gateway", "fault", "--list", "--json"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.process
def test_version_names_what_a_bug_report_needs(hydra: Hydra) -> None:
    done = hydra("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("hydra ")
    assert all(name in done.stdout for name in ("python", "ib_async", "prefect"))


def test_a_number_returned_by_a_command_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "four.py").write_text(
        "import typer\napp = typer.Typer()\n\n@app.command()\ndef doubt() -> int:\n    return 4\n"
    )
    monkeypatch.setattr(
        sys.modules["hydra.cli"], "__path__", [*sys.modules["hydra.cli"].__path__, str(tmp_path)]
    )
    monkeypatch.setitem(root.COMMANDS, "four", root.LateCommand("four", "Try", "Ends in doubt."))
    assert root.run(["four"]) == 4
