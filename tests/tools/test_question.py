from __future__ import annotations

from vital_shared.tools.question import short_sentences


def test_the_whole_comes_first_and_then_its_sentences() -> None:
    assert short_sentences("It is 3.5. Is it? Yes;\nno!") == (
        "It is 3.5. Is it? Yes;\nno!",
        "It is 3.5",
        "Is it",
        "Yes",
        "no!",
    )


def test_long_sentences_are_left_out() -> None:
    assert short_sentences("x" * 400 + ". Short.") == ("Short",)


def test_a_question_of_nothing_but_ends_gives_few_sentences() -> None:
    assert len(short_sentences("a?" * 5_000)) <= 51


def test_a_blank_question_has_no_sentences() -> None:
    assert short_sentences(" \n ") == ()
