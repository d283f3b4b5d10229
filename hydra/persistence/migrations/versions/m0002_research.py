"""Experiments, models and books: what the healing cycle tried, kept and traded."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT_FOREVER = ("experiments", "models", "books")


def upgrade() -> None:
    op.create_table(
        "experiments",
        _text("experiment_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("spec_id"),
        _text("data_hash"),
        _text("recorded_at"),
        _text("payload"),
        sa.PrimaryKeyConstraint("experiment_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("experiments_spec", "experiments", ["spec_id"])
    op.create_table(
        "models",
        _text("model_id"),
        _text("family"),
        _text("spec"),
        _text("sha256"),
        _text("registered_at"),
        _text("build_id"),
        sa.PrimaryKeyConstraint("model_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "books",
        _text("session_on"),
        _text("champion_id"),
        _text("payload"),
        _text("recorded_at"),
        sa.PrimaryKeyConstraint("session_on"),
        sqlite_with_rowid=False,
    )
    _forbid_changes()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _forbid_changes() -> None:
    """A failed trial that could be forgotten would flatter every later one."""
    if op.get_bind().dialect.name == "sqlite":
        for table in KEPT_FOREVER:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION research_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in KEPT_FOREVER:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION research_refuse()"
        )
