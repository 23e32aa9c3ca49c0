"""Messages over a pipe: a length of eight bytes, and as many bytes."""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO, Final

__all__ = ["FrameTooLarge", "read_frame", "write_frame"]

LENGTH: Final = Struct(">Q")


class FrameTooLarge(Exception):
    """A message longer than the reader takes."""


def write_frame(pipe: BinaryIO, message: bytes) -> None:
    """Send a message."""
    pipe.write(LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def read_frame(pipe: BinaryIO, max_bytes: int | None = None) -> bytes:
    """Receive a message.

    :param max_bytes: the longest message that is taken; None: any.
    :raises EOFError: when the pipe ends before the message does.
    :raises FrameTooLarge: when the message is longer.
    """
    (length,) = LENGTH.unpack(_read_exactly(pipe, LENGTH.size))
    if max_bytes is not None and length > max_bytes:
        raise FrameTooLarge
    return _read_exactly(pipe, length)


def _read_exactly(pipe: BinaryIO, length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
