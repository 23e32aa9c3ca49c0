"""The content blocks of one answer in Anthropic's protocol, put together from their pieces.

Anthropic itself announces each block, numbers it and ends it. Servers that speak its protocol leave out the
announcement or the number, use a number again, or send a whole block at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from vital_shared.llm.base import ModelEvent, ReasoningDelta, TextDelta
from vital_shared.llm.wires.fields import label_in, object_in, text_in
from vital_shared.llm.wires.json_text import SurrogateJoiner, mended

__all__ = ["ContentBlocks"]


class _BlockType(NamedTuple):
    """A type of piece: the type of its block, and the field that has its content."""

    block: str
    field: str


_PIECES: Final = {
    "text_delta": _BlockType("text", "text"),
    "thinking_delta": _BlockType("thinking", "thinking"),
    "input_json_delta": _BlockType("tool_use", "partial_json"),
    "signature_delta": _BlockType("thinking", "signature"),
}

_EVENTS: Final[Mapping[str, type[TextDelta | ReasoningDelta]]] = {
    "text": TextDelta,
    "thinking": ReasoningDelta,
}
"""Types of blocks that readers see as they come."""

_TYPE_OF_FIELD: Final = {"text": "text", "thinking": "thinking", "name": "tool_use"}
"""Types of blocks without a type, by the first field that they have."""


class _Block:
    """One content block: its beginning, and what has come of it since."""

    __slots__ = ("beginning", "input", "joiner", "kind", "parts")

    def __init__(self, kind: str, beginning: dict[str, Any]) -> None:
        self.kind = kind
        self.beginning = beginning
        self.parts: list[str] = []
        self.joiner = SurrogateJoiner()
        self.input: Any = beginning.get("input")

    def whole(self) -> dict[str, Any]:
        """Return the block as if it had come at once."""
        if self.kind in _EVENTS:
            return {**self.beginning, self.kind: "".join(self.parts)}
        return {**self.beginning, "input": self._input()} if self.takes_input else self.beginning

    @property
    def takes_input(self) -> bool:
        """Whether it is a call of a tool, of ours or of the provider's own."""
        return self.kind.endswith("tool_use")

    def takes(self, kind: str) -> bool:
        """Return whether pieces for this type of block may be its own."""
        return self.kind == kind or (kind == "tool_use" and self.takes_input)

    def goes_on_with(self, kind: str) -> bool:
        """Return whether a beginning with its number begins no other block: some servers repeat it."""
        return self.kind == kind and kind in _EVENTS and not self.beginning.get("signature")

    def _input(self) -> Any:
        """Return a call's arguments, or their text, from its pieces or, if those are blank, its beginning."""
        written = "".join(self.parts).strip()
        return (written.removeprefix("{}") or "{}") if written else self.input


class ContentBlocks:
    """All blocks of one answer, in the order of their beginnings."""

    __slots__ = ("_all", "_by_index", "pieces")

    def __init__(self) -> None:
        self.pieces = 0
        """Beginnings and pieces that said something."""
        self._all: list[_Block] = []
        self._by_index: dict[object, _Block] = {}

    @property
    def written_characters(self) -> int:
        """Length of all text, thinking and arguments."""
        return sum(len(part) for block in self._all for part in block.parts)

    def begin(self, index: Any, content: Any) -> ModelEvent | None:
        """Begin a block, and return what it says already."""
        beginning = dict(object_in(content))
        kind = label_in(beginning.get("type")) or next(
            (kind for field, kind in _TYPE_OF_FIELD.items() if field in beginning), ""
        )
        beginning["type"] = kind
        known = self._by_index.get(_key(index))
        if known is None or not known.goes_on_with(kind):
            known = self._by_index[_key(index)] = self._add(_Block(kind, beginning))
        return self._append(known, text_in(beginning.get(kind))) if kind in _EVENTS else None

    def add_piece(self, index: Any, delta: Mapping[str, Any]) -> ModelEvent | None:
        """Add a piece to its block, and return what it says; types that are not known yet are passed over.

        :raises UnreadableField: when its content is no text.
        """
        piece = _piece(delta)
        if piece is None:
            return None
        block = self._block(index, piece.block)
        content = delta.get(piece.field)
        if piece.field == "signature":
            signature = block.beginning.get("signature")
            block.beginning["signature"] = text_in(signature) + mended(text_in(content))
            return None
        if piece.field == "partial_json" and isinstance(content, dict):
            block.input = content
            return None
        return self._append(block, text_in(content))

    def whole(self) -> list[dict[str, Any]]:
        """Return all blocks with all that came of them."""
        return [block.whole() for block in self._all if block.kind]

    def _append(self, block: _Block, text: str) -> ModelEvent | None:
        text = block.joiner.feed(text)
        if not text:
            return None
        self.pieces += 1
        block.parts.append(text)
        event = _EVENTS.get(block.kind)
        return None if event is None else event(text=text)

    def _block(self, index: Any, kind: str) -> _Block:
        """Return the block that a piece belongs to; one of another type cannot be it."""
        numbered = self._by_index.get(_key(index))
        if numbered is not None and numbered.takes(kind):
            return numbered
        if kind == "tool_use":
            return next((each for each in reversed(self._all) if each.takes(kind)), None) or self._new(kind)
        latest = self._all[-1] if self._all else None
        return latest if latest is not None and latest.takes(kind) else self._new(kind)

    def _new(self, kind: str) -> _Block:
        return self._add(_Block(kind, {"type": kind}))

    def _add(self, block: _Block) -> _Block:
        self.pieces += 1
        self._all.append(block)
        return block


def _piece(delta: Mapping[str, Any]) -> _BlockType | None:
    kind = delta.get("type")
    if isinstance(kind, str) and kind:
        return _PIECES.get(kind)
    return next((piece for piece in _PIECES.values() if piece.field in delta), None)


def _key(index: Any) -> int | str | None:
    """Return what a block is found by; None for all without a number: the latest one of them is meant."""
    return index if isinstance(index, int | str) else None
