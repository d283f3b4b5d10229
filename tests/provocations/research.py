"""HY-85x to HY-87x, through their commands."""

import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from subprocess import CompletedProcess

from tests.provocations import Scene, provokes

DECISION = ("--by", "anna", "--reason", "seen on the plot")

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


@provokes("HY-850")
def a_bar_without_a_price(scene: Scene) -> CompletedProcess[str]:
    scene.file("ZO.csv", "date,open,high,low,close\n2026-08-03,1,1,1,nan\n")
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-851")
def log_returns_of_a_negative_price(scene: Scene) -> CompletedProcess[str]:
    """The day oil fell below zero: the series is imported and legal, its logarithms are not."""
    head, *rows = _walk_csv().splitlines()
    _imported(scene, "\n".join([head, *(_lower(row, 420.0) for row in rows)]) + "\n")
    return scene.hydra("bars", "check", "ZO", "--log-returns")


def _lower(row: str, by: float) -> str:
    day, *prices, volume = row.split(",")
    return ",".join([day, *(str(float(px) - by) for px in prices), volume])


@provokes("HY-852")
def a_file_with_a_header_only(scene: Scene) -> CompletedProcess[str]:
    scene.file("ZO.csv", "date,open,high,low,close\n")
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-853")
def a_bar_store_where_a_file_is(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "data").mkdir()
    scene.file("data/bars", "")
    return scene.hydra("bars", "list", env={"HYDRA_DATA_DIR": "data"})


@provokes("HY-854")
def a_family_that_cannot_be_loaded_where_candidates_run(scene: Scene) -> CompletedProcess[str]:
    """Its module wants a variable that the sandbox, whose environment is empty, has not."""
    _imported(scene)
    scene.file("mine.py", "import os\nos.environ['HYDRA_HEALING_SYMBOLS']\n")
    scene.file("mine.json", '{"parts": [{"family": "breakout"}]}')
    return _with_modules(scene, "run", "--candidate", "mine.json", HYDRA_HEALING_FAMILIES="mine")


def _with_modules(scene: Scene, *command: str, **env: str) -> CompletedProcess[str]:
    """The command line in a process that finds modules in its own folder."""
    code = f"import sys\nfrom hydra.cli.app import run\nsys.exit(run({list(command)!r}))\n"
    return scene.python(code, {**HEALING, **env})


@provokes("HY-855")
def a_swapped_artefact(scene: Scene) -> CompletedProcess[str]:
    """Of the champion that a cycle has registered: the next cycle does not trade it."""
    _decided(scene)
    for path in scene.here.glob("data/models/*.txt"):
        path.chmod(0o600)
        path.write_text(path.read_text() + " ")
    return _healing(scene, "run", HYDRA_DATA_DIR="data")


