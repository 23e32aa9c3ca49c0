"""Note which chunks were deleted, and give the documents of a database a name of their own."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_NOTE = "INSERT INTO chunk_deletions (version, chunk_id) SELECT version, old.id FROM knowledge_version"

_SQLITE = (f"CREATE TRIGGER chunk_deletions_note AFTER DELETE ON chunks BEGIN {_NOTE}; END",)

_POSTGRES = (
    f"""CREATE FUNCTION note_chunk_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {_NOTE}; RETURN NULL; END $$""",
    """CREATE TRIGGER chunk_deletions_note AFTER DELETE ON chunks
        FOR EACH ROW EXECUTE FUNCTION note_chunk_deletion()""",
)


def upgrade() -> None:
    """Make the table, the trigger that fills it, and the name."""
    op.create_table(
        "chunk_deletions",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("chunk_id", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chunk_deletions_version", "chunk_deletions", ["version"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(statement)
    op.add_column("knowledge_version", sa.Column("lineage", sa.Text))
    named = sa.table("knowledge_version", sa.column("lineage"))
    op.execute(named.update().values(lineage=uuid4().hex))
