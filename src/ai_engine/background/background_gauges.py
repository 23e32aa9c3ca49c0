"""Show in the metrics how much waits in the background."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import (
    BACKGROUND_OLDEST_WAIT_SECONDS,
    BACKGROUND_QUEUED_RUNS,
    TENANT,
    WEBHOOKS_PENDING,
)
from vital_shared.store.background_runs import BackgroundRunStore
from vital_shared.store.webhook_deliveries import WebhookStore

__all__ = ["background_gauges"]


def background_gauges(
    runs: BackgroundRunStore, webhooks: WebhookStore, now: Callable[[], datetime]
) -> StoredGauges:
    """Make the gauges of the queue and of webhooks."""
    return StoredGauges("background runs", partial(_read, runs, webhooks, now))


async def _read(
    runs: BackgroundRunStore, webhooks: WebhookStore, now: Callable[[], datetime]
) -> dict[Series, float]:
    depths = await runs.depths()
    by_name: Counter[str] = Counter()
    for tenant_id, depth in depths.items():
        by_name[tenant_id if tenant_id in TENANT else OTHER] += depth.runs
    oldest = min((depth.oldest for depth in depths.values()), default=None)
    wait = 0.0 if oldest is None else max(0.0, (now() - oldest).total_seconds())
    return {
        (BACKGROUND_OLDEST_WAIT_SECONDS,): wait,
        (WEBHOOKS_PENDING,): float(await webhooks.pending()),
        **{(BACKGROUND_QUEUED_RUNS, name): float(count) for name, count in by_name.items()},
    }
