"""The sample documents, in a checkout or in the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["knowledge_files"]

FOLDERS: Final = (Path(__file__).with_name("knowledge"), Path(__file__).parents[2] / "examples/knowledge")


QUESTIONS: Final = "questions.json"
"""Questions about the documents, with their answers: they evaluate answers, and answer nothing."""


def knowledge_files() -> list[Path]:
    """Return the sample documents."""
    folder = next(folder for folder in FOLDERS if folder.is_dir())
    return sorted(path for path in folder.iterdir() if path.name != QUESTIONS)
