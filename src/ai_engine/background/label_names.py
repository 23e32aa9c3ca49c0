"""Keep the names that values have in metrics as the store has them."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.workflows.services import Services

__all__ = ["refresh_label_names", "watch_label_names"]

logger = get_logger(__name__)

REFRESH_SECONDS: Final = 10.0


async def watch_label_names(services: Services) -> None:
    """Refresh the names again and again, until cancelled; so all workers have the same."""
    while True:
        await refresh_label_names(services)
        await asyncio.sleep(REFRESH_SECONDS)


async def refresh_label_names(services: Services) -> None:
    """Refresh the names now: what was just configured has its series at 0 at once."""
    try:
        await services.labels.refresh(now=services.now())
    except StoreError as error:
        logger.warning("label_names_not_refreshed", exc_info=error)
