"""Runs the migrations on the connection that `hydra.persistence.migrate` opened, inside its transaction."""

from alembic import context

from hydra.persistence.schema import metadata

# The caller's transaction covers the whole upgrade: a killed upgrade leaves the old schema, not half of one.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False
)
context.run_migrations()
