"""OpenAI's embeddings: verbatim to providers that have them, translated to those of the Gemini API.

Source: OpenAI's API reference, "Create embeddings". Fields that are not known here are passed on, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.gemini_batch import embeddings_list, embeddings_query
from ai_engine.gateway.size import RequestSize, measure
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["EmbeddingsExchange", "texts_of"]

VERBATIM: Final = frozenset({"openai", "azure", "embedded"})
"""Protocols of providers that get the request as it is."""

OWN_FIELDS: Final = frozenset({"drop_params"})
"""Fields that are meant for the gateway."""

MAX_INPUTS: Final = 2_048
"""Inputs of one request (OpenAI's reference)."""


class EmbeddingsExchange:
    """A request for embeddings.

    :param body: the client's request.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :param drops_params: whether a request that does not say so drops what a provider cannot take, too.
    :raises InvalidRequest: when its input cannot be read.
    """

    is_streamed = False
    operation: Operation = "embeddings"

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        count: Callable[[str], int],
        count_at_most: Callable[[str], int],
        drops_params: bool = False,
    ) -> None:
        self.channel = AnswerChannel()
        self.is_verbatim = True
        """Whether the latest attempt was."""
        self._body = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        drops = body.get("drop_params")
        self._drops_params = drops_params if drops is None else drops is True
        inputs = _inputs(body.get("input"))
        texts = [each for each in inputs if isinstance(each, str)]
        token_ids = sum(len(each) for each in inputs if isinstance(each, list))
        read = measure(texts, count=count, count_at_most=count_at_most, max_output_tokens=None)
        self._inputs = len(inputs)
        self.size = RequestSize(read.input_tokens + token_ids, read.max_input_tokens + token_ids, None)

    def check(self, protocol: str) -> None:
        """See whether a provider has embeddings, and can carry the request.

        :raises InvalidRequest: when it cannot, naming the field.
        """
        if protocol == "gemini":
            self._translated("")
        elif protocol not in VERBATIM:
            raise InvalidRequest(
                f"Embeddings cannot be requested from a provider that speaks {protocol}.", field="model"
            )

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:  # noqa: ARG002 - nothing is written
        """Write the client's request, with the model's own name."""
        self.is_verbatim = protocol in VERBATIM
        body = {**self._body, "model": model} if self.is_verbatim else self._translated(model)
        return RelayedRequest(body, is_streamed=False, operation=self.operation)

    def take(self, data: bytes) -> None:
        """Pass on the answer."""
        if self.is_verbatim:
            self.channel.put(data)
            return
        answer = embeddings_list(
            data,
            str(self._body.get("model") or ""),
            inputs=self._inputs,
            input_tokens=self.size.input_tokens,
            as_base64=self._body.get("encoding_format") == "base64",
        )
        self.channel.put(answer)

    def _translated(self, model: str) -> dict[str, Any]:
        return embeddings_query(self._body, texts_of(self._body), model, drops_params=self._drops_params)

    def end(self) -> None:
        """Pass on nothing: the answer came whole."""

    def break_off(self, error: ModelError) -> None:
        """Pass on nothing: the answer comes whole, or not at all."""


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """Return the inputs of a request, where all are texts.

    :raises InvalidRequest: when some are tokens, which only their own model can read.
    """
    inputs = _inputs(body.get("input"))
    texts = [each for each in inputs if isinstance(each, str)]
    if len(texts) < len(inputs):
        raise InvalidRequest("input has to be text for this model, not tokens of another one", field="input")
    return texts


def _inputs(given: Any) -> list[str | list[int]]:
    """Return the inputs: texts, or lists of tokens; a single one need not be in a list.

    :raises InvalidRequest: when there are none, too many, or they are something else.
    """
    inputs = [given] if isinstance(given, str) or _are_tokens(given) else given
    if not isinstance(inputs, list) or not all(isinstance(each, str) or _are_tokens(each) for each in inputs):
        raise InvalidRequest("input has to be a text, a list of texts, or lists of tokens", field="input")
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise InvalidRequest(f"input has to hold 1 to {MAX_INPUTS:,} texts", field="input")
    if "" in inputs:
        raise InvalidRequest("input holds an empty text", field="input")
    return inputs


def _are_tokens(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(type(each) is int and each >= 0 for each in given)
