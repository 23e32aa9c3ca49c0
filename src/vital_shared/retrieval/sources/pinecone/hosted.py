"""The models that Pinecone hosts: one that embeds, and one that reranks.

Source: Pinecone's reference of the Inference API, `POST /embed` and `POST /rerank`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vital_shared.errors import SourceError
from vital_shared.retrieval.search_usage import UsageKind
from vital_shared.retrieval.sources.pinecone.client import (
    SEARCH_RETRY_SECONDS,
    SEARCH_SECONDS,
    PaidRequest,
    PineconeClient,
)

__all__ = ["HOSTED_MODELS_URL", "MAX_RERANKED_PASSAGES", "HostedEmbedder", "HostedReranker"]

HOSTED_MODELS_URL: Final = "https://api.pinecone.io"

MAX_EMBEDDED_TEXTS: Final = 96
"""Texts of one request."""
MAX_RERANKED_PASSAGES: Final = 100
WRITE_SECONDS: Final = 60.0
CHARACTERS_PER_TOKEN: Final = 4
"""A usual share in English, for what a request is expected to use."""

InputType = Literal["query", "passage"]

_PATIENCE: Final[Mapping[InputType, tuple[float, float]]] = {
    "query": (SEARCH_SECONDS, SEARCH_RETRY_SECONDS),
    "passage": (WRITE_SECONDS, WRITE_SECONDS),
}


class HostedEmbedder:
    """A hosted model that makes dense vectors.

    :param name: the name of the model.
    :param kind: the charge for its tokens.
    """

    def __init__(self, client: PineconeClient, name: str, kind: UsageKind) -> None:
        self.name = name
        self._client = client
        self.kind = kind

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, normalised.

        :raises SourceError: when the model does not answer, or sends something else.
        """
        vector: NDArray[np.float32] = (await self._embed([text], "query"))[0]
        return vector

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages, normalised, in their order.

        :raises SourceError: when the model does not answer, or sends something else.
        """
        starts = range(0, len(texts), MAX_EMBEDDED_TEXTS)
        parts = [await self._embed(texts[start : start + MAX_EMBEDDED_TEXTS], "passage") for start in starts]
        return np.concatenate(parts)

    async def _embed(self, texts: Sequence[str], input_type: InputType) -> NDArray[np.float32]:
        body = {
            "model": self.name,
            "parameters": {"input_type": input_type, "truncate": "END"},
            "inputs": [{"text": text} for text in texts],
        }
        expected = sum(len(text) // CHARACTERS_PER_TOKEN + 1 for text in texts)
        paid = PaidRequest(self.kind, expected, lambda body: _stated(body, "total_tokens"))
        seconds, retry_seconds = _PATIENCE[input_type]
        reply = await self._client.post(
            "/embed", body, seconds=seconds, retry_seconds=retry_seconds, paid=paid
        )
        return _vectors(reply.body, len(texts), self.name)


class HostedReranker:
    """A hosted cross-encoder.

    :param name: the name of the model.
    :param kind: the charge for its units.
    """

    def __init__(self, client: PineconeClient, name: str, kind: UsageKind) -> None:
        self.name = name
        self._client = client
        self.kind = kind

    async def scores(self, query: str, texts: Sequence[str], *, seconds: float) -> list[float]:
        """Return how well each text answers the question, from 0 to 1.

        :raises SourceError: when the model does not answer, or sends something else.
        """
        body = {
            "model": self.name,
            "query": query,
            "documents": [{"text": text} for text in texts],
            "top_n": len(texts),
            "return_documents": False,
            "parameters": {"truncate": "END"},
        }
        paid = PaidRequest(self.kind, 1, lambda body: _stated(body, "rerank_units"))
        reply = await self._client.post("/rerank", body, seconds=seconds, paid=paid)
        scores = dict(map(_ranked, _list(reply.body, "data")))
        if set(scores) != set(range(len(texts))):
            raise SourceError(f"Pinecone's model {self.name} did not score each passage once.")
        return [scores[index] for index in range(len(texts))]


def _stated(body: Mapping[str, Any], unit: str) -> object:
    usage = body.get("usage")
    return usage.get(unit) if isinstance(usage, dict) else usage


def _list(body: Mapping[str, Any], field: str) -> list[Any]:
    value = body.get(field)
    return value if isinstance(value, list) else []


def _vectors(body: Mapping[str, Any], count: int, model: str) -> NDArray[np.float32]:
    rows = [each.get("values") if isinstance(each, dict) else None for each in _list(body, "data")]
    try:
        vectors = np.asarray(rows, np.float32)
    except (TypeError, ValueError):
        vectors = np.empty((0, 0), np.float32)
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros(1)
    if vectors.ndim != 2 or len(vectors) != count or not np.all(np.isfinite(norms) & (norms > 0)):
        raise SourceError(f"Pinecone's model {model} did not send one vector for each text.")
    normalised: NDArray[np.float32] = (vectors / norms).astype(np.float32)
    return normalised


def _ranked(entry: object) -> tuple[object, float]:
    index, score = (entry.get("index"), entry.get("score")) if isinstance(entry, dict) else (None, None)
    if not isinstance(score, int | float) or not math.isfinite(score):
        return None, 0.0
    return index, float(score)
