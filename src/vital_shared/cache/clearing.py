"""Delete cached answers, everywhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.short_lived_cache import RECENT_SECONDS

if TYPE_CHECKING:
    from vital_shared.cache.cache import Cache, DroppedAnswers
    from vital_shared.store.cache_epochs import CacheEpochs

__all__ = ["clear"]


async def clear(
    cache: Cache,
    epochs: CacheEpochs,
    *,
    tenant_id: str | None = None,
    mode: WorkflowMode | None = None,
    agent_id: str | None = None,
) -> DroppedAnswers:
    """Throw away the answers of a tenant, a mode, an agent, of several of these, or all.

    Once this returns nobody finds them, in no process. Those of this process, and those in Redis, are let
    go of at once; other processes let go of theirs with time.

    :raises StoreError: when the database does not answer; then nothing has changed.
    """
    await epochs.advance(tenant_id=tenant_id, mode=mode, agent_id=agent_id)
    dropped = await cache.drop(tenant_id, mode, agent_id)
    await asyncio.sleep(RECENT_SECONDS)  # by then all processes have read it
    return dropped
