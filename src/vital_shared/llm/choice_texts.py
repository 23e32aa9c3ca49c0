"""The texts of an answer that comes in several choices, each apart from the others."""

from __future__ import annotations

from typing import Final

import orjson

from vital_shared.llm.relayed_texts import READERS

__all__ = ["ChoiceTexts"]

ANSWER_TEXTS: Final = frozenset({"content", "refusal", "text"})
"""Names of texts that are a part of an answer, and no thought and no call of a tool."""


class ChoiceTexts:
    """The texts of the choices of one answer, from the data of its events.

    :param protocol: the provider's wire.
    """

    def __init__(self, protocol: str) -> None:
        self._read = READERS.get(protocol)
        self._texts: dict[int, list[str]] = {}

    def take(self, data: bytes) -> None:
        """Take the data of an event; one that is no object holds no text."""
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict) or self._read is None:
            return
        for slot in self._read(event, is_strict=False).slots:
            choice, name = slot.key[0], slot.key[1]
            if name in ANSWER_TEXTS:
                self._texts.setdefault(choice, []).append(slot.holder[slot.name])

    def text(self) -> str:
        """Return the texts in the order of the choices, with an empty line between them."""
        return "\n\n".join("".join(self._texts[choice]) for choice in sorted(self._texts))
