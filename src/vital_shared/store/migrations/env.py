"""Alembic's entry point: run the migrations, on the connection and in the transaction that it is given."""

from __future__ import annotations

from alembic import context

from vital_shared.store.all_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
