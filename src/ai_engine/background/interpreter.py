"""Keep threads and the garbage collector from holding the event loop up, and the start too."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["loading", "shorten_pauses"]

SWITCH_SECONDS: Final = 0.001
ALLOCATIONS: Final = 20_000
"""New objects after which the garbage collector looks through the new ones. Python's own 700 is less than
one run's: it would look through each several times, and find next to nothing."""


@contextmanager
def loading() -> Iterator[None]:
    """Import what is served in here: of modules, next to nothing is garbage.

    The collector would look through all that is loaded several times over, which takes a fifth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # else the first collection would make up for those that were left out
        gc.enable()


def shorten_pauses() -> None:
    """Set the process up for serving; to be called once, when all is loaded.

    A thread that works in Python, such as one that writes metrics, gives way to the event loop after a
    millisecond instead of five. And what was loaded by now stays for good, so the garbage collector need not
    look through it each time, which takes a tenth of a second; and it looks through the rest less often.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 10, 10)
