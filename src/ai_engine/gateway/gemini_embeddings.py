"""The Gemini API's embeddings, from providers that have OpenAI's, and from the models on this machine.

Source: the reference of the Gemini API, "Embeddings".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.openai_embeddings import EmbeddingsExchange
from ai_engine.gateway.size import RequestSize
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.gemini.field_names import normal_form
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError, ModelUnavailable
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["GeminiEmbeddingsExchange"]

QUERY_TASKS: Final = frozenset({"RETRIEVAL_QUERY", "QUESTION_ANSWERING", "CODE_RETRIEVAL_QUERY"})
"""Purposes of a query, which the embedded models embed in another way than a passage."""


class GeminiEmbeddingsExchange:
    """A request for the embedding of a content, or of several.

    :param body: the client's request.
    :param is_batch: whether it is for several.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :raises InvalidRequest: naming the field that cannot be read.
    """

    is_streamed = False
    operation: Operation = "embeddings"

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        is_batch: bool,
        count: Callable[[str], int],
        count_at_most: Callable[[str], int],
    ) -> None:
        fields = FieldReader(normal_form(body))
        asked = fields.objects("requests") if is_batch else [fields]
        if not asked:
            raise fields.wrong("requests", "must hold a request")
        settings = {_settings(each) for each in asked}
        if len(settings) > 1:
            raise fields.wrong("requests", "must have one taskType and one outputDimensionality")
        task, dimensions = settings.pop()
        self._is_batch = is_batch
        self._are_queries = task in QUERY_TASKS
        self._openai = EmbeddingsExchange(
            {"input": [_text(each) for each in asked], "encoding_format": "float"}
            | ({} if dimensions is None else {"dimensions": dimensions}),
            count=count,
            count_at_most=count_at_most,
        )
        if fields.uses:
            used = fields.uses[0].field
            raise InvalidRequest(f"{used} cannot be embedded here: send text", field=used)

    @property
    def channel(self) -> AnswerChannel:
        """The way of the answer."""
        return self._openai.channel

    @channel.setter
    def channel(self, channel: AnswerChannel) -> None:
        self._openai.channel = channel

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        return self._openai.size

    def check(self, protocol: str) -> None:
        """See whether a provider has embeddings that can be translated."""
        self._openai.check(protocol)

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request as OpenAI's API has it."""
        written = self._openai.request(protocol, model, max_output_tokens)
        if protocol == "embedded" and self._are_queries:
            return written._replace(body={**written.body, "input_type": "query"})
        return written

    def take(self, data: bytes) -> None:
        """Translate the answer."""
        vectors = [{"values": each} for each in _vectors(data)]
        answer = {"embeddings": vectors} if self._is_batch else {"embedding": vectors[0]}
        self.channel.put(orjson.dumps(answer))

    def end(self) -> None:
        """Pass on nothing: the answer came whole."""

    def break_off(self, error: ModelError) -> None:
        """Pass on nothing: the answer comes whole, or not at all."""


def _settings(asked: FieldReader) -> tuple[str, int | None]:
    asked.ignore("model", "title")
    return asked.text("taskType"), asked.integer("outputDimensionality", 1)


def _text(asked: FieldReader) -> str:
    """Return the text of a content.

    :raises InvalidRequest: when it has none.
    """
    content = asked.object("content")
    parts = () if content is None else content.objects("parts")
    texts = [part.text("text") for part in parts]
    if not all(texts) or not texts:
        place = asked.place("content")
        raise InvalidRequest(f"{place} must have parts of text", field=place)
    return "\n".join(texts)


def _vectors(data: bytes) -> list[list[float]]:
    """Return the vectors of an answer, in the order of the inputs.

    :raises ModelUnavailable: when it has none that can be read.
    """
    try:
        items = sorted(orjson.loads(data)["data"], key=lambda each: each.get("index") or 0)
        vectors = [each["embedding"] for each in items]
    except (ValueError, KeyError, TypeError, AttributeError):
        vectors = []
    if not vectors or not all(isinstance(each, list) for each in vectors):
        raise ModelUnavailable("The provider's embeddings cannot be read.", model="", kind="bad_answer")
    return vectors
