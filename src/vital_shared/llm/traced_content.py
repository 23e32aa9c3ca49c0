"""The words of a model's call in its span, where ``VITAL_TRACE_CONTENT`` asks for them.

``masked`` leaves no personal data that has a form in them, ``full`` leaves all of it; off by default.
Messages are written as the conventions for GenAI have them (gen_ai.input.messages, gen_ai.output.messages).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

import orjson

from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.masking import Mask
from vital_shared.guardrails.personal_data import find_personal_data
from vital_shared.llm.base import ModelRequest
from vital_shared.monitoring.tracing import tracer

__all__ = ["TracedContent", "check_telemetry", "traced_content"]

MAX_CONTENT_CHARACTERS: Final = 32_768
"""Characters of each text that a span has at most."""

_MASKED: Final[Mapping[str, bool | None]] = {"": None, "off": None, "masked": True, "full": False}


class TracedContent:
    """The writer of a call's words.

    :param is_masked: whether personal data is replaced.
    """

    def __init__(self, *, is_masked: bool) -> None:
        self._is_masked = is_masked

    def input_of(self, request: ModelRequest, run_id: str) -> dict[str, str]:
        """Return the attributes with the question, the conversation and the instructions."""
        write = self._writer(run_id)
        turns: list[tuple[str, str]] = [(each.role, each.content) for each in request.history]
        turns += [(each.role, each.content) for each in request.messages]
        turns += [("user", request.question)] if request.question else []
        attributes = {"gen_ai.input.messages": _json([_message(role, write(text)) for role, text in turns])}
        if request.instructions:
            attributes["gen_ai.system_instructions"] = _json([_part(write(request.instructions))])
        return attributes

    def output_of(self, texts: Sequence[str], finish_reason: str, run_id: str) -> dict[str, str]:
        """Return the attribute with the answer."""
        message = _message("assistant", self._writer(run_id)("".join(texts)))
        return {"gen_ai.output.messages": _json([{**message, "finish_reason": finish_reason}])}

    def _writer(self, run_id: str) -> Callable[[str], str]:
        mask = Mask(run_id) if self._is_masked else None

        def write(text: str) -> str:
            (hidden,) = (text,) if mask is None else mask.hide((text,))
            return hidden[:MAX_CONTENT_CHARACTERS]

        return write


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [_part(text)]}


def _part(text: str) -> dict[str, object]:
    return {"type": "text", "content": text}


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


@cache
def traced_content() -> TracedContent | None:
    """Return the writer that the environment asks for; None: spans hold no content.

    :raises ConfigurationError: when it asks for something else.
    """
    asked = os.environ.get("VITAL_TRACE_CONTENT", "").strip().lower()
    if asked not in _MASKED:
        raise ConfigurationError(
            f"The environment variable VITAL_TRACE_CONTENT is {asked!r}: set it to masked, full or off."
        )
    is_masked = _MASKED[asked]
    return None if is_masked is None else TracedContent(is_masked=is_masked)


def check_telemetry() -> None:
    """Check what the environment asks for.

    :raises ConfigurationError: when that is no setting, or packages that it needs are missing.
    """
    if tracer() is not None and traced_content() is not None:
        find_personal_data("1")
