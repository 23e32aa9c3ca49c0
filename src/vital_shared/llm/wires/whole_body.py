"""Reads an answer that is no stream: one JSON object, however long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp

from vital_shared.llm.base import ModelEvent
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.body_text import body_text, declared_charset, in_utf8
from vital_shared.llm.wires.bounds import AnswerBounds
from vital_shared.llm.wires.json_text import BYTE_ORDER_MARK
from vital_shared.llm.wires.reading import NoEvents
from vital_shared.llm.wires.timing import Silence

__all__ = ["whole_body"]


BEGINNING_BYTES: Final = 200
"""The longest beginning of a body that an error quotes."""

MIN_BEGINNING_BYTES: Final = 16
"""Bytes by which a body that is no object is known, and whether it is a stream that nobody asked for."""


async def whole_body(
    response: aiohttp.ClientResponse, decoder: Decoder, bounds: AnswerBounds, *, ends: float
) -> Sequence[ModelEvent]:
    """Read a body to its end, and return what it says.

    :param response: the response with the body.
    :param ends: the deadline, by the loop's clock.
    :raises Silence: when it has not come in time.
    :raises AnswerTooLarge: when there is more than the bounds allow.
    :raises NoEvents: when it is no JSON.
    :raises ModelError: the error that it reports.
    """
    body, is_begun = bytearray(), False
    charset = declared_charset(response)
    bounds.check(response.content_length or 0, 0)
    try:
        async with asyncio.timeout_at(ends):
            async for chunk in body_text(response).iter_any():
                body += chunk
                bounds.check(len(body), 0)
                if charset is None and not is_begun:
                    is_begun = _has_begun(body)
    except TimeoutError as error:
        raise Silence from error
    data = bytes(body) if charset is None else in_utf8(bytes(body), charset)
    data = data.removeprefix(BYTE_ORDER_MARK).strip()
    if not data.startswith(b"{"):
        raise NoEvents(data[:BEGINNING_BYTES])
    return decoder.feed(data)


def _has_begun(body: bytearray) -> bool:
    """Return whether an object has begun; of anything else, such as a page or a file, no more is read.

    :raises NoEvents: when it is something else.
    """
    beginning = bytes(body[:BEGINNING_BYTES]).removeprefix(BYTE_ORDER_MARK).lstrip()
    if len(beginning) < MIN_BEGINNING_BYTES:
        return False
    if not beginning.startswith(b"{"):
        raise NoEvents(beginning)
    return True
