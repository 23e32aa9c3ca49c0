"""Passages as Pinecone's records, and back.

What comes back is checked: an index may hold what others have written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from vital_shared.models.citation import Passage
from vital_shared.models.search_use import PassageFlaw
from vital_shared.retrieval.collection import CollectionDocument
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.sources.pinecone.client import SOURCE_NAME
from vital_shared.retrieval.sources.pinecone.keywords import passage_keywords
from vital_shared.retrieval.usable_passages import usable_passage

__all__ = ["batches", "passage_of", "records_of"]

MAX_BATCH_RECORDS: Final = 1_000
MAX_BATCH_BYTES: Final = 1_000_000
"""Half of what Pinecone takes: a larger body would hold up the event loop while it is sent."""

_TEXTS: Final = ("document_id", "title", "uri", "section", "text")


def records_of(
    document: CollectionDocument, vectors: Sequence[NDArray[np.float32]]
) -> Iterator[dict[str, Any]]:
    """Make the records of a document's passages.

    :param vectors: the vectors of the passages, in their order.
    """
    for position, (passage, vector) in enumerate(zip(document.passages, vectors, strict=True)):
        usable = usable_passage(
            Passage(
                id=passage.id,
                document_id=document.key.id,
                title=document.title,
                source=SOURCE_NAME,
                uri=document.uri,
                section=passage.section,
                text=passage.text,
                score=0.0,
            )
        )
        record: dict[str, Any] = {
            "id": passage.id,
            "values": vector,
            "metadata": {name: getattr(usable, name) for name in _TEXTS}
            | {"position": position, "tenant": document.key.tenant_id or ""},
        }
        keywords = passage_keywords(passage_text(usable.title, usable.section, usable.text))
        if keywords.indices:
            record["sparseValues"] = keywords.as_json()
        yield record


def batches(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Group records so that each group is within the limits of one request."""
    batch: list[dict[str, Any]] = []
    size = 0
    for record in records:
        length = len(orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)) + 1
        if batch and (len(batch) == MAX_BATCH_RECORDS or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def passage_of(match: object, tenant_id: str | None) -> Passage | PassageFlaw:
    """Read one match of a query, or say why it cannot be used.

    :param tenant_id: the owner of the namespace it was found in; None: the shared one.
    """
    entry: Mapping[str, Any] = match if isinstance(match, dict) else {}
    score, metadata, name = entry.get("score"), entry.get("metadata"), entry.get("id")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        return "score"
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        return "metadata"
    texts = {field: text for field in _TEXTS if isinstance(text := metadata.get(field), str)}
    if len(texts) < len(_TEXTS) or not texts["text"].strip():
        return "metadata"
    if metadata.get("tenant") != (tenant_id or ""):
        return "tenant"
    return Passage(id=name, source=SOURCE_NAME, score=float(score), **texts)
