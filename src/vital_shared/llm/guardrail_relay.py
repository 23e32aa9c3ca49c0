"""Calls in a provider's own words go through the guardrails, as far as these can read them.

The answer passes in the provider's own form, see `GuardedAnswer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.guarded_answer import GuardedAnswer
from vital_shared.llm.guardrail_streams import refusals_as_model_errors
from vital_shared.llm.texts_within import replace_texts, texts_within
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
        call = guardrails.call("model", model)
        before = tuple(texts_within(request.body, NOT_TEXTS))
        texts = await guardrails.before(call, before)
        mask = guardrails.mask(call)
        if mask is not None:
            texts = guardrails.hide(mask, call, texts)
    if texts != before:
        body = replace_texts(dict(request.body), iter(texts), NOT_TEXTS)
        request = request._replace(body=body)
    is_masked = mask is not None and mask.has_hidden
    if request.operation == "embeddings" or not (is_masked or guardrails.judges_answers):
        return request, None
    return request, GuardedAnswer(guardrails, call, mask if is_masked else None, protocol, take)
