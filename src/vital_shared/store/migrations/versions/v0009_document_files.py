"""Note which file a document was read from, so that renamed and deleted files are noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table; documents that are there get their file when it is ingested again."""
    op.create_table(
        "document_files",
        sa.Column(
            "document_id", sa.Text, sa.ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
    )
    op.create_index("ix_document_files_tenant_id_path", "document_files", ["tenant_id", "path"])
