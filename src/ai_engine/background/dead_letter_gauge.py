"""Show in the metrics how many writes were set aside."""

from __future__ import annotations

from functools import partial

from ai_engine.background.stored_gauges import Series, StoredGauges
from vital_shared.monitoring.metrics import STORE_DEAD_LETTERS
from vital_shared.store.dead_letters import DeadLetterStore

__all__ = ["dead_letter_gauge"]


def dead_letter_gauge(letters: DeadLetterStore, seconds: float = 10.0) -> StoredGauges:
    """Make the gauge.

    :param seconds: between two readings.
    """
    return StoredGauges("dead letters", partial(_read, letters), seconds)


async def _read(letters: DeadLetterStore) -> dict[Series, float]:
    return {(STORE_DEAD_LETTERS,): float(await letters.count())}
