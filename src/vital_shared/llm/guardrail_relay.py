"""Calls in a provider's own words go through the guardrails, as far as these can read them.

The answer passes event by event, in the provider's own form. Guardrails for answers cannot hold such a stream
back: where there are any, the call is refused. A placeholder that two events share is not put back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vital_shared.guardrails.base import GuardRefused
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.guardrail_streams import refusals_as_model_errors
from vital_shared.llm.texts_within import replace_texts, texts_within
from vital_shared.llm.wires.relay import RelayedRequest

__all__ = ["guarded_relay"]

Take = Callable[[bytes], None]

NOT_TEXTS: Final = frozenset(
    {
        "cache_control",
        "data",
        "encrypted_content",
        "format",
        "id",
        "model",
        "name",
        "response_format",
        "role",
        "signature",
        "tool_call_id",
        "tool_choice",
        "tool_use_id",
        "tools",
        "type",
        "url",
    }
)
"""Fields of requests that hold no words of users, documents or tools."""


async def guarded_relay(
    guardrails: Guardrails, model: str, request: RelayedRequest, take: Take
) -> tuple[RelayedRequest, Take]:
    """Return the request that is sent, and what takes the data of the answer's events.

    :param model: the full name, ``provider:model``.
    :raises ModelHeldBack: when a guardrail refuses.
    """
    with refusals_as_model_errors(model):
        call = guardrails.call("model", model)
        if guardrails.judges_answers:
            message = (
                f'The guardrails for answers cannot read the stream of "{model}": ask a workflow instead.'
            )
            raise GuardRefused(message, guard="pattern", kind="failed")
        before = tuple(texts_within(request.body, NOT_TEXTS))
        texts = await guardrails.before(call, before)
        mask = guardrails.mask(call)
        if mask is not None:
            texts = guardrails.hide(mask, call, texts)
    if texts == before:
        return request, take
    body = replace_texts(dict(request.body), iter(texts), NOT_TEXTS)
    return request._replace(body=body), take if mask is None else _restoring(mask, take)


def _restoring(mask: Mask, take: Take) -> Take:
    def restored(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        take(mask.restore(text).encode("utf-8", "surrogateescape"))

    return restored
