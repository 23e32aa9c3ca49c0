"""Reads a stream packet by packet, within bounds, and notices when nothing comes any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

import aiohttp

from vital_shared.llm.base import ModelError, ModelEvent, ReasoningDelta, TextDelta
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.body_text import body_text, declared_charset, in_utf8
from vital_shared.llm.wires.bounds import AnswerBounds, AnswerTooLarge
from vital_shared.llm.wires.sse import EventReader, EventTooLarge
from vital_shared.llm.wires.timing import Silence, StreamDeadline

__all__ = ["NoEvents", "packets"]

LARGE_PACKET_BYTES: Final = 16 * 1024
"""Size of a packet after whose decoding others on the event loop get their turn."""

LAST_SECONDS: Final = 5.0
"""Wait for the counts and the end of the connection behind a whole answer."""

OVER_SECONDS: Final = 0.1
"""Wait for the end of a connection, so that it serves another call, once the server says that it is over."""

_text: Final = attrgetter("text")


class NoEvents(Exception):
    """A body without a single event.

    :param beginning: its first bytes.
    """

    def __init__(self, beginning: bytes) -> None:
        super().__init__()
        self.beginning = beginning


async def packets(
    response: aiohttp.ClientResponse,
    decoder: Decoder,
    bounds: AnswerBounds,
    *,
    first: float,
    between: float,
    ends: float,
) -> AsyncGenerator[Sequence[ModelEvent], None]:
    """Give what each packet says; pieces of text that have come together are one.

    What goes wrong behind a whole answer is passed over.

    :param response: the response with the body.
    :param first: the deadline of the first piece of the answer, by the loop's clock.
    :param between: seconds from one piece to the next.
    :param ends: the deadline of the whole answer, by the loop's clock.
    :raises Silence: when nothing of the answer has come in time.
    :raises AnswerTooLarge: when there is more than the bounds allow.
    :raises EventTooLarge: when an event goes on and on.
    :raises NoEvents: when the body was something else than a stream of events.
    :raises ModelError: the error that the stream reports, once all before it was given.
    """
    content, now = body_text(response), asyncio.get_running_loop().time
    reader = _AnswerReader(decoder, bounds, declared_charset(response))
    watch = StreamDeadline(lambda: content.set_exception(Silence()))
    watch.move(first)
    pieces, was_whole, was_over, chunk = 0, False, False, b"begins"
    try:
        while chunk:
            watch.reading = True
            chunk = await content.readany()
            watch.reading = False
            events, error = reader.read(chunk)
            if events:
                yield _joined(events) if len(events) > 1 else events
            if error is not None:
                raise error
            is_whole = decoder.is_whole
            if decoder.is_over and not was_over:
                was_over = True
                watch.move(min(ends, now() + OVER_SECONDS))
            elif not was_over and (decoder.pieces != pieces or is_whole is not was_whole):
                wait = between if was_whole or not is_whole else min(between, LAST_SECONDS)
                pieces, was_whole = decoder.pieces, is_whole
                watch.move(min(ends, now() + wait))
            if len(chunk) > LARGE_PACKET_BYTES:
                await asyncio.sleep(0)
    except (Silence, AnswerTooLarge, EventTooLarge, ModelError, aiohttp.ClientError, OSError):
        if not (decoder.is_whole or was_over):
            raise
    finally:
        watch.stop()
    if not reader.events and reader.beginning.strip() and not decoder.is_whole:
        raise NoEvents(reader.beginning)


class _AnswerReader:
    """A reader that turns packets into events, and counts them."""

    __slots__ = ("_bounds", "_charset", "_decoder", "_events", "_size", "beginning", "events")

    def __init__(self, decoder: Decoder, bounds: AnswerBounds, charset: str | None) -> None:
        self.events = 0
        self.beginning = b""
        self._decoder = decoder
        self._bounds = bounds
        self._charset = charset
        self._events = EventReader()
        self._size = 0

    def read(
        self, chunk: bytes
    ) -> tuple[list[ModelEvent], ModelError | EventTooLarge | AnswerTooLarge | None]:
        """Return what a packet says, up to an error in it; an empty one is the end."""
        events: list[ModelEvent] = []
        if not self.beginning:
            self.beginning = chunk[:200]
        self._size += len(chunk)
        try:
            said = self._events.feed(chunk) if chunk else self._events.end()
            self.events += len(said)
            decode = self._decoder.feed
            for data in said:
                events += decode(data if self._charset is None else in_utf8(data, self._charset))
            self._bounds.check(self._size, self.events)
        except (ModelError, EventTooLarge, AnswerTooLarge) as error:
            return events, error
        return events, None


def _joined(events: list[ModelEvent]) -> list[ModelEvent]:
    """Make one piece of neighbours of one kind: whatever is done with each piece is done once for them."""
    joined: list[ModelEvent] = []
    for kind, group in groupby(events, key=type):
        if kind is TextDelta or kind is ReasoningDelta:
            joined.append(kind(text="".join(map(_text, group))))
        else:
            joined += group
    return joined
