"""Models of this process, and those that an application brings, behind the guardrails."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import Model, ModelEvent, ModelRequest
from vital_shared.llm.guardrail_streams import guarded_events, refusals_as_model_errors
from vital_shared.llm.texts_within import TextFields, replace_texts, texts_within

__all__ = ["GuardrailModel"]

LOCAL_PREFIX: Final = "local:"

NOT_TEXTS: Final = frozenset(
    {"id", "name", "native", "response_schema", "role", "status", "task", "tools", "wire", "kind", "language"}
)
"""Fields of a request that are none of the words that users, documents or tools have written."""

FIELDS: Final = TextFields(NOT_TEXTS, free=frozenset({"arguments"}))


class GuardrailModel:
    """A model behind the guardrails.

    What goes to one whose name has a provider leaves the process, so that personal data is masked in it.

    :param model: the model itself.
    """

    def __init__(self, model: Model, guardrails: Guardrails) -> None:
        self.name = model.name
        self.calls_tools: bool = getattr(model, "calls_tools", False)
        self._model = model
        self._guardrails = guardrails

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer.

        :raises ModelError: as the model does, or when a guardrail refuses.
        """
        guardrails = self._guardrails
        with refusals_as_model_errors(self.name):
            call = guardrails.call("model", self.name)
            fields = request.model_dump()
            before = tuple(texts_within(fields, FIELDS))
            texts = await guardrails.before(call, before)
            leaves = ":" in self.name and not self.name.startswith(LOCAL_PREFIX)
            mask = guardrails.mask(call) if leaves else None
            if mask is not None:
                texts = guardrails.hide(mask, call, texts)
            if texts != before:
                content = request.content
                request = ModelRequest.model_validate(replace_texts(fields, iter(texts), FIELDS))
                request = request.model_copy(update={"content": content})
            if request.content is not None:
                request.content.prompt, request.content.mask = request, mask
            events = guarded_events(self._model.stream(request), guardrails, call, mask)
            async with aclosing(events):
                async for event in events:
                    yield event
