"""Personal data is replaced on the way out, and put back into what returns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from vital_shared.guardrails.personal_data import KINDS, PersonalDataKind, find_personal_data

__all__ = ["MAX_PLACEHOLDER_CHARACTERS", "Mask"]

MAX_PLACEHOLDER_CHARACTERS: Final = 24
"""Length of a placeholder at most."""

_PLACEHOLDER: Final = re.compile(r"<[A-Z_]{2,12}_[0-9a-f]{8}>")


class Mask:
    """The placeholders of one call; the same text has the same one in all calls of a run.

    :param run_id: keeps the placeholders of different runs apart.
    """

    def __init__(self, run_id: str, kinds: Collection[PersonalDataKind] = KINDS) -> None:
        self._run_id = run_id
        self._kinds = kinds
        self._originals: dict[str, str] = {}

    def hide(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the texts with placeholders, such as ``<EMAIL_1f3a9c02>``."""
        return tuple(map(self._hide, texts))

    def _hide(self, text: str) -> str:
        pieces, end = [], 0
        for place in find_personal_data(text, self._kinds):
            original = text[place.start : place.end]
            digest = hashlib.sha256(f"{self._run_id} {original}".encode()).hexdigest()[:8]
            placeholder = f"<{place.kind.upper()}_{digest}>"
            self._originals[placeholder] = original
            pieces += [text[end : place.start], placeholder]
            end = place.end
        return "".join((*pieces, text[end:])) if pieces else text

    def hide_again(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return texts with placeholders in which the originals were put back.

        An original is found wherever it stands, also where it does not look like personal data.
        """
        originals = sorted(self._originals.items(), key=lambda each: len(each[1]), reverse=True)
        hidden = []
        for text in texts:
            again = text
            for placeholder, original in originals:
                again = again.replace(original, placeholder)
            hidden.append(again)
        return self.hide(hidden)

    @property
    def has_hidden(self) -> bool:
        """Whether anything was replaced."""
        return bool(self._originals)

    def restore(self, text: str) -> str:
        """Put the originals back."""
        if "<" not in text or not self._originals:
            return text
        return _PLACEHOLDER.sub(lambda match: self._originals.get(match[0], match[0]), text)

    def restore_values(self, value: Any) -> Any:
        """Put the originals back into all texts of a JSON value."""
        if isinstance(value, str):
            return self.restore(value)
        if isinstance(value, dict):
            return {self.restore(key): self.restore_values(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.restore_values(each) for each in value)
        return value

    def open_end(self, text: str) -> int:
        """Return where the beginning of a placeholder stands that the next piece may complete, or the end."""
        begin = text.rfind("<", max(0, len(text) - MAX_PLACEHOLDER_CHARACTERS))
        is_open = self.has_hidden and begin >= 0 and ">" not in text[begin:]
        return begin if is_open else len(text)
