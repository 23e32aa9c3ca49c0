"""The cancellation of a run, whether it is queued or running in another process."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended
from vital_shared.workflows.services import Services

__all__ = ["cancel_run"]

LOOKS: Final = 100
LOOK_SECONDS: Final = 0.1
"""The time between two looks at whether the worker of a background run has cancelled it."""


async def cancel_run(services: Services, run_id: str) -> None:
    """Cancel a run that waits, or have the process that works on it cancel it, and wait until it has ended.

    A run without an event log in Redis that another process works on in the foreground goes on.

    :raises StoreError: when the database does not answer.
    """
    ended = await services.runs.cancel_waiting(run_id, tenant_id=None, now=services.now())
    if ended is not None:
        longest_seconds = services.settings.run_timeout_seconds
        count_ended(ended, services.request_counts, longest_seconds=longest_seconds)
        log_ended(ended)
        return
    peer_log = await services.logs.find_peer_log(run_id)
    if peer_log is not None and peer_log.state == "live" and await services.logs.cancel_at_peer(peer_log):
        return
    if await services.background.request_cancel(run_id):
        for _ in range(LOOKS):
            if await services.background.ended([run_id]):
                return
            await asyncio.sleep(LOOK_SECONDS)
