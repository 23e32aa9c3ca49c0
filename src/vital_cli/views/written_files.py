"""Files that were written, or that differ: each by its name, and many by their folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["named_files"]

MAX_NAMED_FILES: Final = 10
"""Files that are named one by one, at most."""


def named_files(to: Path, paths: Sequence[str], *, all_of_them: bool) -> list[str]:
    """Name files; where there are many, the number in each folder.

    :param to: the folder that they are in.
    :param all_of_them: whether each is named, however many there are.
    """
    if all_of_them or len(paths) <= MAX_NAMED_FILES:
        return [str(to / path) for path in paths]
    folders = Counter(str((to / path).parent) for path in paths)
    return [f"{number} in {folder}" for folder, number in folders.items()]
