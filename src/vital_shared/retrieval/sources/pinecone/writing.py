"""Writes to a namespace, which are done once a query sees them.

Source: Pinecone's page "Check data freshness": writes to a namespace are numbered, and a query states the
last number that it has seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from vital_shared.errors import SourceError
from vital_shared.retrieval.sources.pinecone.client import PineconeClient, PineconeRefused, PineconeReply
from vital_shared.retrieval.sources.pinecone.records import batches

__all__ = ["NamespaceWriter"]

WRITE_SECONDS: Final = 60.0
MAX_FILTERED_DOCUMENTS: Final = 100
"""Documents that one deletion names."""
VISIBLE_LOOKS: Final = 60
"""Number of looks for a write before it is given up: about two minutes."""
FIRST_LOOK_SECONDS: Final = 0.1
MAX_LOOK_SECONDS: Final = 2.0
MAX_DIGITS: Final = 20
"""Digits of a number with 64 bits."""

_WRITTEN: Final = "x-pinecone-request-lsn"
_SEEN: Final = "x-pinecone-max-indexed-lsn"


class NamespaceWriter:
    """A writer to one namespace.

    Whatever is written may be written again: records have ids, and deletions name what they delete.

    :param sleep: waits between two looks.
    """

    def __init__(
        self,
        client: PineconeClient,
        namespace: str,
        dimension: int,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._dimension = dimension
        self._sleep = sleep
        self._last_write = 0

    async def upsert(self, records: Iterable[dict[str, Any]]) -> None:
        """Write records, each in place of the one with its id."""
        for batch in batches(records):
            body = {"namespace": self._namespace, "vectors": batch}
            self._note(await self._client.post("/vectors/upsert", body, seconds=WRITE_SECONDS))

    async def delete(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        """Delete the records that fulfil any of the conditions, such as ``{"document_id": {"$eq": "7"}}``."""
        for start in range(0, len(conditions), MAX_FILTERED_DOCUMENTS):
            some = conditions[start : start + MAX_FILTERED_DOCUMENTS]
            body = {"namespace": self._namespace, "filter": {"$or": list(some)}}
            try:
                self._note(await self._client.post("/vectors/delete", body, seconds=WRITE_SECONDS))
            except PineconeRefused as error:
                if error.status != 404:  # there is no such namespace: nothing is to be deleted
                    raise

    async def wait_until_visible(self) -> None:
        """Return once a query sees all that was written here.

        :raises SourceError: when that takes too long; nothing is lost then.
        """
        wait = FIRST_LOOK_SECONDS
        for _ in range(VISIBLE_LOOKS):
            if self._last_write <= await self._last_seen():
                return
            await self._sleep(wait)
            wait = min(MAX_LOOK_SECONDS, 2 * wait)
        raise SourceError("Pinecone accepted documents but does not show them: sync again later.")

    async def _last_seen(self) -> int:
        if not self._last_write:
            return 0
        body = {
            "namespace": self._namespace,
            "topK": 1,
            "vector": [1.0, *([0.0] * (self._dimension - 1))],
        }
        reply = await self._client.post("/query", body, seconds=WRITE_SECONDS)
        return _number(reply, _SEEN, missing=self._last_write)

    def _note(self, reply: PineconeReply) -> None:
        self._last_write = max(self._last_write, _number(reply, _WRITTEN, missing=0))


def _number(reply: PineconeReply, header: str, *, missing: int) -> int:
    """Read a number of a write; an index that is not serverless states none, and shows writes at once."""
    value = reply.headers.get(header, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS else missing
