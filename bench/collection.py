"""The collections that answers are evaluated on: documents of one kind, and questions about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from judging import Question

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "bench" / "collections"
SAMPLE = ROOT / "examples" / "knowledge"


@dataclass(frozen=True)
class Collection:
    name: str
    documents: tuple[Path, ...]
    questions: tuple[Question, ...]


def load_collections() -> list[Collection]:
    """Return the sample collection, then those written for the evaluation, by name."""
    folders = [SAMPLE, *sorted(path for path in WRITTEN.iterdir() if path.is_dir())]
    return [load_collection(folder) for folder in folders]


def load_collection(folder: Path) -> Collection:
    """Read the documents' paths and the questions of a folder."""
    questions = json.loads((folder / "questions.json").read_text())
    return Collection(
        name="examples" if folder == SAMPLE else folder.name,
        documents=tuple(path for path in sorted(folder.iterdir()) if path.name != "questions.json"),
        questions=tuple(Question(**question) for question in questions),
    )
