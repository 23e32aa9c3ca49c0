"""The indexes that there are, and the one that answers, as records of a namespace of their own."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from vital_shared.errors import SourceError
from vital_shared.logs import get_logger
from vital_shared.retrieval.collection import IndexModel
from vital_shared.retrieval.sources.pinecone.client import PineconeClient
from vital_shared.retrieval.sources.pinecone.keywords import SPARSE_VERSION
from vital_shared.retrieval.sources.pinecone.namespaces import INDEXES_NAMESPACE

__all__ = ["IndexRecord", "IndexRecords", "answering"]

logger = get_logger(__name__)

REQUEST_TIMEOUT_SECONDS: Final = 10.0
VISIBLE_SECONDS: Final = 60.0
"""Time that Pinecone has to show what was written."""
LOOK_SECONDS: Final = 0.5
"""Pause between two looks."""
MAX_PAGE: Final = 100
MAX_PAGES: Final = 10
MAX_DIMENSION: Final = 20_000
"""The largest that Pinecone documents."""


class IndexRecord(NamedTuple):
    """An index as it is recorded."""

    id: str
    embedder: str
    dimension: int
    keywords: int
    """`SPARSE_VERSION` when it was made."""
    made_at: float
    """Seconds since 1970."""
    activated_at: float
    """The same; 0: it never was."""

    def as_json(self) -> dict[str, Any]:
        """Return the API's form: a record has to have a vector that is not zero."""
        metadata = {name: value for name, value in self._asdict().items() if name != "id"}
        return {"id": self.id, "values": [1.0, *([0.0] * (self.dimension - 1))], "metadata": metadata}


def answering(records: Iterable[IndexRecord]) -> IndexRecord | None:
    """Return the index that answers searches: the one activated last."""
    activated = (each for each in records if each.activated_at)
    return max(activated, key=lambda each: each.activated_at, default=None)


class IndexRecords:
    """The records of all indexes.

    :param now: seconds since 1970.
    :param sleep: waits between two looks.
    """

    def __init__(
        self,
        client: PineconeClient,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._now = now
        self._sleep = sleep

    async def all(self) -> tuple[IndexRecord, ...]:
        """Return the records, the newest first.

        :raises SourceError: when Pinecone does not answer.
        """
        ids = [name async for name in self._ids()]
        found = []
        for start in range(0, len(ids), MAX_PAGE):
            params = [
                ("namespace", INDEXES_NAMESPACE),
                *(("ids", name) for name in ids[start : start + MAX_PAGE]),
            ]
            reply = await self._client.get("/vectors/fetch", params, seconds=REQUEST_TIMEOUT_SECONDS)
            found += _read(reply.body)
        return tuple(sorted(found, key=lambda record: -record.made_at))

    async def add(self, model: IndexModel) -> IndexRecord:
        """Record a new index; returns once it is seen."""
        record = IndexRecord(uuid4().hex, model.embedder, model.dimension, SPARSE_VERSION, self._now(), 0.0)
        await self._write(record)
        return record

    async def activate(self, record: IndexRecord) -> IndexRecord:
        """Record that an index answers from now on; returns the record once it is seen."""
        activated = record._replace(activated_at=self._now())
        await self._write(activated)
        return activated

    async def remove(self, index_ids: Iterable[str]) -> None:
        """Forget indexes; returns once they are no longer seen."""
        ids = set(index_ids)
        if ids:
            body = {"namespace": INDEXES_NAMESPACE, "ids": sorted(ids)}
            await self._client.post("/vectors/delete", body, seconds=REQUEST_TIMEOUT_SECONDS)
            await self._wait(lambda records: ids.isdisjoint(each.id for each in records))

    async def _write(self, record: IndexRecord) -> None:
        body = {"namespace": INDEXES_NAMESPACE, "vectors": [record.as_json()]}
        await self._client.post("/vectors/upsert", body, seconds=REQUEST_TIMEOUT_SECONDS)
        await self._wait(lambda records: record in records)

    async def _wait(self, shows: Callable[[tuple[IndexRecord, ...]], bool]) -> None:
        for _ in range(math.ceil(VISIBLE_SECONDS / LOOK_SECONDS)):
            if shows(await self.all()):
                return
            await self._sleep(LOOK_SECONDS)
        raise SourceError(
            f"Pinecone did not show a change within {VISIBLE_SECONDS:g} seconds of taking it: try again."
        )

    async def _ids(self) -> AsyncIterator[str]:
        page = [("namespace", INDEXES_NAMESPACE), ("limit", str(MAX_PAGE))]
        for _ in range(MAX_PAGES):
            reply = await self._client.get("/vectors/list", page, seconds=REQUEST_TIMEOUT_SECONDS)
            for each in vectors if isinstance(vectors := reply.body.get("vectors"), list) else ():
                if isinstance(each, dict) and isinstance(each.get("id"), str):
                    yield each["id"]
            pagination = reply.body.get("pagination")
            token = pagination.get("next") if isinstance(pagination, dict) else None
            if not isinstance(token, str) or not token:
                return
            page = [*page[:2], ("paginationToken", token)]


def _read(body: Mapping[str, Any]) -> list[IndexRecord]:
    vectors = body.get("vectors")
    found = []
    for name, vector in vectors.items() if isinstance(vectors, dict) else ():
        metadata = vector.get("metadata") if isinstance(vector, dict) else None
        try:
            found.append(_record(name, metadata or {}))
        except (KeyError, TypeError, ValueError, OverflowError):  # another writer's
            logger.warning("pinecone_index_record_unreadable", id=name)
    return found


def _record(name: str, metadata: Mapping[str, Any]) -> IndexRecord:
    """Read a record; numbers come back as floats.

    :raises ValueError: when a number is none that we write, or KeyError, TypeError, OverflowError.
    """
    dimension, times = int(metadata["dimension"]), (metadata["made_at"], metadata["activated_at"])
    if not 0 < dimension <= MAX_DIMENSION or not all(map(math.isfinite, times)):
        raise ValueError(name)
    return IndexRecord(
        id=name,
        embedder=str(metadata["embedder"]),
        dimension=dimension,
        keywords=int(metadata["keywords"]),
        made_at=float(metadata["made_at"]),
        activated_at=float(metadata["activated_at"]),
    )
