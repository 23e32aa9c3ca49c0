"""The metrics of all workers, as one worker gets them."""

from __future__ import annotations

import asyncio
from typing import Final

from ai_engine.runs.fair_slots import EngineBusy
from ai_engine.scraping import Scrape
from ai_engine.supervisor.channel import ChannelClosed, Topic, WorkerChannel
from ai_engine.supervisor.gathering import OPENMETRICS, TEXT

__all__ = ["ask_supervisor"]

ANSWER_SECONDS: Final = 5.0
"""A scrape that takes longer is given up; Prometheus' own limit is 10 seconds."""


def ask_supervisor(channel: WorkerChannel) -> Scrape:
    """Make what asks the supervisor."""

    async def scrape(as_openmetrics: bool) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                text = await channel.ask(Topic.METRICS, OPENMETRICS if as_openmetrics else TEXT)
        except (TimeoutError, ChannelClosed):
            text = b""
        if not text:
            raise EngineBusy("The metrics of the workers could not be gathered: ask again in a moment.")
        return text

    return scrape
