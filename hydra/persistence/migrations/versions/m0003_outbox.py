"""The outbox: what is to be told outside, written with the fact it tells of, and how far each sink has it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        _text("at"),
        _text("name"),
        _text("weight"),
        _text("resource"),
        _text("facts"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "outbox_sinks",
        _text("sink"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sink"),
        sqlite_with_rowid=False,
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
