"""The connections to one public service: aiohttp is slow to import, and loaded with the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from vital_shared.http.name_resolver import NameResolver
from vital_shared.http.proxy import proxy_for
from vital_shared.tools.base import ToolError

__all__ = ["PublicConnection"]

MAX_BYTES: Final = 5_000_000
"""Bytes of an answer."""

MAX_REDIRECTS: Final = 3


class PublicConnection:
    """The open connections to a service.

    :param name: its name for users.
    :param base_url: the address that its paths are added to.
    :param headers: those of each request.
    :param limit: concurrent connections at most.
    """

    def __init__(self, name: str, base_url: str, *, headers: Mapping[str, str], limit: int) -> None:
        self._name = name
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=limit, resolver=NameResolver()),
            timeout=aiohttp.ClientTimeout(total=30.0),
            proxy=proxy_for(base_url),
        )

    async def aclose(self) -> None:
        """Close them."""
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str | int]) -> tuple[int, str | None, bytes]:
        """Return the status, the header ``Retry-After``, and the body.

        :raises ToolError: when the service cannot be reached, sends too much, or sends elsewhere.
        """
        try:
            return await self._followed(self._base_url + path, params)
        except (aiohttp.ClientError, OSError) as error:
            raise ToolError(f"{self._name} cannot be reached ({type(error).__name__}).") from error

    async def _followed(self, address: str, params: Mapping[str, str | int]) -> tuple[int, str | None, bytes]:
        query: Mapping[str, str | int] | None = params
        for _ in range(MAX_REDIRECTS):
            async with self._session.get(address, params=query, allow_redirects=False) as response:
                target = response.headers.get("Location")
                if response.status in (301, 302, 307, 308) and target:
                    address, query = self._within(urljoin(str(response.url), target)), None
                    continue
                body = await response.content.read(MAX_BYTES + 1)
                while len(body) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES)):
                    body += more
                if len(body) > MAX_BYTES:
                    raise ToolError(f"{self._name} sent more than {MAX_BYTES:,} bytes.")
                return response.status, response.headers.get("Retry-After"), body
        raise ToolError(f"{self._name} sends from one address to the next.")

    def _within(self, address: str) -> str:
        """Refuse to be sent to another host: it would get the key, and may be inside our network."""
        there, here = urlsplit(address), urlsplit(self._base_url)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise ToolError(f"{self._name} sends to another host, which is not followed.")
        return address
