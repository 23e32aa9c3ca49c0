"""A text that grows by events, of which a part may be taken back."""

from __future__ import annotations

__all__ = ["StreamedText"]


class StreamedText:
    """The text of a run's tokens, with the numbers of their events."""

    def __init__(self) -> None:
        self.text = ""
        self._ends: list[tuple[int, int]] = []
        """The number of each event, and the length of the text with it."""

    def add(self, seq: int, text: str) -> None:
        """Append the text of an event."""
        self.text += text
        self._ends.append((seq, len(self.text)))

    def drop_from(self, seq: int) -> None:
        """Take back the text of the event with this number and of all later ones."""
        while self._ends and self._ends[-1][0] >= seq:
            self._ends.pop()
        self.text = self.text[: self._ends[-1][1] if self._ends else 0]
