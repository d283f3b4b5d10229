"""HY-85x, provoked below the command line where its command does not exist yet: same line, same exit."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes

_FRAME = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hydra.cli.failure import report
try:
{body}
except Exception as error:
    sys.exit(report(error, sys.stderr))
"""
_TABLES = """
    from hydra.persistence.open import open_research_tables
    from hydra.persistence.registry import ModelRegistry
    registry = ModelRegistry(*open_research_tables(Path("ledger.db")), Path("artefacts"))
    at = datetime(2026, 8, 21, tzinfo=UTC)
    sha256 = registry.register("gbm-1", "gbm", {}, "tree", build_id="b", registered_at=at)
"""


def _attempt(scene: Scene, body: str) -> CompletedProcess[str]:
    return scene.python(_FRAME.format(body=body))


@provokes("HY-850")
def a_bar_without_a_price(scene: Scene) -> CompletedProcess[str]:
    scene.file("ZO.csv", "date,open,high,low,close\n2026-08-03,1,1,1,nan\n")
    return _attempt(
        scene,
        "    from hydra.persistence.bar_files import read_csv_bars\n    read_csv_bars(Path('ZO.csv'))\n",
    )


@provokes("HY-851")
def log_returns_of_a_negative_price(scene: Scene) -> CompletedProcess[str]:
    scene.file("CL.csv", "date,open,high,low,close\n2020-04-17,18,18,18,18\n2020-04-20,1,1,-37,-37.63\n")
    return _attempt(
        scene,
        "    from hydra.persistence.bar_files import read_csv_bars\n"
        "    from hydra.research.series import log_returns\n"
        "    log_returns(read_csv_bars(Path('CL.csv')), 'CL.csv')\n",
    )


@provokes("HY-852")
def a_file_with_a_header_only(scene: Scene) -> CompletedProcess[str]:
    scene.file("ZO.csv", "date,open,high,low,close\n")
    return _attempt(
        scene,
        "    from hydra.persistence.bar_files import read_csv_bars\n    read_csv_bars(Path('ZO.csv'))\n",
    )


@provokes("HY-853")
def a_bar_store_where_a_file_is(scene: Scene) -> CompletedProcess[str]:
    scene.file("bars", "")
    return _attempt(
        scene, "    from hydra.persistence.bars import ParquetBarStore\n    ParquetBarStore(Path('bars'))\n"
    )


@provokes("HY-854")
def a_sandbox_that_cannot_be_locked(scene: Scene) -> CompletedProcess[str]:
    """Something trusted does not load: whatever keeps the lock from closing, no candidate is run."""
    return _attempt(
        scene,
        "    from hydra.sandbox.run import run_isolated\n"
        "    run_isolated('json:loads', '1', preload=['no_such_module'])\n",
    )


@provokes("HY-855")
def a_swapped_artefact(scene: Scene) -> CompletedProcess[str]:
    swap = "    path = Path('artefacts', f'{sha256}.txt')\n    path.unlink()\n    path.write_text('other')\n"
    return _attempt(scene, _TABLES + swap + "    registry.load('gbm-1', sha256)\n")


@provokes("HY-856")
def a_model_nobody_registered(scene: Scene) -> CompletedProcess[str]:
    return _attempt(scene, _TABLES + "    registry.load('gbm-2', sha256)\n")


@provokes("HY-857")
def a_journal_of_an_older_build(scene: Scene) -> CompletedProcess[str]:
    older = (
        "    tables, _ = open_research_tables(Path('old.db'))\n"
        "    tables.execute(\"UPDATE alembic_version SET version_num = '0001'\")\n"
        "    tables.close()\n"
        "    open_research_tables(Path('old.db'), read_only=True)\n"
    )
    return _attempt(scene, _TABLES + older)


@provokes("HY-858")
def bars_nobody_imported(scene: Scene) -> CompletedProcess[str]:
    return _attempt(
        scene,
        "    from hydra.persistence.bars import ParquetBarStore\n"
        "    ParquetBarStore(Path('bars')).bars('ZO')\n",
    )


@provokes("HY-859")
def an_artefact_that_is_no_text(scene: Scene) -> CompletedProcess[str]:
    binary = "registry.register('gbm-2', 'gbm', {}, 'a\\0b', build_id='b', registered_at=at)"
    return _attempt(scene, _TABLES + f"    {binary}\n")
