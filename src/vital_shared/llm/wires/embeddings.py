"""OpenAI's embeddings: the decoder of their answers.

Source: the API reference of OpenAI, "Create embeddings".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from vital_shared.llm.base import ModelEvent, ModelUnavailable, Stop, Usage
from vital_shared.llm.wires.bounds import AnswerBounds
from vital_shared.llm.wires.openai_errors import read_error
from vital_shared.llm.wires.openai_usage import read_usage

__all__ = ["EMBEDDINGS_BOUNDS", "EmbeddingsDecoder"]

EMBEDDINGS_BOUNDS: Final = AnswerBounds(max_bytes=192 * 1024 * 1024)
"""The most that one answer may take: 2,048 texts (OpenAI's limit), with 4,096 numbers of 22 bytes each."""


class EmbeddingsDecoder:
    """The decoder of one answer, which comes whole.

    :param model: the full name, ``provider:model``, for errors.
    """

    __slots__ = ("_model", "_usage", "pieces")

    def __init__(self, model: str) -> None:
        self.pieces = 0
        self._model = model
        self._usage: Usage | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come."""
        return self.pieces > 0

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read the counts of an answer; its vectors are the client's."""
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise self._bad_answer("no JSON object")
        if answer.get("error"):
            raise read_error(None, answer, self._model)
        if not isinstance(answer.get("data"), list):
            raise self._bad_answer('no "data"')
        self.pieces += 1
        counts: Any = answer.get("usage")
        if not isinstance(counts, dict):
            return ()
        self._usage = read_usage(counts)
        return (self._usage,)

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
