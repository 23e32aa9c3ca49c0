"""The metrics of all workers, as one worker gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

import orjson

from ai_engine.monitoring.samples import SampleSource
from ai_engine.runs.fair_slots import EngineBusy
from ai_engine.scraping import Scrape
from ai_engine.supervisor.channel import ChannelClosed, Topic, WorkerChannel
from ai_engine.supervisor.gathering import OPENMETRICS, TEXT
from vital_shared.monitoring.sample_ring import SampleSet

__all__ = ["ask_for_samples", "ask_supervisor"]

ANSWER_SECONDS: Final = 5.0
"""A scrape that takes longer is given up; Prometheus' own limit is 10 seconds."""


def ask_supervisor(channel: WorkerChannel) -> Scrape:
    """Make what asks the supervisor."""

    async def scrape(as_openmetrics: bool) -> bytes:
        return await _ask(channel, Topic.METRICS, OPENMETRICS if as_openmetrics else TEXT)

    return scrape


def ask_for_samples(channel: WorkerChannel) -> SampleSource:
    """Make what asks the supervisor for samples of the last hours."""

    async def samples(names: Collection[str]) -> SampleSet:
        answer = await _ask(channel, Topic.SAMPLES, orjson.dumps(sorted(names)))
        return await asyncio.to_thread(SampleSet.load, answer)

    return samples


async def _ask(channel: WorkerChannel, topic: Topic, body: bytes) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await channel.ask(topic, body)
    except (TimeoutError, ChannelClosed):
        answer = b""
    if not answer:
        raise EngineBusy("The metrics of the workers could not be gathered: try again in a moment.")
    return answer
