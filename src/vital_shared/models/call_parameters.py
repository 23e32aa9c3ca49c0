"""The settings of a model's call that its provider is sent, and the server that it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

__all__ = ["CallParameters", "read_parameters"]

MAX_STOP_SEQUENCES: Final = 16
"""Stop sequences that are noted of a call."""

MAX_SEQUENCE_CHARACTERS: Final = 100


class CallParameters(NamedTuple):
    """The settings of a call; None: the provider's own."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    choice_count: int | None = None
    """Answers that are asked for at once."""

    output_type: str | None = None
    """``json`` where the answer has to follow a schema."""

    encoding_formats: tuple[str, ...] | None = None
    """The formats of vectors that are asked for."""

    server_address: str | None = None
    """The provider's host; None: the model runs in this process."""

    server_port: int | None = None

    is_streamed: bool | None = None
    """Whether the answer is asked for event by event; None: it is not known."""


def read_parameters(
    body: Mapping[str, Any], *, server_address: str | None = None, server_port: int | None = None
) -> CallParameters:
    """Read the settings in a request's body, in OpenAI's, Anthropic's or Gemini's words.

    What is of another type than the provider's reference says is left out: it is the provider's to refuse.
    """
    config = body.get("generationConfig")
    fields = {**body, **config} if isinstance(config, Mapping) else body
    return CallParameters(
        max_tokens=_integer(
            fields, "max_completion_tokens", "max_tokens", "max_output_tokens", "maxOutputTokens"
        ),
        temperature=_number(fields, "temperature"),
        top_p=_number(fields, "top_p", "topP"),
        top_k=_integer(fields, "top_k", "topK"),
        frequency_penalty=_number(fields, "frequency_penalty", "frequencyPenalty"),
        presence_penalty=_number(fields, "presence_penalty", "presencePenalty"),
        seed=_integer(fields, "seed"),
        stop_sequences=_texts(fields, "stop", "stop_sequences", "stopSequences"),
        choice_count=_integer(fields, "n", "candidateCount"),
        output_type="json" if _wants_json(fields) else None,
        encoding_formats=_texts(fields, "encoding_format"),
        server_address=server_address,
        server_port=server_port,
    )


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _integer(fields: Mapping[str, Any], *names: str) -> int | None:
    value = _first(fields, names)
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _number(fields: Mapping[str, Any], *names: str) -> float | None:
    value = _first(fields, names)
    return float(value) if type(value) in (int, float) else None


def _texts(fields: Mapping[str, Any], *names: str) -> tuple[str, ...] | None:
    value = _first(fields, names)
    texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    kept = (text[:MAX_SEQUENCE_CHARACTERS] for text in texts[:MAX_STOP_SEQUENCES] if isinstance(text, str))
    return tuple(kept) or None


def _wants_json(fields: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is asked for, in whichever provider's words."""
    text = fields.get("text")
    wanted = fields.get("response_format") or (text.get("format") if isinstance(text, Mapping) else None)
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    return kind in ("json_schema", "json_object") or fields.get("responseMimeType") == "application/json"
