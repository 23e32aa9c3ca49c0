"""Connections to a service, which bound what it may send before its answer begins."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from vital_shared.http.name_resolver import NameResolver

__all__ = ["BoundedConnector"]

MAX_INTERIM_RESPONSES: Final = 16
"""Responses with a 1xx status (RFC 9110, section 15.2) before the one that counts."""


class BoundedConnector(aiohttp.TCPConnector):
    """A pool of connections that break off when interim responses come without end.

    aiohttp reads over these in a loop that gives no other task its turn while more of them are there.
    """

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit, resolver=NameResolver())
        protocol: type[ResponseHandler] = _BoundedProtocol
        self._factory = partial(protocol, loop=self._loop)


class _BoundedProtocol(ResponseHandler):
    _interim_responses = 0

    async def read(self) -> Any:
        """Return the next response's head and body.

        :raises ClientConnectionError: when one interim response follows another too often.
        """
        head, body = await super().read()
        self._interim_responses = self._interim_responses + 1 if 100 <= head.code < 200 else 0
        if self._interim_responses > MAX_INTERIM_RESPONSES:
            raise aiohttp.ClientConnectionError(
                f"it sent more than {MAX_INTERIM_RESPONSES} interim responses"
            )
        return head, body
