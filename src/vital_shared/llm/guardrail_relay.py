"""Calls in a provider's own words go through the guardrails, as far as these can read them.

The answer passes in the provider's own form, see `GuardedAnswer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from vital_shared.guardrails.base import GuardRefused
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.guarded_answer import GuardedAnswer
from vital_shared.llm.guardrail_streams import refusals_as_model_errors
from vital_shared.llm.texts_within import TextFields, replace_texts, texts_within
from vital_shared.llm.wires.relay import RelayedRequest

__all__ = ["guarded_relay"]

Take = Callable[[bytes], None]

NOT_TEXTS: Final = frozenset(
    {
        "cache_control",
        "call_id",
        "data",
        "encrypted_content",
        "file_data",
        "fileUri",
        "file_uri",
        "format",
        "id",
        "image_url",
        "include",
        "mimeType",
        "mime_type",
        "model",
        "name",
        "responseJsonSchema",
        "responseMimeType",
        "responseSchema",
        "response_format",
        "response_mime_type",
        "response_schema",
        "role",
        "signature",
        "thoughtSignature",
        "thought_signature",
        "toolConfig",
        "tool_call_id",
        "tool_choice",
        "tool_config",
        "tool_use_id",
        "tools",
        "type",
        "url",
    }
)
"""Fields of requests that hold no words of users, documents or tools."""

FIELDS: Final = TextFields(
    NOT_TEXTS,
    free=frozenset({"args", "arguments", "input", "labels", "metadata", "response"}),
    texts={"text": frozenset({"data"})},  # of Anthropic's documents of plain text
)


async def guarded_relay(
    guardrails: Guardrails, model: str, protocol: str, request: RelayedRequest, take: Take
) -> tuple[RelayedRequest, GuardedAnswer | None]:
    """Return the request that is sent, and the way of its answer; None: that passes as it comes.

    :param model: the full name, ``provider:model``.
    :param protocol: the provider's wire.
    :param take: takes the data of the answer's events.
    :raises ModelHeldBack: when a guardrail refuses.
    """
    with refusals_as_model_errors(model):
        if guardrails.reads_texts and request.operation == "embeddings":
            _require_texts(request.body)
        call = guardrails.call("model", model)
        before = tuple(texts_within(request.body, FIELDS))
        texts = await guardrails.before(call, before)
        mask = guardrails.mask(call)
        if mask is not None:
            texts = guardrails.hide(mask, call, texts)
    if texts != before:
        body = replace_texts(dict(request.body), iter(texts), FIELDS)
        request = request._replace(body=body)
    is_masked = mask is not None and mask.has_hidden
    if request.operation == "embeddings" or not (is_masked or guardrails.judges_answers):
        return request, None
    return request, GuardedAnswer(guardrails, call, mask if is_masked else None, protocol, take)


def _require_texts(body: Mapping[str, Any]) -> None:
    """See that a request for embeddings has texts, which some clients cut into tokens first.

    :raises GuardRefused: when it has tokens, behind which nobody sees what they say.
    """
    given = body.get("input")
    if isinstance(given, list) and not all(isinstance(each, str) for each in given):
        raise GuardRefused(
            "The guardrails cannot read tokens: send input as text "
            "(LangChain: check_embedding_ctx_length=False).",
            guard="pattern",
            kind="failed",
        )
