"""The embedding models on this machine, which answer as a provider of OpenAI's embeddings does."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from ai_engine.gateway.openai_embeddings import texts_of
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelEvent, ModelRejected, ProviderAnswer, Stop, Usage
from vital_shared.llm.wires.relay import Relay, RelayedRequest
from vital_shared.retrieval.document_embedder import DocumentEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vital_shared.retrieval.embedding import Embedder

__all__ = ["LOCAL", "EmbeddedModels", "is_embedded"]

LOCAL: Final = "local"
"""The provider's name of the models on this machine."""


def is_embedded(name: str) -> bool:
    """Return whether a model is on this machine."""
    return name.startswith(f"{LOCAL}:")


class EmbeddedModels:
    """A provider of embeddings, whose calls cost nothing and never leave this machine.

    :param embedder: holds the installed models.
    """

    protocol = "embedded"
    offers_responses = False
    server = None

    def __init__(self, embedder: DocumentEmbedder) -> None:
        self._embedder = embedder

    async def relay(
        self, model: str, request: RelayedRequest, relay: Relay
    ) -> AsyncGenerator[ModelEvent, None]:
        """Answer a request.

        :raises ModelRejected: when the models cannot carry it, with an answer as OpenAI's.
        """
        embedder, name = self._embedder.installed(model), f"{LOCAL}:{model}"
        try:
            asked = _read(request.body, embedder.dimension)
            tokens = await _tokens(embedder, asked)
        except InvalidRequest as error:
            raise _rejected(error, name) from error
        relay.take(_answer(await _embedded(embedder, asked), name, tokens, as_base64=asked.as_base64))
        relay.release()
        yield Usage(input_tokens=tokens)
        yield Stop(reason="end")


class _EmbeddingsQuery(NamedTuple):
    texts: list[str]
    are_queries: bool
    as_base64: bool


def _read(body: Mapping[str, Any], dimension: int) -> _EmbeddingsQuery:
    """Read a request.

    :param dimension: the length of the model's vectors.
    :raises InvalidRequest: naming the field that the models cannot carry.
    """
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise InvalidRequest("encoding_format has to be float or base64", field="encoding_format")
    if body.get("dimensions") not in (None, dimension):
        raise InvalidRequest(f"dimensions has to be {dimension} for this model", field="dimensions")
    purpose = body.get("input_type") or "passage"
    if purpose not in ("query", "passage", "document"):
        raise InvalidRequest("input_type has to be query, passage or document", field="input_type")
    return _EmbeddingsQuery(texts_of(body), purpose == "query", encoding == "base64")


def _rejected(error: InvalidRequest, name: str) -> ModelRejected:
    rejected = ModelRejected(str(error), model=name)
    said = {"message": str(error), "type": "invalid_request_error", "param": error.field, "code": None}
    rejected.answer = ProviderAnswer(HTTPStatus.BAD_REQUEST, orjson.dumps({"error": said}))
    return rejected


async def _tokens(embedder: Embedder, asked: _EmbeddingsQuery) -> int:
    """Count the tokens of all texts.

    :raises InvalidRequest: when one is longer than the model reads: its vector would leave the rest out.
    """
    counts = await embedder.count_tokens(asked.texts, are_queries=asked.are_queries)
    for place, tokens in enumerate(counts):
        if tokens > embedder.max_tokens:
            raise InvalidRequest(
                f"input {place} has {tokens:,} tokens: this model reads {embedder.max_tokens}. Split it.",
                field="input",
            )
    return sum(counts)


async def _embedded(embedder: Embedder, asked: _EmbeddingsQuery) -> list[NDArray[np.float32]]:
    if asked.are_queries:
        return [await embedder.embed_query(text) for text in asked.texts]
    return list(await embedder.embed_passages(asked.texts))


def _answer(vectors: list[NDArray[np.float32]], model: str, tokens: int, *, as_base64: bool) -> bytes:
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode() if as_base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    answer = {"object": "list", "data": data, "model": model, "usage": usage}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
