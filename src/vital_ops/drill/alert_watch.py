"""See how alerts stand: in Prometheus, and with the engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final, Literal

import aiohttp

from vital_shared.logs import get_logger

__all__ = ["AlertWatch", "State"]

logger = get_logger(__name__)

POLL_SECONDS: Final = 0.25
ASK_SECONDS: Final = 10.0

State = Literal["pending", "firing", "notified_firing", "notified_resolved"]
"""The state of an alert: it waits for its time, it fires, and the engine was notified of either end."""


class AlertWatch:
    """A poll that notes when an alert came into each state.

    :param prometheus: its address; so is ``engine``.
    """

    def __init__(self, client: aiohttp.ClientSession, *, prometheus: str, engine: str) -> None:
        self.since: dict[tuple[str, State], datetime] = {}
        self._client = client
        self._prometheus = prometheus
        self._engine = engine
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watch until this is cancelled; what does not answer at the moment is asked again."""
        while True:
            try:
                await self._look()
            except (aiohttp.ClientError, TimeoutError) as error:
                logger.debug("drill_watch_failed", exc_info=error)
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self) -> None:
        for alert in (await self._ask(f"{self._prometheus}/api/v1/alerts"))["data"]["alerts"]:
            name, now = alert["labels"]["alertname"], datetime.now(UTC)
            self._note(name, "pending", datetime.fromisoformat(alert["activeAt"]))
            if alert["state"] == "firing":
                self._note(name, "firing", now)
        for alert in (await self._ask(f"{self._engine}/v1/alerts"))["alerts"]:
            name, now = alert["labels"].get("alertname", ""), datetime.now(UTC)
            self._note(name, "notified_firing", now)
            if alert["status"] == "resolved":
                self._note(name, "notified_resolved", now)

    async def wait_for(self, alert: str, state: State) -> datetime:
        """Return when an alert came into a state, as soon as it has."""
        while (alert, state) not in self.since:
            await self._news.wait()
        return self.since[alert, state]

    def _note(self, alert: str, state: State, at: datetime) -> None:
        if (alert, state) not in self.since:
            self.since[alert, state] = at
            self._news.set()
            self._news = asyncio.Event()

    async def _ask(self, url: str) -> Any:
        async with self._client.get(url, timeout=aiohttp.ClientTimeout(ASK_SECONDS)) as response:
            return await response.json()
