"""All tables of the store: each module of tables adds its own to the metadata."""

from __future__ import annotations

from vital_shared.store import (  # noqa: F401 - they add their tables
    account_tables,
    alert_table,
    audit_table,
    background_run_table,
    baseline_table,
    cache_epoch_table,
    chunk_embedding_table,
    compatibility_table,
    console_session_table,
    dead_letter_table,
    document_file_table,
    durable_tables,
    feedback_table,
    idempotency_table,
    limit_tables,
    model_call_table,
    request_count_table,
    retention_table,
    retrieval_tuning_table,
    run_decision_table,
    source_tables,
    staged_embedding_table,
    webhook_delivery_table,
)
from vital_shared.store.tables import metadata

__all__ = ["metadata"]
