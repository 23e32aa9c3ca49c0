"""The columns in which a person's words or id may stand, and what an erasure makes of them.

A person is a user of one tenant. A table that is new has to be declared here; then the erasure has to be taught it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import MetaData

__all__ = ["DELETED", "HELD", "NOT_OF_PERSONS", "PSEUDONYMISED", "undeclared"]

DELETED: Final[Mapping[str, str]] = {
    "background_runs": "with the run",
    "conversations": "those that the person began",
    "idempotency_keys": "with the run",
    "limit_usage": "with the limit of the user",
    "messages": "with the run, with the conversation, and those that name the user",
    "reservations": "with the run",
    "run_calls": "with the run",
    "run_decisions": "with the run; those on others' runs get a pseudonym and lose their words",
    "run_feedback": "with the run, and that on others' runs",
    "run_nodes": "with the run; others' lose the person's messages",
    "runs": "those of the person; others' that go on lose the person's messages and decisions",
    "usage_limits": "those of the user",
    "webhook_deliveries": "with the run",
    "model_calls": "with the run; those of others' runs in which the person spoke or decided",
    "person_keys": "last of all: nobody can say then whose a pseudonym is",
}
"""Tables whose rows of a person are deleted, with all their columns."""

PSEUDONYMISED: Final[Mapping[str, frozenset[str]]] = {
    "audit_log": frozenset({"actor", "person"}),
    "dead_letters": frozenset({"payload"}),
    "ledger": frozenset({"user_id"}),
}
"""Columns of rows that stay, with a pseudonym in place of the person."""

NOT_OF_PERSONS: Final[Mapping[str, frozenset[str]]] = {
    # A tenant's own: its agents, documents, budgets; the tenant that stores a document answers for what is in it.
    "agents": frozenset({"tenant_id", "id", "profile", "updated_at"}),
    "budgets": frozenset(
        {"tenant_id", "daily_nanos", "monthly_nanos", "requests_per_minute", "weight", "models", "updated_at"}
    ),
    "chunk_deletions": frozenset({"id", "version", "chunk_id"}),
    "chunk_embeddings": frozenset({"chunk_id", "model", "embedding"}),
    "chunks": frozenset({"id", "document_id", "tenant_id", "title", "section", "text", "embedding"}),
    "document_files": frozenset({"document_id", "tenant_id", "path"}),
    "documents": frozenset(
        {"id", "tenant_id", "uri", "title", "content_hash", "media_type", "chunks", "updated_at", "notes"}
    ),
    "retrieval_tunings": frozenset({"tenant_id", "tuning"}),
    "source_documents": frozenset({"source", "index_id", "document_id", "tenant_id", "uri", "updated_at"}),
    "staged_embeddings": frozenset({"digest", "created_at", "vectors"}),
    "tenant_organisations": frozenset({"tenant_id", "organisation_id"}),
    # The operators': keys have names that they have chosen, alerts the labels of metrics.
    "alerts": frozenset(
        {
            "id", "fingerprint", "starts_at", "status", "ends_at", "labels", "annotations", "generator_url",
            "receiver", "received_at",
        }
    ),
    "api_keys": frozenset(
        {"id", "tenant_id", "name", "scopes", "secret_hash", "created_at", "revoked_at", "expires_at"}
    ),
    "baselines": frozenset({"name", "saved_at", "figures"}),
    "console_sessions": frozenset({"token_hash", "key_id", "expires_at"}),
    # The engine's own: places of work, and sums by tenant.
    "cache_epochs": frozenset({"tenant_id", "mode", "agent_id", "epoch"}),
    "knowledge_version": frozenset({"id", "version", "lineage", "embedding_model"}),
    "label_values": frozenset({"label", "value", "admitted_at", "last_used_at", "is_reserved"}),
    "request_counts": frozenset(
        {
            "minute", "tenant_id", "mode", "outcome", "cache_status", "answerable", "le", "requests", "seconds",
            "seconds_squared", "scored", "quality", "quality_squared",
        }
    ),
    "request_rates": frozenset({"tenant_id", "next_at"}),
    "retention_outcomes": frozenset({"name", "outcome", "ended_at"}),
    "schema_compatibility": frozenset({"oldest_version"}),
    "source_leases": frozenset({"source", "holder", "expires_at"}),
    "spending": frozenset({"tenant_id", "period", "cost_nanos"}),
    "workers": frozenset({"id", "host", "started_at", "lease_until"}),
    # Beside the pseudonym: ids that were drawn by chance, names of models and tools, and what was counted.
    "audit_log": frozenset({"id", "at", "actor_kind", "tenant_id", "action", "object", "outcome", "details"}),
    "dead_letters": frozenset(
        {"id", "kind", "tenant_id", "run_id", "item", "error", "attempts", "at", "resolved", "resolved_at"}
    ),
    "ledger": frozenset(
        {
            "id", "run_id", "item", "tenant_id", "mode", "agent_id", "cost_type", "name", "status", "calls",
            "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
            "estimated", "unit_prices", "cost_nanos", "saved_nanos", "hits", "at", "raw_usage",
            "provider_cost_nanos", "clamped", "node", "workflow",
        }
    ),
}  # fmt: skip
"""Columns that hold nothing of a person, by their table."""

HELD: Final = frozenset(
    {
        "conversations.session_id", "conversations.title", "conversations.user_id", "dead_letters.payload",
        "idempotency_keys.key", "ledger.user_id", "messages.content", "messages.session_id", "messages.user_id",
        "model_calls.call",
        "person_keys.user_id", "run_calls.account", "run_calls.charge", "run_decisions.decision",
        "run_feedback.comment", "run_feedback.name", "run_feedback.text", "run_feedback.user_id",
        "run_nodes.finished", "runs.checkpoint", "runs.error_message", "runs.input", "runs.output",
        "runs.search_text", "runs.title", "runs.user_id", "usage_limits.scope_id", "webhook_deliveries.last_error",
        "webhook_deliveries.url",
    }
)  # fmt: skip
"""The columns in which an erasure's test sees a person's words or id before it."""


def undeclared(metadata: MetaData) -> Iterator[str]:
    """Yield the columns that are declared nowhere, or twice, and declared ones that are no columns."""
    for table in metadata.sorted_tables:
        if table.name in DELETED:
            if table.name in PSEUDONYMISED or table.name in NOT_OF_PERSONS:
                yield table.name
            continue
        hidden = PSEUDONYMISED.get(table.name, frozenset())
        others = NOT_OF_PERSONS.get(table.name, frozenset())
        names = {column.name for column in table.columns}
        yield from (f"{table.name}.{name}" for name in names ^ (hidden | others))
        yield from (f"{table.name}.{name}" for name in hidden & others)
    tables = {*DELETED, *PSEUDONYMISED, *NOT_OF_PERSONS}
    yield from tables - {table.name for table in metadata.sorted_tables}
