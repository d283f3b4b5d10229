import os
import shutil
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from hydra.persistence.schema import REVISIONS, metadata
from tests.contract.ledger_facts import Desk, Hands, opened_ledger
from tests.contract.ledger_stores import Store


def test_the_migrations_make_exactly_the_schema_of_this_build(store: Store) -> None:
    ledger = store.open(Hands())
    connection = ledger.database.connection
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", "hydra:persistence/migrations")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_opening_a_current_ledger_does_not_import_the_migrations(tmp_path: Path) -> None:
    """Every worker start and every simulated world opens one."""
    opened_ledger(tmp_path / "ledger.db", Hands()).close()
    code = (
        "import sys; from pathlib import Path; from tests.contract.ledger_facts import Hands, opened_ledger\n"
        "opened_ledger(Path(sys.argv[1]), Hands()).close(); sys.exit('alembic' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "ledger.db")], cwd=root, env=env, check=False
    )
    assert done.returncode == 0


def test_a_copied_template_is_a_ledger_of_its_own(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    opened_ledger(template, Hands()).close()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(template, folder / "ledger.db")
        ledger = opened_ledger(folder / "ledger.db", Hands())
        assert Desk(ledger, Hands()).opened().seq == 2
        ledger.close()


def test_processes_that_create_one_ledger_at_once_agree_on_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.contract.ledger_facts import Hands, opened_ledger\n"
        "sys.stdin.readline(); opened_ledger(Path(sys.argv[1]), Hands()).close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "ledger.db")],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": "."},
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    told = [process.communicate(timeout=30)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, told
    assert opened_ledger(tmp_path / "ledger.db", Hands()).load("20260821-ZO-1") is None
