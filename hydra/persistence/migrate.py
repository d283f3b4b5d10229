"""Brings a ledger to this build's schema when it is opened; a current one costs a single SELECT."""

from pathlib import Path
from typing import Final

from hydra.domain.errors import UserError
from hydra.persistence.database import Database
from hydra.persistence.schema import REVISIONS

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_STAMP: Final = "SELECT version_num FROM alembic_version"
_FIRST: Final[dict[str, str]] = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "BEGIN",
}
_TABLES: Final[dict[str, str]] = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}


def ensure_schema(database: Database, where: str, *, read_only: bool) -> None:
    """Migrates a new or older ledger; refuses a newer one, a foreign file, to read also an older or none."""
    found = _stamp(database, where)
    if found == REVISIONS[-1]:
        return
    if found is not None and found not in REVISIONS:
        raise UserError("HY-401", where=where, found=found, known=REVISIONS[-1])
    if read_only and found is not None:
        raise UserError("HY-857", where=where, problem=f"its schema {found} is older", known=REVISIONS[-1])
    if read_only:
        raise UserError("HY-402", where=where)
    _upgrade(database, where)


def _stamp(database: Database, where: str) -> str | None:
    """The revision the ledger carries, None for an empty database."""
    tables = {str(row[0]) for row in database.rows(_TABLES[database.backend.name])}
    if "alembic_version" not in tables:
        if tables:
            raise UserError("HY-405", where=where, problem=f"not a ledger: it has a table {min(tables)}")
        return None
    row = database.row(_STAMP)
    return None if row is None else str(row[0])


def _upgrade(database: Database, where: str) -> None:
    # Alembic takes 0.2 s to import: only the first opening of a ledger pays for it.
    from alembic import command
    from alembic.config import Config

    # SQLAlchemy's own begin tells Alembic that the transaction is ours: it must not commit step by step.
    with database.connection.begin():
        database.execute(_FIRST[database.backend.name])
        if database.backend.name == "postgresql":
            database.execute("SELECT pg_advisory_xact_lock(4001)")
        if _stamp(database, where) != REVISIONS[-1]:  # else another process was quicker
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = database.connection
            command.upgrade(config, "head")
        database.execute("COMMIT")
