"""The Gemini API's embeddings: of its own providers, of those that have OpenAI's, and on this machine.

Source: the reference of the Gemini API, "Embeddings".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.gemini_generate import OWN_FIELDS, PROTOCOLS
from ai_engine.gateway.openai_embeddings import EmbeddingsExchange
from ai_engine.gateway.size import RequestSize, measure
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.gemini.field_names import normal_form
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError, ModelUnavailable
from vital_shared.llm.wires.gemini import model_path
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["GeminiEmbeddingsExchange"]

QUERY_TASKS: Final = frozenset(
    {"RETRIEVAL_QUERY", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"}
)
"""Purposes of a query, which the embedded models embed in another way than a passage."""

PASSAGE_TASKS: Final = frozenset(
    {
        "",
        "TASK_TYPE_UNSPECIFIED",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
    }
)
"""Purposes of all other texts."""


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
        self.channel = AnswerChannel()
        self._count, self._count_at_most = count, count_at_most
        self._is_batch = is_batch
        self._is_verbatim = False
        read = normal_form(body)
        self._asked = _asked(body, is_batch=is_batch)
        self._read = _asked(read, is_batch=is_batch)
        fields = FieldReader(read)
        readers = fields.objects("requests") if is_batch else [fields]
        if not readers:
            raise fields.wrong("requests", "must hold a request")
        for each in readers:
            content = each.object("content")
            if content is None or not content.objects("parts"):
                place = each.place("content")
                raise InvalidRequest(f"{place} must have parts", field=place)

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        read = [each.get("content") for each in self._read]
        return measure(read, count=self._count, count_at_most=self._count_at_most, max_output_tokens=None)

    @cached_property
    def _openai(self) -> EmbeddingsExchange:
        """The request as OpenAI's API has it.

        :raises InvalidRequest: naming the field that it does not have.
        """
        fields = FieldReader({"requests": self._read} if self._is_batch else self._read[0])
        asked = fields.objects("requests") if self._is_batch else [fields]
        settings = {_settings(each) for each in asked}
        if len(settings) > 1:
            raise fields.wrong("requests", "must have one taskType and one outputDimensionality")
        task, dimensions = settings.pop()
        self._are_queries = task in QUERY_TASKS
        return EmbeddingsExchange(
            {"input": [_text(each) for each in asked], "encoding_format": "float"}
            | ({} if dimensions is None else {"dimensions": dimensions}),
            count=self._count,
            count_at_most=self._count_at_most,
        )

    def check(self, protocol: str) -> None:
        """See whether a provider has embeddings, and can carry the request."""
        if protocol not in PROTOCOLS:
            self._openai.check(protocol)

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request as the provider's API has it."""
        self._is_verbatim = protocol in PROTOCOLS
        if self._is_verbatim:
            requests = [{**each, "model": model_path(model)} for each in self._asked]
            return RelayedRequest({"requests": requests}, is_streamed=False, operation=self.operation)
        written = self._openai.request(protocol, model, max_output_tokens)
        if protocol == "embedded" and self._are_queries:
            return written._replace(body={**written.body, "input_type": "query"})
        return written

    def take(self, data: bytes) -> None:
        """Pass on the answer, in the form that was asked for."""
        if self._is_verbatim:
            self.channel.put(data if self._is_batch else _first(data))
            return
        vectors = [{"values": each} for each in _vectors(data)]
        answer = {"embeddings": vectors} if self._is_batch else {"embedding": vectors[0]}
        self.channel.put(orjson.dumps(answer))

    def end(self) -> None:
        """Pass on nothing: the answer came whole."""

    def break_off(self, error: ModelError) -> None:
        """Pass on nothing: the answer comes whole, or not at all."""


def _asked(body: Mapping[str, Any], *, is_batch: bool) -> list[dict[str, Any]]:
    """Return the requests for one content each; what cannot be one is left to the reader of fields."""
    given = body.get("requests") if is_batch else body
    listed = given if isinstance(given, list) else [given]
    return [
        {name: value for name, value in each.items() if name not in OWN_FIELDS}
        for each in listed
        if isinstance(each, dict)
    ]


def _first(data: bytes) -> bytes:
    """Return the answer to the request for one content, from the answer to a batch of it.

    :raises ModelUnavailable: when it has none.
    """
    answer = orjson.loads(data)
    match answer.pop("embeddings"):
        case [dict(embedding), *_] if embedding:
            return orjson.dumps({"embedding": embedding, **answer})
    raise _unreadable()


def _unreadable() -> ModelUnavailable:
    return ModelUnavailable("The provider's embeddings cannot be read.", model="", kind="bad_answer")


def _settings(asked: FieldReader) -> tuple[str, int | None]:
    asked.ignore("model", "title")
    task = asked.text("taskType")
    if task not in QUERY_TASKS | PASSAGE_TASKS:
        raise asked.wrong("taskType", "must be a TaskType of the Gemini API")
    return task, asked.integer("outputDimensionality", 1)


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
        raise _unreadable()
    return vectors
