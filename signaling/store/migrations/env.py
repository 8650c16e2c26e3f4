"""Runs the migrations on the connection that signaling.store.database hands over, inside its transaction."""

from alembic import context

from signaling.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
