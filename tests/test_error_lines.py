"""Every line of the catalogue is provoked as a person would: through the command line, as a process."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import tests.provocations as provocations
from hydra.domain.errors import CATALOGUE
from tests.provocations import PROVOCATIONS, Provocation, Scene

for _module in iter_modules(provocations.__path__):
    import_module(f"tests.provocations.{_module.name}")

_LINE = re.compile(r"HY-\d{3} \S.*[.?] Fix: \S.*\.")


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "provocation"), PROVOCATIONS, ids=lambda value: getattr(value, "__name__", value)
)
def test_the_user_sees_one_coded_line_and_its_exit_code(
    code: str, provocation: Provocation, tmp_path: Path
) -> None:
    done = provocation(Scene(tmp_path))
    coded = [line for line in done.stderr.splitlines() if line.startswith("HY-")]
    assert [line.split()[0] for line in coded] == [code], done.stderr
    assert _LINE.fullmatch(coded[0]), coded[0]
    assert done.returncode == CATALOGUE[code].exit_code
    assert "Traceback" not in done.stderr + done.stdout


def test_every_code_of_the_catalogue_is_provoked() -> None:
    provoked = {code for code, _ in PROVOCATIONS}
    assert sorted(provoked ^ CATALOGUE.keys()) == []
