"""The sample documents, in a checkout or in the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["knowledge_folder"]

FOLDERS: Final = (Path(__file__).with_name("knowledge"), Path(__file__).parents[2] / "examples/knowledge")


def knowledge_folder() -> Path:
    """Return the folder of the sample documents."""
    return next(folder for folder in FOLDERS if folder.is_dir())
