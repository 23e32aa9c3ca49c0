"""Streams that the official client's own tests ship: through the gateway it reads what it reads without it.

They are those of the source distribution of anthropic 2.12.0 (``tests/lib/streaming/fixtures`` and
``tests/fixtures/fable-fallback``), copyright Anthropic, PBC, under the Apache License 2.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
from tests.ai_engine.gateway.between_protocols.any_provider import HELLO, MODEL, OpenGateway
from tests.llm.wires.servers.base import Reply

RECORDINGS = sorted(Path(__file__).with_name("anthropic_recordings").glob("*.txt"))


async def read(client: anthropic.AsyncAnthropic, model: str) -> list[dict[str, Any]]:
    """Return the events of an answer, but for the name of the model."""
    stream = await client.messages.create(model=model, max_tokens=100, messages=HELLO, stream=True)
    events = [event.model_dump(warnings=False) async for event in stream]
    for event in events:
        (event.get("message") or {}).pop("model", None)
    return events


async def test_the_client_reads_its_own_recordings_through_the_gateway(gateway: OpenGateway) -> None:
    replies = [Reply([path.read_bytes() + b"\n\n"]) for path in RECORDINGS]
    async with (
        gateway("anthropic", *(each for reply in replies for each in (reply, reply))) as given,
        anthropic.AsyncAnthropic(base_url=given.provider.url, api_key="any", max_retries=0) as client,
    ):
        for path in RECORDINGS:
            expected = await read(client, "m")
            assert "message_start" in {event["type"] for event in expected}, path.name
            assert await read(given.anthropic, MODEL) == expected, path.name
    assert len(RECORDINGS) == 19
