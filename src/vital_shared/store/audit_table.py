"""The tables of the audit log and of the persons that it names; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, Table, UniqueConstraint

from vital_shared.store.tables import Instant, SafeText, Serial, metadata

__all__ = ["audit_log", "person_keys"]

# Rows are added and never changed or deleted: triggers refuse that. So no row names a person but by a
# pseudonym, and only `person_keys` knows whose it is.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor_kind", SafeText, nullable=False),
    Column("actor", SafeText, nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("action", SafeText, nullable=False),
    Column("object", SafeText, nullable=False),
    Column("person", SafeText),  # a pseudonym
    Column("outcome", SafeText, nullable=False),
    Column("details", SafeText, nullable=False),  # JSON
    Index("ix_audit_log_tenant_id_id", "tenant_id", "id"),
    sqlite_autoincrement=True,
)

# The key of each person's pseudonym; a row is deleted when the person is erased, and with it the way back.
person_keys = Table(
    "person_keys",
    metadata,
    Column("tenant_id", SafeText, nullable=False),
    Column("user_id", SafeText, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("pseudonym", SafeText, nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id", name="pk_person_keys"),
    UniqueConstraint("pseudonym", name="uq_person_keys_pseudonym"),
)
