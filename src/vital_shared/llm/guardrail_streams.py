"""The events of a model's answer on their way through the guardrails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

import orjson

from vital_shared.guardrails.answer_stream import AnswerStream
from vital_shared.guardrails.base import GuardedCall, GuardRefused
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import (
    Cited,
    ModelEvent,
    ModelHeldBack,
    ModelToolCall,
    ModelTurn,
    ReasoningDelta,
    TextDelta,
    TextWithdrawn,
)

__all__ = ["guarded_events", "refusals_as_model_errors"]

_WITH_TEXTS: Final = (ModelToolCall, ModelTurn, Cited)
"""Events that hold texts of the model's or of its sources."""


@contextmanager
def refusals_as_model_errors(model: str) -> Iterator[None]:
    """Let the refusal of a guardrail be that of the model, whose answer is held back."""
    try:
        yield
    except GuardRefused as refusal:
        error = ModelHeldBack(refusal.message, model=model, reason="guardrail")
        error.withheld = refusal.withheld
        raise error from refusal


async def guarded_events(
    events: AsyncGenerator[ModelEvent, None], guardrails: Guardrails, call: GuardedCall, mask: Mask | None
) -> AsyncGenerator[ModelEvent, None]:
    """Pass on what may be passed on, with the originals of what was masked.

    :raises GuardRefused: when it may not be.
    """
    written: list[str] = []
    passing = _passing(events, guardrails, call, mask, written)
    try:
        async with aclosing(passing):
            async for event in passing:
                yield event
    except GuardRefused as refusal:
        refusal.withheld = "".join(written)
        raise


async def _passing(
    events: AsyncGenerator[ModelEvent, None],
    guardrails: Guardrails,
    call: GuardedCall,
    mask: Mask | None,
    written: list[str],
) -> AsyncGenerator[ModelEvent, None]:
    text, reasoning = AnswerStream(guardrails, call, mask), AnswerStream(guardrails, call, mask)
    async with aclosing(events):
        async for event in events:
            if type(event) is TextDelta:
                written.append(event.text)
                if ready := await text.feed(event.text):
                    yield TextDelta(text=ready)
                continue
            if type(event) is ReasoningDelta:
                written.append(event.text)
                if ready := await reasoning.feed(event.text):
                    yield ReasoningDelta(text=ready)
                continue
            if isinstance(event, TextWithdrawn):
                text.withdraw()
            else:
                if rest := await reasoning.end():
                    yield ReasoningDelta(text=rest)
                if rest := await text.end():
                    yield TextDelta(text=rest)
            yield await _passed(event, guardrails, call, mask)


async def _passed(
    event: ModelEvent, guardrails: Guardrails, call: GuardedCall, mask: Mask | None
) -> ModelEvent:
    if isinstance(event, ModelToolCall) and guardrails.reads_texts:
        await guardrails.after(call, (orjson.dumps(event.arguments).decode(),))
    if mask is None or not mask.has_hidden or not isinstance(event, _WITH_TEXTS):
        return event
    if isinstance(event, ModelTurn):
        calls = tuple(_restored(each, mask) for each in event.calls)
        return event.model_copy(update={"text": mask.restore(event.text), "calls": calls})
    if isinstance(event, Cited):
        quoted = mask.restore_values(event.citation.model_dump())
        return Cited(citation=type(event.citation).model_validate(quoted))
    return _restored(event, mask)


def _restored(call: ModelToolCall, mask: Mask) -> ModelToolCall:
    return call.model_copy(update={"arguments": mask.restore_values(call.arguments)})
