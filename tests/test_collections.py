"""The collections that `make eval` asks about are sound: what is expected is in their documents."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "bench" / "collections"
COLLECTIONS = sorted(path for path in FOLDER.iterdir() if path.is_dir())
KINDS = {"absent attribute", "wrong year", "wrong entity", "look-alike name", "contradicted premise"}


def questions_of(folder: Path) -> list[dict[str, Any]]:
    questions: list[dict[str, Any]] = json.loads((folder / "questions.json").read_text())
    return questions


@pytest.mark.parametrize("folder", COLLECTIONS, ids=lambda path: path.name)
def test_an_answerable_question_has_each_fact_in_one_of_its_sources(folder: Path) -> None:
    for question in questions_of(folder):
        if question["answerable"]:
            texts = [_cells((folder / source).read_text()) for source in question["sources"]]
            spellings = [[spelling.split(": ")[-1] for spelling in fact] for fact in question["facts"]]
            assert spellings, question
            assert any(
                all(any(spelling in text for spelling in fact) for fact in spellings) for text in texts
            ), question


@pytest.mark.parametrize("folder", COLLECTIONS, ids=lambda path: path.name)
def test_an_unanswerable_question_says_how_it_misses(folder: Path) -> None:
    for question in questions_of(folder):
        if not question["answerable"]:
            assert not question.get("facts"), question
            assert question.get("near_miss") in KINDS | {None}, question


def test_there_are_questions_enough_of_every_kind() -> None:
    questions = [question for folder in COLLECTIONS for question in questions_of(folder)]
    kinds = Counter(question.get("near_miss") for question in questions if not question["answerable"])
    assert len({question["id"] for question in questions}) == len(questions) >= 200
    assert all(kinds[kind] >= 10 for kind in KINDS), kinds


def _cells(text: str) -> str:
    """Return a text with the marks between a table's cells taken out."""
    return " ".join(text.replace("|", " ").split())
