"""Questions with known answers, from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.retrieval.passages import passage

from vital_shared.errors import InvalidRequest
from vital_shared.workflows.evaluation.questions import KnownQuestion, read_questions


def written(folder: Path, value: object) -> Path:
    path = folder / "questions.json"
    path.write_text(json.dumps(value))
    return path


def test_questions_have_facts_sources_or_no_answer(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        [
            {"id": "a", "question": "How long?", "facts": ["90 days", ["May", "5th month"]]},
            {"question": "Where?", "sources": ["map.md"]},
            {"question": "Who?", "answerable": False},
        ],
    )
    how, where, who = read_questions(path)
    assert how.facts == (("90 days",), ("May", "5th month"))
    assert (where.sources, who.answerable) == (("map.md",), False)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([{"question": "Who?"}], "needs facts or sources"),
        ([{"facts": ["x"]}], "at 0.question: it is missing"),
        ({"question": "Who?"}, "holds no list of questions"),
        ([{"question": "Who?", "facts": [[]]}], "at 0.facts.0"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(
    tmp_path: Path, value: object, problem: str
) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        read_questions(written(tmp_path, value))


def test_what_is_no_file_or_no_json_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read: No such file"):
        read_questions(tmp_path / "none.json")
    (tmp_path / "a.json").write_bytes(b"\xff[")
    with pytest.raises(InvalidRequest, match="not JSON in UTF-8"):
        read_questions(tmp_path / "a.json")


def test_facts_are_whole_words_in_any_spelling() -> None:
    asked = KnownQuestion(question="?", facts=[["9 days", "nine  days"], "May"])
    assert asked.has_facts("In may it takes NINE days.")
    assert not asked.has_facts("In May it takes 99 days.")
    assert not asked.has_facts("Maybe 9 days.")


def test_the_rank_is_the_number_of_passages_that_answer_together() -> None:
    passages = [passage("Nothing."), passage("It takes 9 days."), passage("It begins in May.")]
    assert KnownQuestion(question="?", facts=["9 days", "May"]).rank(passages) == 3
    assert KnownQuestion(question="?", facts=["9 days"]).rank(passages) == 2
    assert KnownQuestion(question="?", facts=["10 days"]).rank(passages) is None
    assert KnownQuestion(question="?", sources=[passages[1].uri]).rank(passages) == 2
