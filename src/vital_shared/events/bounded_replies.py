"""Replies of Redis up to a size: what is larger is none of ours, and is refused before it is in memory."""

from __future__ import annotations

from inspect import signature
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from redis._parsers import _AsyncRESP2Parser, _AsyncRESP3Parser
from redis._parsers.base import _AsyncRESPBase
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

__all__ = ["ReplyTooLarge", "parser_for"]

MAX_VALUE_BYTES: Final = 32 * 1024 * 1024
"""Largest value of a reply; an event holds at most the longest answer."""

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Largest reply; one has at most 500 entries of a log, of 64 kB each where no event is larger."""

OVERHEAD_BYTES: Final = 64
"""The memory that each value takes beside its bytes."""

_DEFAULT_PROTOCOL: Final = str(signature(AbstractConnection.__init__).parameters["protocol"].default)
"""The protocol of an address that names none: the older one up to redis-py 7."""


class ReplyTooLarge(RedisError):
    """A reply has a value, or values, that nobody of us has written."""


class _BoundedReplies(_AsyncRESPBase):
    """A parser's part that counts the bytes of a reply."""

    _left = MAX_REPLY_BYTES

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        self._left = MAX_REPLY_BYTES
        return await super().read_response(*arguments, **options)

    async def _read(self, length: int) -> bytes:
        self._left -= length + OVERHEAD_BYTES
        if length > MAX_VALUE_BYTES or self._left < 0:
            raise ReplyTooLarge(f"a value of {length:,} bytes in a reply of more than is read")
        return await super()._read(length)


class _BoundedRESP2Parser(_BoundedReplies, _AsyncRESP2Parser):
    """A bounded parser of the older protocol."""


class _BoundedRESP3Parser(_BoundedReplies, _AsyncRESP3Parser):
    """A bounded parser of the newer protocol, which reads the older one, too."""


def parser_for(url: str) -> type[_AsyncRESP2Parser | _AsyncRESP3Parser]:
    """Return the parser of connections to an address, which may name the protocol."""
    named = parse_qs(urlsplit(url).query).get("protocol", [_DEFAULT_PROTOCOL])
    is_older = named[-1] == "2"
    return _BoundedRESP2Parser if is_older else _BoundedRESP3Parser
