"""Watch whether alerts would arrive: Watchdog always fires, so its silence means that no alert would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import WATCHDOG_AGE_SECONDS
from vital_shared.store.alerts import AlertStore

__all__ = ["WatchdogWatch"]

logger = get_logger(__name__)

WATCHDOG: Final = "Watchdog"

REFRESH_SECONDS: Final = 10.0

SILENCE_SECONDS: Final = 300.0
"""Silence after which the engine warns; Alertmanager repeats the alert every minute or two."""


class WatchdogWatch:
    """The time since Watchdog last reached any worker of this engine's store.

    An engine that never received one is not watched, and does not warn, unless one is expected. After a
    start, silence counts from there: Alertmanager could not reach an engine that was down.

    :param now: the clock, in UTC.
    :param is_expected: an Alertmanager is configured, so that one has to come even if none ever did.
    """

    def __init__(self, alerts: AlertStore, now: Callable[[], datetime], *, is_expected: bool = False) -> None:
        self._alerts = alerts
        self._now = now
        self._is_expected = is_expected
        self._started = now()
        self._last: datetime | None = None

    async def watch(self) -> None:
        """Refresh again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Read the last sign from the store, and show its age in the metrics."""
        try:
            self._last = await self._alerts.last_sign(WATCHDOG)
        except StoreError as error:
            logger.warning("watchdog_not_read", exc_info=error)
        WATCHDOG_AGE_SECONDS.labels().set(self._age_seconds())

    def warning(self) -> str | None:
        """Warn that alerts may not arrive; None while they do, or where none ever did or is expected."""
        age = self._age_seconds()
        if (self._last is None and not self._is_expected) or age < SILENCE_SECONDS:
            return None
        return (
            f"alerting: no Watchdog has come from Alertmanager for {age // 60:.0f} minutes; see "
            "/runbooks/Watchdog"
        )

    def _age_seconds(self) -> float:
        latest = self._started if self._last is None else max(self._started, self._last)
        return max((self._now() - latest).total_seconds(), 0.0)
