"""Let a model write, and keep what it wrote."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from vital_shared.llm.base import (
    Cited,
    Model,
    ModelError,
    ModelRequest,
    ReasoningDelta,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.models.answer import Answer
from vital_shared.models.citation import Citation
from vital_shared.models.workflow_io import Tokens

__all__ = ["Writer"]


class Writer:
    """One answer while it is written.

    :param request: what the model may use.
    """

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self._texts: list[str] = []
        self._citations: dict[int, Citation] = {}
        self._usages: list[Usage] = []
        self._model = ""
        self._stop: Stop | None = None
        self._instead_of: ModelError | None = None

    @property
    def shown(self) -> bool:
        """Whether the reader has seen some of it."""
        return bool(self._texts)

    async def write(
        self, model: Model, *, instead_of: ModelError | None = None
    ) -> AsyncGenerator[TextDelta | Cited | ReasoningDelta, None]:
        """Pass on what the model writes.

        :param instead_of: why the model that was asked first did not answer.
        :raises ModelError: when it does not answer, or not to the end.
        """
        self._model, self._instead_of = model.name, instead_of
        async with aclosing(model.stream(self._request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    self._texts.append(event.text)
                    yield event
                elif isinstance(event, Cited):
                    self._citations[event.citation.number] = event.citation
                    yield event
                elif isinstance(event, ReasoningDelta):
                    yield event
                elif isinstance(event, Usage):
                    self._usages.append(event)
                elif isinstance(event, Stop):
                    self._stop = event
        if self._stop is None:
            raise ModelError(f'The model "{model.name}" broke off.', model=model.name)

    def answer(self) -> Answer:
        """Return the whole answer."""
        reason = self._stop.reason if self._stop else "end"
        return Answer(
            text="".join(self._texts),
            citations=tuple(self._citations[number] for number in sorted(self._citations)),
            model=self._model,
            tokens=Tokens(
                input=sum(usage.input_tokens for usage in self._usages),
                cached_input=sum(usage.cached_input_tokens for usage in self._usages),
                output=sum(usage.output_tokens for usage in self._usages),
            ),
            abstained=reason == "no_answer",
            truncated=reason == "length",
            fallback_error=self._instead_of.message if self._instead_of else None,
        )
