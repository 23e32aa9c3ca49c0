"""Text and reasoning out of the shapes in which OpenAI-compatible providers send them.

Sources: OpenAI's reference ("content parts"), Mistral's on reasoning (``thinking`` parts), OpenRouter's on
``reasoning_details``, DeepSeek's on ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

__all__ = ["ContentPiece", "content_pieces", "reasoning_text"]

PieceKind = Literal["text", "reasoning", "refusal"]

_KINDS: Final[dict[str, PieceKind]] = {
    "thinking": "reasoning",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning",
    "reasoning.text": "reasoning",
    "reasoning.summary": "reasoning",
    "summary_text": "reasoning",
    "refusal": "refusal",
    "text": "text",
    "output_text": "text",
}
_TEXT_FIELDS: Final = (
    "text",
    "content",
    "thinking",
    "reasoning",
    "reasoning_content",
    "summary",
    "refusal",
    "value",
)
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
MAX_DEPTH: Final = 8
"""Levels of parts within parts that are read."""


class ContentPiece(NamedTuple):
    """A piece of an answer."""

    kind: PieceKind
    text: str


def content_pieces(content: Any, kind: PieceKind = "text", depth: int = 0) -> Iterator[ContentPiece]:
    """Read content: a text, a number, one part or a list of parts; what is neither is passed over."""
    if isinstance(content, str):
        if content:
            yield ContentPiece(kind, content)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield ContentPiece(kind, str(content))
    elif depth >= MAX_DEPTH:
        return
    elif isinstance(content, list):
        for part in content:
            yield from content_pieces(part, kind, depth + 1)
    elif isinstance(content, Mapping):
        said = content.get("type")
        known = _KINDS.get(said) if isinstance(said, str) else kind
        if known is not None:
            inner = next((content[field] for field in _TEXT_FIELDS if content.get(field)), None)
            yield from content_pieces(inner, kind if kind != "text" else known, depth + 1)


def reasoning_text(delta: Mapping[str, Any]) -> str:
    """Return the reasoning of a delta, from the first field that has any: some send it in two."""
    for field in _REASONING_FIELDS:
        if value := delta.get(field):
            text = "".join(piece.text for piece in content_pieces(value, "reasoning"))
            if text:
                return text
    return ""
