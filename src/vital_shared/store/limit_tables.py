"""The tables of limits at all levels, and of what counts against them; see `limit_check`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table

from vital_shared.store.tables import Instant, SafeText, Serial, metadata

__all__ = ["limit_usage", "tenant_organisations", "usage_limits"]

# The organisation that a tenant belongs to; a tenant without a row belongs to none.
tenant_organisations = Table(
    "tenant_organisations",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("organisation_id", SafeText, nullable=False),
    Index("ix_tenant_organisations_organisation_id", "organisation_id"),
)

# The id is made of the columns up to the period: one limit for each of their values.
usage_limits = Table(
    "usage_limits",
    metadata,
    Column("id", SafeText, primary_key=True),
    Column("level", SafeText, nullable=False),  # organisation, tenant, key or user
    Column("scope_id", SafeText, nullable=False),  # of the organisation, the tenant, the key or the user
    Column("tenant_id", SafeText, nullable=False),  # of a user; empty for the others
    Column("model", SafeText, nullable=False),  # empty: all models, and all else that costs
    Column("unit", SafeText, nullable=False),  # dollars or tokens
    Column("period", SafeText, nullable=False),  # minute, day or month
    Column("amount", BigInteger, nullable=False),  # nano-dollars or tokens
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("amount >= 0", name="ck_usage_limits_amount"),
    Index("ix_usage_limits_level_scope_id", "level", "scope_id"),
)

# What is reserved (an empty period) and what is spent, by limit. Runs only add rows, and delete those that
# they have reserved; a run that is admitted, and holds the limit's lock, adds up those that were spent.
limit_usage = Table(
    "limit_usage",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("limit_id", SafeText, nullable=False),
    Column("run_id", SafeText, nullable=False),  # empty: of several
    Column("period", SafeText, nullable=False),  # such as 2026-11-25; empty: reserved
    Column("amount", BigInteger, nullable=False),
    Column("expires_at", Instant),  # of what is reserved
    CheckConstraint("amount >= 0", name="ck_limit_usage_amount"),
    Index("ix_limit_usage_limit_id", "limit_id"),
    Index("ix_limit_usage_run_id", "run_id"),
    sqlite_autoincrement=True,
)
