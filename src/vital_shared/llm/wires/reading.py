"""Reads a stream packet by packet, and notices when nothing comes any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby

import aiohttp

from vital_shared.llm.base import ModelError, ModelEvent, ReasoningDelta, TextDelta
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.sse import EventReader, EventTooLarge
from vital_shared.llm.wires.timing import Silence, Watch

__all__ = ["packets"]


async def packets(
    content: aiohttp.StreamReader, decoder: Decoder, *, first: float, between: float, ends: float
) -> AsyncGenerator[Sequence[ModelEvent], None]:
    """Give what each packet says; pieces of text that have come together are one.

    :param first: when the first piece of the answer has to be there, by the loop's clock.
    :param between: seconds from one piece to the next.
    :param ends: when the whole answer has to be there, by the loop's clock.
    :raises Silence: when nothing of the answer has come in time.
    :raises EventTooLarge: when an event goes on and on.
    :raises ModelError: what the stream tells, once all before it was given.
    """
    reader, now = EventReader(), asyncio.get_running_loop().time
    watch = Watch(lambda: content.set_exception(Silence()))
    watch.move(first)
    pieces, chunk = 0, b"begins"
    try:
        while chunk:
            watch.reading = True
            chunk = await content.readany()
            watch.reading = False
            events, error = _decoded(reader, decoder, chunk)
            if events:
                yield _joined(events)
            if error is not None:
                raise error
            if decoder.pieces != pieces:
                pieces = decoder.pieces
                watch.move(min(ends, now() + between))
    finally:
        watch.stop()


def _decoded(
    reader: EventReader, decoder: Decoder, chunk: bytes
) -> tuple[list[ModelEvent], ModelError | EventTooLarge | None]:
    """Return what a packet says, up to an error in it; an empty one is the end."""
    events: list[ModelEvent] = []
    try:
        for data in reader.feed(chunk) if chunk else reader.end():
            events += decoder.feed(data)
    except (ModelError, EventTooLarge) as error:
        return events, error
    return events, None


def _joined(events: list[ModelEvent]) -> list[ModelEvent]:
    """Make one piece of neighbours of one kind: whatever is done with each piece is done once for them."""
    joined: list[ModelEvent] = []
    for kind, group in groupby(events, key=type):
        if issubclass(kind, TextDelta | ReasoningDelta):
            texts = [event.text for event in group if isinstance(event, TextDelta | ReasoningDelta)]
            joined.append(kind(text="".join(texts)))
        else:
            joined += group
    return joined
