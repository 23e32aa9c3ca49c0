"""Show in the metrics how many writes were set aside."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import STORE_DEAD_LETTERS
from vital_shared.store.dead_letters import DeadLetterStore

__all__ = ["watch_dead_letters"]

logger = get_logger(__name__)

REFRESH_SECONDS: Final = 10.0


async def watch_dead_letters(letters: DeadLetterStore) -> None:
    """Refresh the gauge from the store again and again, until cancelled; so all workers show the same."""
    while True:
        try:
            STORE_DEAD_LETTERS.at().set(await letters.count())
        except StoreError as error:
            logger.warning("dead_letters_not_counted", exc_info=error)
        await asyncio.sleep(REFRESH_SECONDS)
