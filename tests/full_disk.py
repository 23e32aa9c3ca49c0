"""A disk that has no more room: files of this process that would grow beyond a size are refused."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["full_disk"]


@contextmanager
def full_disk(at_bytes: int) -> Iterator[None]:
    """Let the kernel take no byte of a file beyond a size, and a write that crosses it in part, as a disk does.

    :param at_bytes: the size.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
