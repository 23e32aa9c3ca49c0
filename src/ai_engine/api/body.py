"""Request bodies: limited in size, and parsed as JSON that fits a model."""

from __future__ import annotations

import asyncio
import codecs
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from ai_engine.api.body_coding import check_coding, unpack
from ai_engine.api.json_size import check_numbers, check_size
from ai_engine.asgi.azure_paths import DEPLOYMENT
from ai_engine.settings import ServerSettings
from ai_engine.validation import FieldError, InvalidFields
from vital_shared.models.lone_surrogate import find_lone_surrogate

__all__ = ["chat_limit", "parse_model", "read_bytes", "read_json", "read_model", "read_named_json"]

BODY_SECONDS: Final = 60.0
"""A body that takes longer to come is given up."""

LARGE_BYTES: Final = 100_000
IMAGES_FACTOR: Final = 8

_reader: Final = ThreadPoolExecutor(1, "vital-body")
"""The lock for large bodies, read one after another: parsing holds the interpreter's
lock, which the loop needs, too."""

BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Beginnings of texts that some clients write although JSON has none (RFC 8259, 8.1)."""

READ_CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
"""Charsets that are UTF-8, or a part of it."""

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


async def read_bytes(request: Request, limit: int) -> bytes:
    """Read a body, whether its length was declared or not.

    :raises HTTPException: 413 as soon as it is known to be too long, 408 when it does not come.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    first, has_more = await _next_chunk(request)
    if not has_more:  # as nearly always: no timer is needed
        return _bounded(first, limit)
    chunks, size = [first], len(first)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while has_more:
                chunk, has_more = await _next_chunk(request)
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
    except TimeoutError as error:
        raise HTTPException(408, "The body did not arrive in time: send it again.") from error
    return b"".join(chunks)


async def _next_chunk(request: Request) -> tuple[bytes, bool]:
    """Return the next part of a body, and whether more is to come.

    The server limits the time without any: see `LimitedProtocol`.
    """
    message = await request.receive()
    if message["type"] != "http.request":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than the {limit:,} bytes that are allowed.")


async def read_json(request: Request, limit: int, *, is_passed_on: bool = False) -> tuple[bytes, Any]:
    """Read a JSON body: its bytes, and what they hold.

    :param is_passed_on: whether it is written again for a provider, which numbers of any length cannot be.
    :raises HTTPException: 415 when it is said to be something else, 413 when it is too long, packed or not,
        400 when it is not JSON, with line and column.
    :raises InvalidFields: naming the field whose text cannot be read.
    """
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        said = f'not "{media_type}"' if media_type else "and the header Content-Type has to say so"
        raise HTTPException(
            415, f"The body has to be application/json, {said}.", {"Accept": "application/json"}
        )
    is_packed = check_coding(",".join(request.headers.getlist("content-encoding")))
    body = await read_bytes(request, limit)
    if is_packed:
        body = await _unpacked(body, limit)
    try:
        return body, await _parsed(body, lambda: _sized(body, is_passed_on=is_passed_on))
    except ValueError as error:
        if (place := await _parsed(body, lambda: _lone_surrogate(body))) is not None:
            message = "holds half of a surrogate pair, which is no character: leave it out"
            raise InvalidFields([FieldError(field=place, message=message)]) from error
        raise HTTPException(400, _complaint(body, content_type, error)) from error


async def read_named_json(request: Request, limit: int) -> tuple[bytes, Any]:
    """Read a JSON body that is passed on, as `read_json` does; a model that the path names is its model."""
    body, value = await read_json(request, limit, is_passed_on=True)
    named = request.scope.get(DEPLOYMENT)
    if named is None or not isinstance(value, dict):
        return body, value
    value = {**value, "model": named}
    return to_json(value), value


async def _unpacked(body: bytes, limit: int) -> bytes:
    """Unpack a body, off the loop: a small one may hold much."""
    unpacked = await asyncio.get_running_loop().run_in_executor(_reader, unpack, body, limit)
    if unpacked is None:
        raise _too_large(limit)
    return unpacked


def _complaint(body: bytes, content_type: str, error: ValueError) -> str:
    """Say in one sentence why a body is no JSON."""
    if body.startswith(BYTE_ORDER_MARKS):
        return (
            "The body is not valid JSON: a byte order mark stands at line 1 column 1; send UTF-8 without it."
        )
    charset = _charset(content_type)
    if charset not in READ_CHARSETS:
        return f'The body is read as UTF-8, as all JSON is, and not as "{charset[:50]}": {error}.'
    return f"The body is not valid JSON: {error}."


def _charset(content_type: str) -> str:
    """Return the charset that a body is said to have, in small letters; empty: nothing is said."""
    for parameter in content_type.lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"')
    return ""


async def _parsed(body: bytes, parse: Callable[[], T]) -> T:
    """Parse a body, off the loop where it is large."""
    if len(body) <= LARGE_BYTES:
        return parse()
    return await asyncio.get_running_loop().run_in_executor(_reader, parse)


def _sized(body: bytes, *, is_passed_on: bool) -> Any:
    value = from_json(body, allow_inf_nan=False)
    check_size(value)
    if is_passed_on:
        check_numbers(value)
    return value


def _lone_surrogate(body: bytes) -> str | None:
    try:
        return find_lone_surrogate(json.loads(body))
    except (ValueError, RecursionError):  # it is no JSON at all, which is reported
        return None


def chat_limit(settings: ServerSettings) -> int:
    """Return the largest body of a conversation, in bytes.

    It may hold images of earlier messages, which clients send again with each request.
    """
    return max(
        settings.max_body_bytes, min(IMAGES_FACTOR * settings.max_body_bytes, settings.max_document_bytes)
    )


async def read_model(request: Request, model: type[M], limit: int) -> M:
    """Read a JSON body that fits a model.

    :raises InvalidFields: naming the fields that are wrong.
    """
    body, _ = await read_json(request, limit)
    return await _parsed(body, lambda: parse_model(model, body))


def parse_model(model: type[M], body: bytes) -> M:
    """Check JSON that was read; from its bytes, since strict types take an array for a tuple only there.

    :raises InvalidFields: naming the fields that are wrong.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise InvalidFields.of(error) from error