@provokes("HY-856")
def a_model_nobody_registered(scene: Scene) -> CompletedProcess[str]:
    """The books name it, and its row was taken out by hand."""
    _decided(scene)
    with closing(sqlite3.connect(scene.here / "data" / "ledger.sqlite3")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DELETE FROM models")
        database.commit()
    return _healing(scene, "run", HYDRA_DATA_DIR="data")


def _decided(scene: Scene) -> None:
    """One session's book on record, in a data directory of its own."""
    scene.file("ZO.csv", _walk_csv())
    for command in (("bars", "import", "ZO.csv", "--series", "ZO"), ("run",)):
        done = _healing(scene, *command, HYDRA_DATA_DIR="data", HYDRA_HEALING_BUDGET="0")
        assert done.returncode == 0, done.stderr


@provokes("HY-874")
def an_arm_whose_family_is_gone(scene: Scene) -> CompletedProcess[str]:
    """Admitted by one cycle, its module no longer named at the next; taken out of the book, the next runs."""
    _imported(scene, _walk_csv(470))
    scene.file("mine.py", _FAMILY)
    scene.file("mine.json", '{"parts": [{"family": "mine"}]}')
    done = _with_modules(scene, "run", "--candidate", "mine.json", HYDRA_HEALING_FAMILIES="mine")
    assert "enters at a prior" in done.stdout, done.stdout + done.stderr
    model = done.stdout.split(" enters at a prior")[0].split()[-1]
    refused = _healing(scene, "run", "--on", "2027-01-04", HYDRA_HEALING_BUDGET="0")
    for mended in (("retire", model, *DECISION), ("run", "--on", "2027-01-04")):
        done = _healing(scene, *mended, HYDRA_HEALING_BUDGET="0")
        assert done.returncode == 0, done.stderr
    return refused


_FAMILY = """
from dataclasses import dataclass
from typing import ClassVar
from hydra.research.family import register


@register
@dataclass(frozen=True, slots=True)
class Mine:
    name: ClassVar[str] = "mine"

    def fit(self, bars, train):
        return ""

    def forecast(self, bars, artefact):
        return 0 * bars.close + 0.1
"""


@provokes("HY-857")
def a_journal_of_an_older_build(scene: Scene) -> CompletedProcess[str]:
    """Whoever may write brings it up to date; `ledger verify` only reads."""
    assert _healing(scene, "status", HYDRA_DATA_DIR="data").returncode == 0
    with closing(sqlite3.connect(scene.here / "data" / "ledger.sqlite3")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
        database.commit()
    return scene.hydra("ledger", "verify", env={"HYDRA_DATA_DIR": "data"})


# --- the healing cycle, through its commands ------------------------------------------------------------

HEALING = {"HYDRA_HEALING_SYMBOLS": "ZO"}


def _walk_csv(days: int = 300) -> str:
    """A quiet walk of whole cents, the same each time."""
    rows, level, on = ["date,open,high,low,close,volume"], 400.0, date(2025, 1, 6)
    for day in range(days):
        after = level + ((day * 7919) % 13 - 6) / 4
        rows.append(f"{on},{level},{max(level, after) + 1},{min(level, after) - 1},{after},{500 + day % 50}")
        level, on = after, on + timedelta(days=3 if on.weekday() == 4 else 1)
    return "\n".join(rows) + "\n"


def _imported(scene: Scene, text: str | None = None) -> None:
    scene.file("ZO.csv", text or _walk_csv())
    done = scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")
    assert done.returncode == 0, done.stderr


def _healing(scene: Scene, *command: object, **env: str) -> CompletedProcess[str]:
    return scene.hydra(*command, env={**HEALING, **env})


@provokes("HY-850")
def days_in_the_wrong_order(scene: Scene) -> CompletedProcess[str]:
    head, first, second, *rest = _walk_csv(5).splitlines()
    scene.file("ZO.csv", "\n".join([head, second, first, *rest]))
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-850")
def a_day_that_comes_twice(scene: Scene) -> CompletedProcess[str]:
    head, first, *rest = _walk_csv(5).splitlines()
    scene.file("ZO.csv", "\n".join([head, first, first, *rest]))
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-852")
def one_row(scene: Scene) -> CompletedProcess[str]:
    scene.file("ZO.csv", "\n".join(_walk_csv(1).splitlines()))
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-852")
def a_price_that_never_moves(scene: Scene) -> CompletedProcess[str]:
    days = [f"2026-08-{day:02},400,400,400,400,5" for day in range(3, 8)]
    scene.file("ZO.csv", "\n".join(["date,open,high,low,close,volume", *days]))
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-852")
def a_cycle_on_too_few_days(scene: Scene) -> CompletedProcess[str]:
    _imported(scene, _walk_csv(40))
    return _healing(scene, "diagnose")


@provokes("HY-858")
def a_cycle_without_bars(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "run", "--on", "2026-11-23")


@provokes("HY-860")
def a_spec_with_an_unknown_key(scene: Scene) -> CompletedProcess[str]:
    _imported(scene)
    scene.file("mine.json", '{"parts": [{"family": "trend", "params": {"fast": 4, "pace": 16}}]}')
    return _healing(scene, "run", "--candidate", "mine.json")


@provokes("HY-860")
def a_spec_that_is_no_json(scene: Scene) -> CompletedProcess[str]:
    _imported(scene)
    scene.file("mine.json", "parts: trend")
    return _healing(scene, "run", "--candidate", "mine.json")


@provokes("HY-861")
def a_book_of_a_symbol_without_its_facts(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("status", env={"HYDRA_HEALING_SYMBOLS": "XX"})


@provokes("HY-862")
def a_promotion_of_a_stranger(scene: Scene) -> CompletedProcess[str]:
    _imported(scene)
    return _healing(scene, "promote", "trend-9-99", *DECISION)


@provokes("HY-863")
def a_roll_back_of_the_first_champion(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "rollback", *DECISION)


@provokes("HY-864")
def a_champion_that_is_to_be_retired(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "retire", "ewma-trend-8-32@1", *DECISION)


@provokes("HY-862")
def a_stranger_that_is_to_be_retired(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "retire", "trend-9-99", *DECISION)


@provokes("HY-865")
def an_experiment_whose_record_does_not_say_its_data(scene: Scene) -> CompletedProcess[str]:
    _journalled(scene, "instruments=()")
    return _healing(scene, "journal", "rerun", _only_experiment(scene))


@provokes("HY-865")
def an_experiment_with_a_family_that_is_not_loaded(scene: Scene) -> CompletedProcess[str]:
    _journalled(scene, "instruments=('ZO',), spec={'parts': [{'family': 'mine'}]}")
    return _healing(scene, "journal", "rerun", _only_experiment(scene))


@provokes("HY-875")
def an_experiment_that_a_newer_build_wrote(scene: Scene) -> CompletedProcess[str]:
    _journalled(scene, "instruments=('ZO',)")
    with closing(sqlite3.connect(next(scene.here.rglob("ledger.sqlite3")))) as database:
        database.execute("INSERT INTO experiments SELECT 'x', 9, spec_id, data_hash, recorded_at, payload"
                         " FROM experiments")  # fmt: skip
        database.commit()
    return _healing(scene, "journal", "list")


@provokes("HY-876")
def bars_from_a_file_that_is_not_there(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("bars", "import", "ZO.csv", "--series", "ZO")


@provokes("HY-866")
def an_experiment_nobody_made(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "journal", "show", "4b72d2e5")


@provokes("HY-867")
def a_cycle_for_a_day_before_the_last_book(scene: Scene) -> CompletedProcess[str]:
    _imported(scene)
    done = _healing(scene, "run", HYDRA_HEALING_BUDGET="0")
    assert done.returncode == 0, done.stderr
    return _healing(scene, "run", "--on", "2026-02-02", HYDRA_HEALING_BUDGET="0")


@provokes("HY-869")
def a_family_whose_module_is_not_there(scene: Scene) -> CompletedProcess[str]:
    return _healing(scene, "status", HYDRA_HEALING_FAMILIES="no_such_module")


@provokes("HY-870")
def missing_days(scene: Scene) -> CompletedProcess[str]:
    rows = _walk_csv().splitlines()
    _imported(scene, "\n".join([*rows[:280], *rows[290:]]) + "\n")
    return scene.hydra("bars", "check", "ZO")


def _cot(scene: Scene, *options: str) -> CompletedProcess[str]:
    head = "market,date,open_interest," + ",".join(
        f"{who}commercial_positions_{side}" for who in ("non", "") for side in ("long", "short")
    )
    rows = [f"{name},2025-01-07,100,30,10,20,40" for name in ("OATS - CHICAGO", "LEAN HOGS - CHICAGO")]
    scene.file("cot.csv", "\n".join([head, *rows]))
    return scene.hydra("bars", "cot", "import", "cot.csv", "--symbol", "ZO", *options)


@provokes("HY-850")
def a_cftc_file_of_another_report(scene: Scene) -> CompletedProcess[str]:
    scene.file("cot.csv", "market,date,open_interest\nOATS,2025-01-07,100\n")
    return scene.hydra("bars", "cot", "import", "cot.csv", "--symbol", "ZO", "--market", "OATS")


@provokes("HY-871")
def a_cluster_that_is_not_there(scene: Scene) -> CompletedProcess[str]:
    """Port 9 of this machine answers nobody."""
    _imported(scene)
    scene.file("mine.json", '{"parts": [{"family": "breakout"}]}')
    return _healing(scene, "run", "--candidate", "mine.json", HYDRA_HEALING_DASK_ADDRESS="tcp://127.0.0.1:9")


@provokes("HY-872")
def a_market_the_report_does_not_have(scene: Scene) -> CompletedProcess[str]:
    assert _cot(scene, "--market", "oats").returncode == 0
    assert "OATS" in scene.hydra("bars", "cot", "list").stdout
    return _cot(scene, "--market", "OTAS")


@provokes("HY-872")
def a_report_of_several_markets_without_a_name(scene: Scene) -> CompletedProcess[str]:
    return _cot(scene)


@provokes("HY-873")
def a_release_that_came_early(scene: Scene) -> CompletedProcess[str]:
    return _cot(scene, "--market", "OATS", "--late", "2025-01-07=-1")


@provokes("HY-868")
def an_experiment_whose_numbers_do_not_repeat(scene: Scene) -> CompletedProcess[str]:
    _imported(scene)
    _journalled(scene, "instruments=('ZO',), fitness=0.9")
    return _healing(scene, "journal", "rerun", _only_experiment(scene))


def _journalled(scene: Scene, changes: str) -> None:
    """An experiment as an earlier run may have left it, on the bars that are in the store now, if any."""
    body = (
        "    from datetime import date\n"
        "    from hydra.config import load_settings\n"
        "    from hydra.research.experiment import Experiment\n"
        "    from hydra.research.models import spec_of\n"
        "    from hydra.research.panel import Market, panel_of\n"
        "    from hydra.research.roster import SEED, plain\n"
        "    from hydra.workshop import open_workshop\n"
        "    with open_workshop(load_settings()) as shop:\n"
        "        until, data = '2026-11-23', 'none'\n"
        "        if shop.store.series():\n"
        "            bars = {'ZO': Market(shop.store.bars('ZO'))}\n"
        "            data = panel_of(bars, shop.plan.instruments, date(2026,11,23)).data_hash\n"
        "        spec = plain(spec_of({'parts': [{'family': 'breakout'}]}))\n"
        "        facts = dict(spec=spec, parent=plain(spec_of(SEED)), cause='none', operator='faster',\n"
        "            seed=1, data_hash=data, build_id='b', ended='FINISHED', refusals=(), until=until,\n"
        "            recorded_at=shop.clock.now())\n"
        f"        shop.journal.record(Experiment(**{{**facts, **dict({changes})}}))\n"
    )
    done = scene.python(_FRAME.format(body=body), HEALING)
    assert done.returncode == 0, done.stderr


def _only_experiment(scene: Scene) -> str:
    done = _healing(scene, "journal", "list", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["experiments"][0]["id"])
