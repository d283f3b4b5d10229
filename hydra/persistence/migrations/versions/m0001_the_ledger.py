"""The ledger: events that only ever grow in number, and the tables of their present state."""

import sqlalchemy as sa
from alembic import op

from hydra.persistence.migrations.view_texts import VIEWS_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_events()
    _create_orders()
    _create_fills()
    _create_account()
    _forbid_changes()
    for view in VIEWS_0001:
        op.execute(view)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _create_events() -> None:
    op.create_table(
        "order_events",
        _text("stream"),
        _whole("seq"),
        _text("kind"),
        _whole("version"),
        _text("payload"),
        _text("recorded_at"),
        _text("prev_hash"),
        _text("hash"),
        sa.PrimaryKeyConstraint("stream", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "heads",
        _text("stream"),
        _whole("seq"),
        _text("hash"),
        sa.PrimaryKeyConstraint("stream"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "write_gate",
        _whole("only"),
        sa.PrimaryKeyConstraint("only"),
    )


def _create_orders() -> None:
    op.create_table(
        "parents",
        _text("parent_id"),
        _text("session_on"),
        _text("symbol"),
        _whole("con_id"),
        _text("status"),
        _whole("unfinished"),
        sa.Column("side", sa.Text(), nullable=True),
        _whole("order_qty"),
        _whole("cum_qty"),
        sa.Column("arrival_px", sa.Text(), nullable=True),
        sa.Column("usd_per_point", sa.Text(), nullable=True),
        _whole("messages"),
        sa.Column("sent_musd", sa.BigInteger(), nullable=False),
        _whole("seq"),
        _text("hash"),
        sa.PrimaryKeyConstraint("parent_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("parents_session", "parents", ["session_on", "symbol"])
    op.create_index(
        "parents_unfinished",
        "parents",
        ["symbol"],
        sqlite_where=sa.text("unfinished = 1"),
        postgresql_where=sa.text("unfinished = 1"),
    )
    op.create_table(
        "sendings",
        _text("order_ref"),
        _text("parent_id"),
        _whole("con_id"),
        _text("side"),
        _whole("qty"),
        _text("limit_px"),
        _whole("client_id"),
        _whole("ib_order_id"),
        _text("verdict"),
        _text("sent_at"),
        sa.Column("slice_no", sa.Integer(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("mid_px", sa.Text(), nullable=True),
        sa.Column("predicted_slippage_bps", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("order_ref"),
        sa.UniqueConstraint("client_id", "ib_order_id", name="sendings_ib_order"),
        sa.UniqueConstraint("verdict", name="sendings_verdict"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "children",
        _text("order_ref"),
        _text("parent_id"),
        _text("symbol"),
        _whole("con_id"),
        _text("side"),
        _whole("qty"),
        _whole("cum_qty"),
        _whole("reserved_qty"),
        _text("state"),
        sa.Column("good_till_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_ref"),
        sqlite_with_rowid=False,
    )


def _create_fills() -> None:
    op.create_table(
        "executions",
        _text("exec_root"),
        _text("exec_id"),
        _whole("revision"),
        _whole("is_own"),
        _text("stream"),
        _text("order_ref"),
        _whole("con_id"),
        _text("symbol"),
        _text("side"),
        _whole("qty"),
        _text("px"),
        _text("executed_at"),
        sa.Column("commission_usd", sa.Text(), nullable=True),
        _whole("client_id"),
        _whole("ib_order_id"),
        sa.Column("perm_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exec_root"),
        sqlite_with_rowid=False,
    )
    op.create_index("executions_at", "executions", ["executed_at"])
    op.create_table(
        "positions",
        _whole("con_id"),
        _text("symbol"),
        _whole("lots"),
        sa.PrimaryKeyConstraint("con_id"),
    )
    op.create_table(
        "messages",
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        _text("stream"),
        _whole("seq"),
        sa.PrimaryKeyConstraint("at_us", "stream", "seq"),
        sqlite_with_rowid=False,
    )


def _create_account() -> None:
    op.create_table(
        "trading_states",
        _text("scope"),
        _text("state"),
        _text("reason"),
        _text("by"),
        _text("at"),
        sa.PrimaryKeyConstraint("scope"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "breakers",
        _text("breaker"),
        _text("state"),
        _whole("cooldown_left"),
        _text("period"),
        sa.PrimaryKeyConstraint("breaker"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "equity",
        _text("session_on"),
        _text("open_usd"),
        _text("last_usd"),
        _text("peak_usd"),
        sa.PrimaryKeyConstraint("session_on"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        _whole("client_id"),
        _whole("epoch"),
        _text("holder"),
        _text("build_id"),
        sa.Column("renewed_wall_s", sa.Float(), nullable=False),
        _whole("released"),
        sa.PrimaryKeyConstraint("client_id"),
    )


def _forbid_changes() -> None:
    """What happened stays: the database itself refuses to change or delete an event."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER order_events_no_{act.lower()} BEFORE {act} ON order_events "
                "BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION order_events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'order_events is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER order_events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON order_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION order_events_refuse()"
    )
