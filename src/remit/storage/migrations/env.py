"""Alembic's entry point: run on the connection that migrate.py hands over."""

from alembic import context

from remit.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
