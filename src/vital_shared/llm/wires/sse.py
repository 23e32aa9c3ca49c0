"""Events of a stream, read from bytes however they are cut: server-sent events, and what passes for them.

Source: WHATWG HTML, section 9.2.6. Beyond it, events may end with a single newline, and the body may be plain
JSON: one object, printed over several lines or not, or one on each line.
"""

from __future__ import annotations

from typing import Final

from vital_shared.llm.wires.json_text import BYTE_ORDER_MARK, is_json

__all__ = ["EventReader", "EventTooLarge"]

MAX_EVENT_BYTES: Final = 2 * 1024 * 1024

_JSON_BEGINS: Final = (b"{", b"[")
_END_MARK: Final = b"[DONE]"


class EventTooLarge(Exception):
    """One event is longer than anything that a model sends."""


class EventReader:
    """A reader of server-sent events: takes chunks of bytes, and gives the data of each whole event."""

    __slots__ = ("_begun", "_data", "_is_bare", "_is_new", "_line", "_size", "_was_cr")

    def __init__(self) -> None:
        self._line = bytearray()
        """The line that has not ended."""
        self._data: list[bytes] = []
        """The lines of data of the event that has not ended."""
        self._size = 0
        """Bytes in these lines."""
        self._begun = False
        self._is_bare = False
        """Whether the body is JSON, not events: each line is data."""
        self._is_new = False
        """Whether a line of data has come with the latest chunk, which may be a whole event."""
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
        if not self._begun:
            chunk = self._begin(chunk)
        if not self._line and not self._data and chunk.endswith(b"\n\n") and not self._is_bare:
            found: list[bytes] = []
            for block in chunk[:-2].split(b"\n\n"):  # as servers mostly send: whole events
                if block.startswith(b"data: {") and b"\n" not in block:
                    found.append(block[6:])
                else:
                    self._read_lines((*block.split(b"\n"), b""), found)
            return found
        return self._buffered(chunk)

    def end(self) -> list[bytes]:
        """Return the data of the last event, which some servers end without a blank line."""
        found: list[bytes] = []
        self._begun = True
        self._read_lines((bytes(self._line),), found)
        self._line.clear()
        self._dispatch(found)
        return found

    def _begin(self, chunk: bytes) -> bytes:
        """Drop a byte order mark, and see whether the body is JSON; wait where the mark may go on."""
        self._line += chunk
        head = bytes(self._line)
        if BYTE_ORDER_MARK.startswith(head[:3]) and len(head) < len(BYTE_ORDER_MARK):
            return b""
        text = head.removeprefix(BYTE_ORDER_MARK).lstrip(b" \t\n")
        self._line.clear()
        if text:
            self._begun = True
            self._is_bare = text.startswith(_JSON_BEGINS)
        return text

    def _buffered(self, chunk: bytes) -> list[bytes]:
        found: list[bytes] = []
        whole, newline, rest = chunk.rpartition(b"\n")
        self._is_new = False
        if newline:
            self._line += whole
            lines = bytes(self._line).split(b"\n")
            self._line[:] = rest
            self._read_lines(lines, found)
            if not rest and self._is_new and len(self._data) == 1 and _stands_alone(self._data[0]):
                self._dispatch(found)  # a server that ends its events with one newline
        elif self._begun:
            self._line += chunk
        if len(self._line) + self._size > MAX_EVENT_BYTES:
            raise EventTooLarge(f"{MAX_EVENT_BYTES:,}")
        return found

    def _read_lines(self, lines: list[bytes] | tuple[bytes, ...], found: list[bytes]) -> None:
        for line in lines:
            if not line and not self._is_bare:
                self._dispatch(found)
                continue
            if line.startswith(b"data:"):
                data = line[5:].removeprefix(b" ")
            elif self._is_bare or line.startswith(_JSON_BEGINS):
                data = line
            else:
                continue  # a comment, or a field that says nothing of an answer
            if len(self._data) == 1 and _stands_alone(self._data[0]):
                self._dispatch(found)
            self._data.append(data)
            self._is_new = True
            self._size += len(data) + 1

    def _dispatch(self, found: list[bytes]) -> None:
        lines, self._data, self._size = self._data, [], 0
        if len(lines) > 1 and all(_stands_alone(line) for line in lines if line.strip()):
            found += [line for line in lines if line.strip()]
            return
        data = b"\n".join(lines)
        if data and not data.isspace():
            found.append(data)


def _stands_alone(line: bytes) -> bool:
    """Return whether a line is a whole event by itself, not the first of several that make one."""
    line = line.strip()
    return line == _END_MARK or (
        line.startswith(_JSON_BEGINS) and line.endswith((b"}", b"]")) and is_json(line)
    )
