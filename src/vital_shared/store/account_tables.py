"""The tables of who may ask, what it cost, and what it may cost; see `vital_shared.store.tables`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    false,
)

from vital_shared.models.charge import MAX_CHARGE_NANOS
from vital_shared.store.tables import Instant, SafeText, Serial, metadata

__all__ = [
    "api_keys",
    "budgets",
    "label_values",
    "ledger",
    "request_rates",
    "reservations",
    "spending",
]

# Money is whole nano-dollars (10⁻⁹ dollars), in 64 bits: enough for nine billion dollars.

# One row for each thing that was paid for, and for what the cache has saved. `item` names the thing
# within its run, so that writing it twice changes nothing; what was saved belongs to no run.
ledger = Table(
    "ledger",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("run_id", SafeText),
    Column("item", SafeText, nullable=False),
    Column("tenant_id", SafeText, nullable=False),
    Column("user_id", SafeText, nullable=False),
    Column("mode", SafeText, nullable=False),
    Column("agent_id", SafeText, nullable=False),
    Column("cost_type", SafeText, nullable=False),
    Column("name", SafeText, nullable=False),  # of the model, the tool or the source
    Column("status", SafeText, nullable=False),
    Column("calls", Integer, nullable=False),  # made, or spared
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_input_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("unit_prices", SafeText),  # JSON; NULL: nobody knows the price
    Column("cost_nanos", BigInteger, nullable=False),
    Column("saved_nanos", BigInteger, nullable=False),
    Column("hits", Integer, nullable=False),  # requests that the cache has answered
    Column("at", Instant, nullable=False),
    Column("raw_usage", SafeText),  # JSON, as the provider counted
    Column("provider_cost_nanos", BigInteger),  # the provider's own price, where it states one
    Column("clamped", Boolean, nullable=False, server_default=false()),
    Column("node", SafeText),  # NULL: none, or unknown
    Column("workflow", SafeText),  # as in the records of its runs; NULL: in the record of the run alone
    CheckConstraint(f"cost_nanos BETWEEN 0 AND {MAX_CHARGE_NANOS}", name="ck_ledger_cost_nanos"),
    UniqueConstraint("run_id", "item", name="uq_ledger_run_id_item"),
    Index("ix_ledger_at", "at"),
    Index("ix_ledger_tenant_id_at", "tenant_id", "at"),
    sqlite_autoincrement=True,
)

# What each tenant has spent, by day ("2026-11-25") and by month ("2026-11"), in UTC; kept with the ledger.
spending = Table(
    "spending",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("period", SafeText, primary_key=True),
    Column("cost_nanos", BigInteger, nullable=False),
    CheckConstraint("cost_nanos >= 0", name="ck_spending_cost_nanos"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("daily_nanos", BigInteger),
    Column("monthly_nanos", BigInteger),
    Column("requests_per_minute", Integer),
    Column("weight", Integer),
    Column("models", SafeText),  # separated by newlines; NULL: those of the agents
    Column("updated_at", Instant, nullable=False),
)

# What a run may still cost of its tenant's budget; gone with the run's end, or when it is overdue.
reservations = Table(
    "reservations",
    metadata,
    Column("run_id", SafeText, primary_key=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("cost_nanos", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_reservations_tenant_id", "tenant_id"),
)

# When the next request would come if all came evenly (GCRA), for tenants with a rate limit.
request_rates = Table(
    "request_rates",
    metadata,
    Column("tenant_id", SafeText, primary_key=True),
    Column("next_at", Instant, nullable=False),
)

# A key belongs to a tenant, or to none: then it is for all tenants. Of its secret only a hash is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", SafeText, primary_key=True),
    Column("tenant_id", SafeText, nullable=False),
    Column("name", SafeText, nullable=False),
    Column("scopes", SafeText, nullable=False),  # separated by spaces
    Column("secret_hash", SafeText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("expires_at", Instant),  # NULL: never
    Index("ix_api_keys_tenant_id", "tenant_id"),
)

# The values that a metric's label may take where they are not known beforehand: decided once,
# for all workers.
label_values = Table(
    "label_values",
    metadata,
    Column("label", SafeText, primary_key=True),
    Column("value", SafeText, primary_key=True),
    Column("admitted_at", Instant, nullable=False),
    Column("last_used_at", Instant),  # NULL: not since it was admitted
    Column("is_reserved", Boolean, nullable=False, server_default=false()),
)
