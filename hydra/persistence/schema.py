"""The tables. `order_events` is the truth; every other table is its present state, written with it.

The state tables exist so that the order path reads a few rows instead of folding streams, and the database's
own constraints arbitrate: (stream, seq), order_ref, (client_id, ib_order_id) and verdict are unique.
`hydra ledger verify` proves that the state tables equal the fold of the events.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, UniqueConstraint

REVISIONS: Final = ("0001", "0002", "0003")
"""Every schema this build knows, oldest first; the last is the one it works on."""

metadata = MetaData()

order_events = Table(
    "order_events",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The last event of every stream that is no parent's; those are in `parents`.
heads = Table(
    "heads",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_with_rowid=False,
)

parents = Table(
    "parents",
    metadata,
    Column("parent_id", Text, primary_key=True),
    Column("session_on", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("con_id", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("unfinished", Integer, nullable=False),
    Column("side", Text),
    Column("order_qty", Integer, nullable=False),
    Column("cum_qty", Integer, nullable=False),
    Column("arrival_px", Text),
    Column("usd_per_point", Text),
    Column("messages", Integer, nullable=False),
    Column("sent_musd", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Index("parents_session", "session_on", "symbol"),
    sqlite_with_rowid=False,
)
Index(
    "parents_unfinished",
    parents.c.symbol,
    sqlite_where=parents.c.unfinished == 1,
    postgresql_where=parents.c.unfinished == 1,
)

# One row for every child ever promised: the second lock on law 1, and what reports read.
sendings = Table(
    "sendings",
    metadata,
    Column("order_ref", Text, primary_key=True),
    Column("parent_id", Text, nullable=False),
    Column("con_id", Integer, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", Integer, nullable=False),
    Column("limit_px", Text, nullable=False),
    Column("client_id", Integer, nullable=False),
    Column("ib_order_id", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("sent_at", Text, nullable=False),
    Column("slice_no", Integer),
    Column("step", Text),
    Column("mid_px", Text),
    Column("predicted_slippage_bps", Text),
    UniqueConstraint("client_id", "ib_order_id", name="sendings_ib_order"),
    UniqueConstraint("verdict", name="sendings_verdict"),
    sqlite_with_rowid=False,
)

# Children whose end is not proven.
children = Table(
    "children",
    metadata,
    Column("order_ref", Text, primary_key=True),
    Column("parent_id", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("con_id", Integer, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", Integer, nullable=False),
    Column("cum_qty", Integer, nullable=False),
    Column("reserved_qty", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("good_till_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    Column("con_id", Integer, primary_key=True, autoincrement=False),
    Column("symbol", Text, nullable=False),
    Column("lots", Integer, nullable=False),
)

# One row per execution root at its highest revision, ours (is_own = 1) or foreign.
executions = Table(
    "executions",
    metadata,
    Column("exec_root", Text, primary_key=True),
    Column("exec_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_own", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("order_ref", Text, nullable=False),
    Column("con_id", Integer, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", Integer, nullable=False),
    Column("px", Text, nullable=False),
    Column("executed_at", Text, nullable=False),
    Column("commission_usd", Text),
    Column("client_id", Integer, nullable=False),
    Column("ib_order_id", Integer, nullable=False),
    Column("perm_id", BigInteger, nullable=False),
    Index("executions_at", "executed_at"),
    sqlite_with_rowid=False,
)

# Every new order and cancel, for the message limits.
messages = Table(
    "messages",
    metadata,
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

trading_states = Table(
    "trading_states",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    sqlite_with_rowid=False,
)

breakers = Table(
    "breakers",
    metadata,
    Column("breaker", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("cooldown_left", Integer, nullable=False),
    Column("period", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The first mark of a session opens it; the peak is the highest mark of the account so far.
equity = Table(
    "equity",
    metadata,
    Column("session_on", Text, primary_key=True),
    Column("open_usd", Text, nullable=False),
    Column("last_usd", Text, nullable=False),
    Column("peak_usd", Text, nullable=False),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("client_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("build_id", Text, nullable=False),
    Column("renewed_wall_s", Float, nullable=False),
    Column("released", Integer, nullable=False),
)

# PostgreSQL's stand-in for BEGIN IMMEDIATE: whoever locks this table writes; it holds nothing.
write_gate = Table("write_gate", metadata, Column("only", Integer, primary_key=True))

# --- research: plain tables, no events. Rows are added and never changed: the count of trials is evidence.

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("spec_id", Text, nullable=False),
    Column("data_hash", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Index("experiments_spec", "spec_id"),
    sqlite_with_rowid=False,
)

models = Table(
    "models",
    metadata,
    Column("model_id", Text, primary_key=True),
    Column("family", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("registered_at", Text, nullable=False),
    Column("build_id", Text, nullable=False),
    sqlite_with_rowid=False,
)

# The book of each session as it was decided; written once, a rerun reads it.
books = Table(
    "books",
    metadata,
    Column("session_on", Text, primary_key=True),
    Column("champion_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    sqlite_with_rowid=False,
)

# --- what is told outside: no event, but written in the transaction of the event it tells of.

outbox = Table(
    "outbox",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("weight", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("facts", Text, nullable=False),
)

# The last number each sink has taken.
outbox_sinks = Table(
    "outbox_sinks",
    metadata,
    Column("sink", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
