"""Server-sent events, read from bytes however they are cut: WHATWG HTML, section 9.2.6."""

from __future__ import annotations

__all__ = ["EventReader", "EventTooLarge"]

LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes."""


class EventTooLarge(Exception):
    """One event is longer than anything that a model sends."""


class EventReader:
    """Takes chunks of bytes, and gives the data of each event that has become whole."""

    __slots__ = ("_buffer", "_searched", "_was_cr")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """How far no end of an event was found."""
        self._was_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that this chunk completes; events without data are left out.

        :raises EventTooLarge: when an event goes on and on.
        """
        if self._was_cr and chunk[:1] == b"\n":  # the second half of a line's end that was cut in two
            chunk = chunk[1:]
            self._was_cr = False
        if b"\r" in chunk:
            self._was_cr = chunk[-1:] == b"\r"
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif chunk:
            self._was_cr = False
        if not self._buffer and chunk.endswith(b"\n\n"):  # as servers mostly send: whole events
            blocks = chunk[:-2].split(b"\n\n")
            return [data for block in blocks if (data := _data(block)) is not None]
        return self._buffered(chunk)

    def end(self) -> list[bytes]:
        """Return the data of the last event, which some servers end without a blank line."""
        data = _data(bytes(self._buffer))
        self._buffer.clear()
        return [] if data is None else [data]

    def _buffered(self, chunk: bytes) -> list[bytes]:
        buffer = self._buffer
        buffer += chunk
        found = []
        begin = 0
        while (end := buffer.find(b"\n\n", max(begin, self._searched))) >= 0:
            data = _data(bytes(buffer[begin:end]))
            if data is not None:
                found.append(data)
            begin = self._searched = end + 2
        del buffer[:begin]
        self._searched = max(0, len(buffer) - 1)
        if len(buffer) > LARGEST_EVENT:
            raise EventTooLarge
        return found


def _data(block: bytes) -> bytes | None:
    """Return the data of one event; None: it has none."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
