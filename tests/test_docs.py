"""The documents: what is made is current, what is linked exists, what is shown as a command runs."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.cli.reference import made_parts, with_made_part
from hydra.config import load
from hydra.config.keys import PROCESS_VARIABLES, all_keys
from tests.conftest import ROOT, Hydra

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def blocks(language: str) -> Iterator[tuple[Path, str, str]]:
    """(page, words after the language, text) of every fenced block."""
    for page in PAGES:
        for found, words, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page, words.strip(), text


def commands(*, runnable: bool) -> list[tuple[str, str]]:
    return [
        (page.name, line)
        for page, words, text in blocks("sh")
        for line in text.splitlines()
        if line.strip() and not line.startswith("#") and (words == "runnable") is runnable
    ]


@pytest.mark.parametrize("name", made_parts())
def test_a_made_page_is_current(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert with_made_part(page, made_parts()[name]) == page, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.process
@pytest.mark.parametrize(("page", "line"), commands(runnable=True))
def test_a_command_marked_runnable_runs(page: str, line: str, hydra: Hydra) -> None:
    program, *args = shlex.split(line)
    assert program == "hydra"
    done = hydra(*args)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
@pytest.mark.parametrize(("page", "line"), commands(runnable=False))
def test_a_command_that_is_only_shown_exists(page: str, line: str, hydra: Hydra) -> None:
    """Its sub-command is known, and each of its options is in that sub-command's help."""
    program, *args = shlex.split(line)
    if program == "make":
        assert re.search(rf"^{args[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    assert program == "hydra", line
    groups = ("session", "ledger", "gateway", "config", "worker", "trading", "bars", "journal")
    depth = 2 if args[0] in groups else 1
    done = hydra(*args[:depth], "--help", env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.returncode == 0, done.stderr
    missing = [
        word for word in args[depth:] if word.startswith("--") and word.split("=")[0] not in done.stdout
    ]
    assert missing == []


def test_every_example_configuration_is_accepted(tmp_path: Path) -> None:
    examples = [text for _, _, text in blocks("toml")]
    assert examples
    for text in examples:
        tomllib.loads(text)
        file = tmp_path / "hydra.toml"
        file.write_text(text, encoding="utf-8")
        assert load(file, environ={}).file == file


def test_every_variable_of_the_example_environment_is_known() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(HYDRA_\w+)=", text, re.MULTILINE))
    known = {key.env_name for key in all_keys()} | set(PROCESS_VARIABLES)
    assert named
    assert {name.removesuffix("_FILE") for name in named} <= known


def test_the_example_environment_is_accepted_as_it_is() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert load(environ=given).settings.trading.mode == "paper"


def test_the_readme_fits_one_screen_and_shows_both_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    assert next(body for page, _, body in blocks("sh") if page.name == "README.md").split("\n")[:2] == [
        "make demo",
        "make test",
    ]


def test_every_law_and_choice_is_listed_with_its_page() -> None:
    pages = {page.name for page in (ROOT / "docs/adr").glob("0*.md")}
    listed = set(
        re.findall(r"\((0\d{3}-[\w-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text(encoding="utf-8"))
    )
    assert pages == listed


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()) - {"help"}
    told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in told.splitlines()} - {"help"} == targets
