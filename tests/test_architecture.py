"""What holds of the code itself: layers, purity, sizes, words; each rule also shown to catch its breach."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distribution import group_of

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
CODE = ("hydra", "flows", "tasks")
LINES_MAX, FUNCTION_LINES_MAX = 400, 70
PURE = ("domain", "risk", "execution")
CONTAINER_FILES = ("Dockerfile", "docker-compose.yml", "compose_by_hand.py")
IMPURE = frozenset(
    {
        "asyncio",
        "threading",
        "subprocess",
        "socket",
        "time",
        "random",
        "uuid",
        "os",
        "logging",
        "pathlib",
        "secrets",
    }
)


def tracked() -> list[Path]:
    """The files of the commit in the making; without git (an export), every file outside caches."""
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        names = [Path(name) for name in found.stdout.split("\0") if name]
        return [name for name in names if (ROOT / name).is_file()]
    every = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [path for path in every if not any(part.startswith(".") and part != ".ci" for part in path.parts)]


def python_files(*tops: str) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in tops]


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def run(*command: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    args = [str(part) for part in command]
    return subprocess.run(args, cwd=cwd, capture_output=True, text=True, check=False, timeout=280)


# --- the tools -----------------------------------------------------------------------------------------


def test_ruff_finds_nothing() -> None:
    done = run(TOOLS / "ruff", "check", ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(300)
def test_mypy_strict_finds_nothing() -> None:
    done = run(TOOLS / "mypy")
    assert done.returncode == 0, done.stdout


def test_every_import_contract_is_kept() -> None:
    done = run(TOOLS / "lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("hydra/newcomer/__init__.py", "", "one direction inside hydra"),
        ("hydra/domain/breach.py", "import hydra.usecases", "one direction inside hydra"),
        ("hydra/broker/breach.py", "import hydra.persistence", "one direction inside hydra"),
        ("hydra/usecases/breach.py", "import tasks", "flows tell, tasks act, hydra does"),
        ("hydra/usecases/breach.py", "import prefect", "Prefect only in hydra.worker, flows and tasks"),
        ("hydra/usecases/breach.py", "import ib_async", "ib_async only in hydra.broker"),
        ("tasks/breach.py", "import ib_async", "ib_async only in hydra.broker"),
        ("hydra/reports/breach.py", "import sqlalchemy", "SQLAlchemy and Alembic only in hydra.persistence"),
        ("hydra/execution/breach.py", "import random", "domain, risk and execution are pure"),
        ("hydra/risk/breach.py", "from time import monotonic", "domain, risk and execution are pure"),
        ("hydra/research/breach.py", "import socket", "research is pure over arrays and frames"),
    ],
)
def test_each_contract_catches_its_breach(tmp_path: Path, file: str, line: str, contract: str) -> None:
    for top in CODE:
        shutil.copytree(ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f'"""A breach."""\n{line}\n')
    done = run(TOOLS / "lint-imports", "--no-cache", cwd=tmp_path)
    broken = [text for text in done.stdout.splitlines() if " BROKEN" in text]
    assert done.returncode != 0
    assert any(text.startswith(contract) for text in broken), done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("hydra/usecases/breach.py", "from datetime import datetime\n\nNOW = datetime.now()"),
        ("hydra/domain/breach.py", "import time\n\nNOW = time.time()"),
        ("flows/breach.py", "from datetime import date\n\nTODAY = date.today()"),
        ("tasks/breach.py", "from time import time\n\nNOW = time()"),
    ],
)
def test_ruff_catches_a_wall_clock_outside_the_clock_adapter(tmp_path: Path, file: str, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(f'"""A breach."""\n\n{line}\n')
    assert "TID251" in run(TOOLS / "ruff", "check", ".", cwd=tmp_path).stdout


# --- the code ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", PURE)
def test_a_pure_package_imports_the_standard_library_and_itself_only(layer: str) -> None:
    allowed = sys.stdlib_module_names - IMPURE
    breaches = [
        f"{path}: {name}"
        for path in python_files("hydra")
        if path.parts[1] == layer
        for name in imported(parsed(path))
        if name.split(".")[0] not in allowed and name.split(".")[0] != "hydra"
    ]
    assert breaches == []


def test_files_and_functions_stay_short() -> None:
    breaches = []
    for path in python_files(*CODE, "tests", "bench"):
        length = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if length > LINES_MAX:
            breaches.append(f"{path}: {length} lines")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    breaches.append(f"{path}:{node.lineno} {node.name}: {length} lines")
    assert breaches == []


def test_every_module_says_what_it_is() -> None:
    missing = [str(path) for path in python_files(*CODE) if not ast.get_docstring(parsed(path))]
    assert missing == []


def test_no_name_hides_what_a_file_is_for() -> None:
    vague = [
        str(path)
        for path in python_files(*CODE, "tests")
        if path.stem in ("utils", "helpers", "misc", "common")
    ]
    managers = [
        f"{path}: {node.name}"
        for path in python_files(*CODE)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Manager")
    ]
    assert vague + managers == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|raise NotImpl" + r"ementedError")
    found = [
        f"{path}:{number}"
        for path in python_files(*CODE, "tests", "bench")
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
        if marks.search(line)
    ]
    assert found == []


def test_no_machine_path_and_no_registry_host_is_written_down() -> None:
    machine = re.compile(r"(?<![\w.~])/(?:root|home|work|Users|opt)/\w")
    registry = re.compile(
        "|".join(["pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", r"conda\." + "io"])
    )
    found = []
    for path in tracked():
        try:
            lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        is_container = path.name in CONTAINER_FILES  # its paths are the container's own, on every machine
        for number, line in enumerate(lines, start=1):
            if (machine.search(line) and not is_container) or registry.search(line):
                found.append(f"{path}:{number}: {line.strip()[:80]}")
    assert found == []


# --- the tests -----------------------------------------------------------------------------------------


def test_no_test_replaces_a_part_by_a_mock() -> None:
    mocks = ("unittest.mock", "mock", "pytest_mock")
    found = [
        f"{path}: {name}"
        for path in python_files("tests", "bench", *CODE)
        for name in imported(parsed(path))
        if name in mocks or name.startswith("unittest.mock.")
    ]
    assert found == []


def test_no_test_sleeps_where_it_could_wait() -> None:
    found = []
    for path in python_files("tests"):
        if any(name.startswith("hydra.simulation.loop") for name in imported(parsed(path))):
            continue  # on the virtual loop an hour passes in no time
        for node in ast.walk(parsed(path)):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name, seconds = ast.unparse(node.func), node.args[0].value
            if (
                name in ("time.sleep", "asyncio.sleep", "sleep")
                and isinstance(seconds, int | float)
                and seconds > 0.2
            ):
                found.append(f"{path}:{node.lineno}: {seconds} s")
    assert found == []


def test_tests_that_share_what_is_dear_run_in_one_process() -> None:
    strays = [
        f"{path}: {node.name}"
        for path in python_files("tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if {one.arg for one in node.args.args} & {"traded", "server", "open_flow_day"}
        if group_of(f"{path}::{node.name}[any]") is None
    ]
    assert strays == []
    assert group_of("tests/session/test_drops.py::test_any") is None


def test_unit_tests_mirror_the_package() -> None:
    """tests/unit/a/ holds the tests of hydra/a (a package, or a module that outgrew one test file)."""
    folders = {
        path.parent.relative_to("tests/unit") for path in python_files("tests") if path.parts[1] == "unit"
    }
    strangers = [
        str(folder)
        for folder in folders
        if not (ROOT / "hydra" / folder).is_dir()
        and not (ROOT / "hydra" / folder).with_suffix(".py").is_file()
    ]
    assert strangers == []


def test_continuous_integration_runs_the_command_of_the_readme() -> None:
    last = (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1]
    assert last == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text()
