"""Embeddings: the decoder of their answers.

Sources: the API reference of OpenAI, "Create embeddings"; that of the Gemini API, "Embeddings".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from vital_shared.llm.base import ModelError, ModelEvent, ModelUnavailable, Stop, Usage
from vital_shared.llm.wires.bounds import AnswerBounds
from vital_shared.llm.wires.gemini_errors import failure
from vital_shared.llm.wires.gemini_usage import GeminiUsage
from vital_shared.llm.wires.openai_errors import read_error
from vital_shared.llm.wires.openai_usage import read_usage

__all__ = [
    "EMBEDDINGS_BOUNDS",
    "GEMINI_EMBEDDINGS",
    "OPENAI_EMBEDDINGS",
    "EmbeddingsDecoder",
    "EmbeddingsForm",
]

EMBEDDINGS_BOUNDS: Final = AnswerBounds(max_bytes=192 * 1024 * 1024)
"""The most that one answer may take: 2,048 texts (OpenAI's limit), with 4,096 numbers of 22 bytes each."""


class EmbeddingsForm(NamedTuple):
    """The form of an answer in a protocol."""

    vectors: str
    """The field with the list of vectors."""
    counts: str
    """The field with the counts of tokens."""
    read_counts: Callable[[dict[str, Any]], Usage | None]
    read_error: Callable[[dict[str, Any], str], ModelError]
    """The reader of an error within an answer, for a model's full name."""


def _gemini_counts(counts: dict[str, Any]) -> Usage | None:
    usage = GeminiUsage()
    usage.update(counts)
    return next(iter(usage.read()), None)


OPENAI_EMBEDDINGS: Final = EmbeddingsForm(
    "data", "usage", read_usage, lambda answer, model: read_error(None, answer, model)
)
GEMINI_EMBEDDINGS: Final = EmbeddingsForm("embeddings", "usageMetadata", _gemini_counts, failure)


class EmbeddingsDecoder:
    """The decoder of one answer, which comes whole.

    :param model: the full name, ``provider:model``, for errors.
    :param form: the form of the answer.
    """

    __slots__ = ("_form", "_model", "pieces")

    def __init__(self, model: str, form: EmbeddingsForm = OPENAI_EMBEDDINGS) -> None:
        self.pieces = 0
        self._model = model
        self._form = form

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come."""
        return self.pieces > 0

    @property
    def is_over(self) -> bool:
        """Whether the answer has come, behind which there is nothing."""
        return self.is_whole

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read the counts of an answer; its vectors are the client's."""
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise self._bad_answer("no JSON object")
        if answer.get("error"):
            raise self._form.read_error(answer, self._model)
        if not isinstance(answer.get(self._form.vectors), list):
            raise self._bad_answer(f'no "{self._form.vectors}"')
        self.pieces += 1
        counts = answer.get(self._form.counts)
        usage = self._form.read_counts(counts) if isinstance(counts, dict) else None
        return () if usage is None else (usage,)

    def end(self) -> Sequence[ModelEvent]:
        """Return the end."""
        if not self.is_whole:
            raise self._bad_answer("nothing")
        return (Stop(reason="end"),)

    def _bad_answer(self, found: str) -> ModelUnavailable:
        return ModelUnavailable(
            f'The provider of "{self._model}" sent no embeddings, but {found}.',
            model=self._model,
            kind="bad_answer",
        )
