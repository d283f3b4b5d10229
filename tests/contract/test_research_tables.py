"""Experiments, books and models on every database the ledger runs on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hydra.domain.errors import BrokenLaw, UserError
from hydra.persistence.artefacts import artefact_path
from hydra.persistence.database import TransactionFailed
from hydra.persistence.journal import ExperimentJournal
from hydra.persistence.open import open_research_tables
from hydra.persistence.registry import ModelRegistry
from hydra.persistence.schema import REVISIONS
from hydra.persistence.verify import verify
from hydra.research.experiment import Experiment, canonical, config_diff, spec_id
from tests.contract.ledger_facts import Hands
from tests.contract.ledger_stores import Store

AT = datetime(2026, 8, 21, 20, tzinfo=UTC)
PARENT = {"family": "ewma-trend", "params": {"fast": 8, "slow": 32}}
CHILD = {"family": "ewma-trend", "params": {"fast": 4, "slow": 16}}


def experiment(**changes: object) -> Experiment:
    made = Experiment(
        spec=CHILD,
        parent=PARENT,
        cause="FEATURE_DECAY",
        operator="faster",
        seed=7,
        data_hash="d1",
        build_id="b1",
        ended="FINISHED",
        refusals=(),
        recorded_at=AT,
        metrics={"sharpe": 0.4},
        fitness=0.5,
        p_value=0.2,
        deflated_sharpe=0.1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def journal(store: Store) -> Iterator[ExperimentJournal]:
    opened = ExperimentJournal(*open_research_tables(store.place))
    yield opened
    opened.close()


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Iterator[ModelRegistry]:
    opened = ModelRegistry(*open_research_tables(store.place), tmp_path / "artefacts")
    yield opened
    opened.close()


# --- experiments ----------------------------------------------------------------------------------------


def test_an_experiment_comes_back_as_it_was_recorded(journal: ExperimentJournal) -> None:
    failed = experiment(ended="TIMED_OUT", refusals=("walk-forward",), detail="60 s", seed=8, metrics={})
    assert journal.record(experiment())
    assert journal.record(failed)
    assert sorted(journal.experiments(), key=lambda one: one.seed) == [experiment(), failed]
    assert journal.trials() == 2
    assert journal.tried() == {(spec_id(CHILD), "d1")}
    assert journal.has(failed)
    assert not journal.has(experiment(data_hash="d2"))


def test_a_repetition_keeps_the_first_result(journal: ExperimentJournal) -> None:
    assert journal.record(experiment())
    assert not journal.record(experiment(fitness=0.9))
    assert [one.fitness for one in journal.experiments()] == [0.5]


def test_the_database_refuses_to_forget_a_trial(journal: ExperimentJournal) -> None:
    journal.record(experiment())
    for sql in ("DELETE FROM experiments", "UPDATE experiments SET data_hash = 'd2'"):
        with pytest.raises(TransactionFailed, match="append-only"), journal._database.transaction():
            journal._database.execute(sql)
    assert journal.trials() == 1


def test_a_row_of_another_version_is_refused_with_a_line(journal: ExperimentJournal) -> None:
    with journal._database.transaction():
        journal._database.execute(
            "INSERT INTO experiments VALUES ('x', 0, 's', 'd', ?, '{}')", (AT.isoformat(),)
        )
    with pytest.raises(UserError, match=r"HY-875 .*is of version 0, this build reads versions 1 to 2"):
        journal.experiments()


def test_a_journal_of_an_older_schema_is_refused_to_a_reader_and_brought_up_by_a_writer(
    tmp_path: Path,
) -> None:
    """A ledger as the build before made it: the same file, stamped 0001, without the research tables."""
    place = tmp_path / "ledger.db"
    database, _ = open_research_tables(place)
    for table in ("experiments", "models", "books", "outbox", "outbox_sinks"):
        database.execute(f"DROP TABLE {table}")
    database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    older = rf"HY-857 .*its schema 0001 is older, this build reads {REVISIONS[-1]}"
    with pytest.raises(UserError, match=older):
        open_research_tables(place, read_only=True)
    journal = ExperimentJournal(*open_research_tables(place))
    assert journal.record(experiment())
    journal.close()
    reader = ExperimentJournal(*open_research_tables(place, read_only=True))
    assert reader.trials() == 1
    reader.close()


def test_the_ledger_and_its_research_tables_share_one_database(
    store: Store, journal: ExperimentJournal
) -> None:
    store.open(Hands()).close()
    journal.record(experiment())
    assert verify(journal._database, None).findings == ()


# --- books ----------------------------------------------------------------------------------------------


def test_a_sessions_book_is_decided_once(journal: ExperimentJournal) -> None:
    on, before = date(2026, 8, 21), date(2026, 8, 20)
    assert journal.record_book(before, "t8", {"t8": 0.9, "cash": 0.1}, AT.isoformat())
    assert journal.record_book(on, "t16", {"t16": 1.0}, AT.isoformat())
    assert not journal.record_book(on, "other", {"other": 1.0}, AT.isoformat())
    assert journal.book(on) == ("t16", {"t16": 1.0})
    assert journal.book(date(2026, 8, 22)) is None
    assert journal.last_book(on) == (before, "t8", {"t8": 0.9, "cash": 0.1})
    assert journal.last_book(before) is None


# --- models ---------------------------------------------------------------------------------------------


def kept(registry: ModelRegistry, model_id: str = "gbm-1", text: str = "tree\nend of trees\n") -> str:
    return registry.register(model_id, "gbm", CHILD, text, build_id="b1", registered_at=AT)


def test_a_model_is_loaded_by_the_hash_it_was_promoted_with(registry: ModelRegistry) -> None:
    sha256 = kept(registry)
    assert registry.load("gbm-1", sha256) == "tree\nend of trees\n"
    assert kept(registry) == sha256
    assert [model.model_id for model in registry.models()] == ["gbm-1"]
    assert registry.model("gbm-1").spec == canonical(CHILD)


def test_a_swapped_artefact_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    sha256 = kept(registry)
    path = artefact_path(tmp_path / "artefacts", sha256)
    path.chmod(0o600)
    path.write_text("tree\nmy own trees\n")
    with pytest.raises(BrokenLaw, match=f"HY-855 .*not {sha256}"):
        registry.load("gbm-1", sha256)
    path.unlink()
    with pytest.raises(BrokenLaw, match=r"HY-855 .*No such file"):
        registry.load("gbm-1", sha256)
    assert kept(registry) == sha256  # registering it again mends the file
    assert registry.load("gbm-1", sha256)


def test_a_model_other_than_the_promoted_one_is_refused(registry: ModelRegistry) -> None:
    first, second = kept(registry), kept(registry, "gbm-2", "other\n")
    with pytest.raises(BrokenLaw, match=f"HY-855 .*{first}, not {second}"):
        registry.load("gbm-1", second)


def test_a_model_id_means_one_model_for_ever(registry: ModelRegistry) -> None:
    kept(registry)
    with pytest.raises(ValueError, match="never changes"):
        kept(registry, text="other\n")
    with pytest.raises(UserError, match=r"HY-856 .*no model gbm-7, did you mean gbm-1\?"):
        registry.model("gbm-7")


@pytest.mark.parametrize("artefact", ["a\0b", "\udc80\udc04"])
def test_what_is_not_text_is_no_artefact(registry: ModelRegistry, artefact: str) -> None:
    with pytest.raises(ValueError, match=r"no text|surrogates"):
        kept(registry, text=artefact)


# --- identities -----------------------------------------------------------------------------------------


def test_one_spec_has_one_identity_whatever_its_order() -> None:
    turned = {"params": {"slow": 16, "fast": 4}, "family": "ewma-trend"}
    assert spec_id(turned) == spec_id(CHILD) != spec_id(PARENT)
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"x": float("nan")})


def test_the_difference_names_every_changed_setting() -> None:
    assert config_diff(PARENT, {**CHILD, "sign": -1}) == {
        "params.fast": (8, 4),
        "params.slow": (32, 16),
        "sign": (None, -1),
    }
    assert experiment().changes == {"params.fast": (8, 4), "params.slow": (32, 16)}
